"""The table of all guardrails: their names, what holds, and the functions that judge plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.deployment.change_plan import PolicyAdvice
from semantest_iac.domain.environments.guardrail_sections import Effect, GuardrailsSection
from semantest_iac.domain.guardrails import change_rules, entrance_rules, stack_rules
from semantest_iac.domain.guardrails.judged_plan import JudgedPlan, JudgePlan
from semantest_iac.domain.guardrails.plan_review import PlanFinding

Description = tuple[str, Effect]


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A guardrail: the function that judges plans, and one that says what holds, each with its effect.

    It judges removals only if it `judges_removals`. With `needs_values` it cannot judge recorded plans.
    """

    judge: JudgePlan
    describe: Callable[[GuardrailsSection], Iterator[Description]]
    judges_removals: bool = True
    needs_values: bool = False

    def can_judge(self, judged: JudgedPlan) -> bool:
        """Whether the plan holds what the guardrail asks about."""
        if judged.is_removal and not self.judges_removals:
            return False
        return not (judged.is_recorded and self.needs_values)


def _describe_deletes(settings: GuardrailsSection) -> Iterator[Description]:
    if settings.deletes.max is not None:
        yield f"at most {settings.deletes.max} deleted resources", settings.deletes.effect or "ask"


def _describe_stateful(settings: GuardrailsSection) -> Iterator[Description]:
    yield "no replacement that loses data", settings.replacements_of_stateful or "allow"


def _describe_protected(settings: GuardrailsSection) -> Iterator[Description]:
    if settings.protected:
        yield f"never deleted or replaced: {', '.join(settings.protected)}", "refuse"


def _describe_freezes(settings: GuardrailsSection) -> Iterator[Description]:
    for window in settings.freeze or ():
        yield f"nothing is deployed {stack_rules.describe_freeze(window)}", window.effect or "refuse"


def _describe_cost(settings: GuardrailsSection) -> Iterator[Description]:
    if settings.cost.max_rise is not None:
        shown = str(settings.cost.max_rise).strip()
        unit = "" if shown.endswith("%") else " USD"
        yield f"at most {shown}{unit} a month more", settings.cost.effect or "ask"


def _describe_usual(settings: GuardrailsSection) -> Iterator[Description]:
    most = settings.usual.deployments or change_rules.DEFAULT_PAST_DEPLOYMENTS
    yield f"changes as in the last {most} deployments of the stack", settings.usual.effect or "allow"


def _describe_tags(settings: GuardrailsSection) -> Iterator[Description]:
    if settings.tags.required:
        yield f"required tags: {', '.join(settings.tags.required)}", settings.tags.effect or "refuse"


def _describe_regions(settings: GuardrailsSection) -> Iterator[Description]:
    if settings.regions.allowed is not None:
        shown = ", ".join(settings.regions.allowed) or "none"
        yield f"allowed regions: {shown}", settings.regions.effect or "refuse"


def _describe_public_data(settings: GuardrailsSection) -> Iterator[Description]:
    yield "no data that anybody can reach", settings.public_data or "allow"


def _describe_open_access(settings: GuardrailsSection) -> Iterator[Description]:
    yield "no API, service or site that everybody reaches unchecked", settings.open_access or "allow"


GUARDRAILS: Mapping[str, Guardrail] = {
    "protected": Guardrail(change_rules.judge_protected, _describe_protected),
    "deletes": Guardrail(change_rules.judge_deletes, _describe_deletes),
    "replacements_of_stateful": Guardrail(
        change_rules.judge_stateful_replacements, _describe_stateful, judges_removals=False
    ),
    "freeze": Guardrail(stack_rules.judge_freezes, _describe_freezes),
    "cost": Guardrail(stack_rules.judge_cost, _describe_cost, judges_removals=False),
    "usual": Guardrail(change_rules.judge_unusual_changes, _describe_usual, judges_removals=False),
    "tags": Guardrail(stack_rules.judge_tags, _describe_tags, judges_removals=False),
    "regions": Guardrail(stack_rules.judge_region, _describe_regions, judges_removals=False),
    "public_data": Guardrail(
        change_rules.judge_public_data, _describe_public_data, judges_removals=False, needs_values=True
    ),
    "open_access": Guardrail(entrance_rules.judge_open_access, _describe_open_access, judges_removals=False),
}
"""Guardrails by the name of their key in the configuration, in the order in which they are reported."""


def judge_plan(settings: GuardrailsSection, judged: JudgedPlan) -> tuple[PlanFinding, ...]:
    """Return what the guardrails find in a plan that changes something, in the order of the table.

    What an engine's policies advise comes last, as notes.
    """
    found = [
        finding
        for guardrail in GUARDRAILS.values()
        if guardrail.can_judge(judged)
        for finding in guardrail.judge(settings, judged)
    ]
    return (*found, *map(_to_note, judged.plan.advice))


def _to_note(advice: PolicyAdvice) -> PlanFinding:
    name = advice.urn.rpartition("::")[2]
    return PlanFinding(advice.policy, "note", f"{name}: {advice.message}" if name else advice.message, resource=name)


def judges_removals(settings: GuardrailsSection) -> bool:
    """Whether a guardrail holds that judges removals, which need no plan otherwise."""
    return any(
        effect != "allow"
        for guardrail in GUARDRAILS.values()
        if guardrail.judges_removals
        for _, effect in guardrail.describe(settings)
    )


def list_unjudged(settings: GuardrailsSection, judged: JudgedPlan) -> tuple[str, ...]:
    """Return the names of guardrails that hold and cannot judge the plan, because it holds no values."""
    return tuple(
        name
        for name, guardrail in GUARDRAILS.items()
        if guardrail.needs_values
        and judged.is_recorded
        and not judged.is_removal
        and any(effect != "allow" for _, effect in guardrail.describe(settings))
    )


def describe_guardrails(settings: GuardrailsSection) -> list[dict[str, Any]]:
    """Return what holds as `guardrails list --json` prints it; what is allowed too."""
    return [
        {"guardrail": name, "holds": holds, "effect": effect}
        for name, guardrail in GUARDRAILS.items()
        for holds, effect in guardrail.describe(settings)
    ]
