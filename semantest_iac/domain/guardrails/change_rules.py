"""Guardrails over the changes of a plan: what it deletes and replaces, and whether that is usual for the stack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from semantest_iac.domain.deployment.change_plan import PlannedChange
from semantest_iac.domain.environments.guardrail_sections import GuardrailsSection
from semantest_iac.domain.guardrails.judged_plan import JudgedPlan, report
from semantest_iac.domain.guardrails.plan_review import PlanFinding

DEFAULT_PAST_DEPLOYMENTS = 20
_MOST_NAMES = 5


def judge_deletes(settings: GuardrailsSection, judged: JudgedPlan) -> Iterator[PlanFinding]:
    """No more resources are deleted than allowed; what a replacement deletes is created again and does not count."""
    most, deleted = settings.deletes.max, judged.list_changes("delete")
    if most is not None and len(deleted) > most:
        reason = f"deletes {_count_resources(deleted)}, and {most} may be: {_list_names(deleted)}"
        hint = "Raise guardrails.deletes.max, or leave the resources in."
        yield from report("deletes", settings.deletes.effect or "ask", reason, hint=hint)


def judge_stateful_replacements(settings: GuardrailsSection, judged: JudgedPlan) -> Iterator[PlanFinding]:
    """No resource is replaced whose data is lost with it."""
    for change in judged.list_changes("replace"):
        if change.loses:
            reason = f"replaces {change.name}, which loses {change.loses}"
            forcing = ", ".join(change.why)
            hint = f"Leave as it is what forces that: {forcing}." if forcing else ""
            effect = settings.replacements_of_stateful or "allow"
            yield from report("replacements_of_stateful", effect, reason, hint=hint, resource=change.name)


def judge_protected(settings: GuardrailsSection, judged: JudgedPlan) -> Iterator[PlanFinding]:
    """No protected resource is deleted or replaced."""
    for change in judged.list_changes("delete", "replace"):
        patterns = [it for it in settings.protected or () if _matches(it, change)]
        if patterns:
            reason = f"{change.op}s {change.name} ({change.type}), which is protected by '{patterns[0]}'"
            hint = "Take it out of guardrails.protected first."
            yield from report("protected", "refuse", reason, hint=hint, resource=change.name)


def _matches(pattern: str, change: PlannedChange) -> bool:
    return fnmatchcase(change.name, pattern) or fnmatchcase(change.type, pattern)


def judge_unusual_changes(settings: GuardrailsSection, judged: JudgedPlan) -> Iterator[PlanFinding]:
    """The changes are like those that completed deployments of the stack made before; a first one has no measure."""
    effect, most = settings.usual.effect or "allow", settings.usual.deployments or DEFAULT_PAST_DEPLOYMENTS
    if not judged.past:
        return
    hint = "Look at the plan: no deployment of this stack did that before."
    for reason, resource in _find_unusual(judged, most):
        yield from report("usual", effect, reason, hint=hint, resource=resource)


def _find_unusual(judged: JudgedPlan, most: int) -> Iterator[tuple[str, str]]:
    newest = judged.past[-most:]
    deleted = judged.list_changes("delete")
    usual = max(sum(change.op == "delete" for change in past) for past in newest)
    if len(deleted) > usual:
        compared = "the last deployment" if len(newest) == 1 else f"each of the last {len(newest)} deployments"
        yield f"deletes {_count_resources(deleted)}, {compared} {usual} at most: {_list_names(deleted)}", ""
    every_change = [change for past in judged.past for change in past]
    replaced_types = {change.type for change in every_change if change.op == "replace"}
    for change in judged.list_changes("replace"):
        if change.loses and change.type not in replaced_types:
            yield f"replaces a {change.type} for the first time: {change.name}, which loses {change.loses}", change.name
    touched = {change.urn for change in every_change}
    for change in judged.list_changes("update", "replace", "delete"):
        if change.urn not in touched:
            yield f"{change.op}s {change.name}, which no deployment of this stack has touched before", change.name


def judge_public_data(settings: GuardrailsSection, judged: JudgedPlan) -> Iterator[PlanFinding]:
    """No data can be read, or connected to, by anybody on the internet; unchanged resources count too."""
    for change in sorted(judged.plan.resources, key=lambda it: (it.name, it.urn)):
        if change.exposes and change.op != "delete":
            reason = f"{change.name} ({change.type}): {change.exposes}"
            yield from report("public_data", settings.public_data or "allow", reason, resource=change.name)


def _count_resources(changes: list[PlannedChange]) -> str:
    return "1 resource" if len(changes) == 1 else f"{len(changes)} resources"


def _list_names(changes: Iterable[PlannedChange]) -> str:
    names = [change.name for change in changes]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
