"""Guardrails over a stack and its configuration: when, where and at what cost it is deployed, and its tags."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatchcase

from semantest_iac.domain.costs.estimates import CostRise
from semantest_iac.domain.environments.guardrail_sections import FreezeSection, GuardrailsSection, parse_rise
from semantest_iac.domain.guardrails.judged_plan import JudgedPlan, report
from semantest_iac.domain.guardrails.plan_review import PlanFinding


def judge_freezes(settings: GuardrailsSection, judged: JudgedPlan) -> Iterator[PlanFinding]:
    """Nothing changes while a freeze holds; one that this machine cannot read may hold at any time."""
    for window in settings.freeze or ():
        effect = window.effect or "refuse"
        for fault in judged.calendar.find_faults("freeze", window):
            reason = f"nobody knows whether it is frozen ({describe_freeze(window)}): {fault.message}"
            yield from report("freeze", effect, reason, hint=fault.hint)
        end = judged.calendar.find_end(window, judged.now)
        if end is not None:
            reason = f"frozen until {_format_end(end)}" + (f": {window.reason}" if window.reason else "")
            hint = f"Deploy then: deploy --detach --not-before {_format_end(end)}"
            yield from report("freeze", effect, reason, hint=hint)


def _format_end(moment: datetime) -> str:
    """Return a moment in UTC as options and events write it, to the minute."""
    return moment.strftime("%Y-%m-%dT%H:%MZ")


def describe_freeze(window: FreezeSection) -> str:
    """Return the times of a freeze in words."""
    zone = window.timezone or "UTC"
    times = f"{window.cron} for {window.hours or 0:g} hours" if window.cron else f"{window.start} to {window.end}"
    return f"{times} ({zone})" + (f": {window.reason}" if window.reason else "")


def judge_cost(settings: GuardrailsSection, judged: JudgedPlan) -> Iterator[PlanFinding]:
    """The estimated cost rises no more than allowed; percents need a deployment before."""
    most, costs = settings.cost.max_rise, judged.costs
    limit = None if most is None else parse_rise(most)
    if limit is None:
        return
    if costs is None:
        yield from report("cost", "note", "nobody knows what it costs: its prices or what is deployed cannot be read")
        return
    number, is_percent = limit
    before = costs.before.total if costs.before else 0.0
    allowed = before * number / 100 if is_percent else number
    is_measured = not is_percent or costs.before is not None
    if is_measured and round(costs.rise, 2) > round(allowed, 2):
        shown = f"{number:g} %" if is_percent else f"${number:,.2f}"
        reason = f"costs an estimated {describe_rise(costs)}; {shown} more is allowed"
        yield from report("cost", settings.cost.effect or "ask", reason, hint="See `cost` for what costs how much.")
    if costs.newly_unknown:
        names = ", ".join(f"{item.what} of {item.resource}" for item in costs.newly_unknown)
        yield from report("cost", "note", f"what it costs more is not known in full: no price is known for {names}")


def describe_rise(costs: CostRise) -> str:
    """Return `$3.20 a month more ($10.00 → $13.20)`."""
    before = costs.before.total if costs.before else 0.0
    return f"${costs.rise:,.2f} a month more (${before:,.2f} → ${costs.after.total:,.2f})"


def judge_tags(settings: GuardrailsSection, judged: JudgedPlan) -> Iterator[PlanFinding]:
    """Every required tag is configured."""
    for name in settings.tags.required or ():
        if not judged.tags.get(name):
            hint = f"Write it under tags: tags: {{{name}: …}}."
            yield from report("tags", settings.tags.effect or "refuse", f"the tag '{name}' is missing", hint=hint)


def judge_region(settings: GuardrailsSection, judged: JudgedPlan) -> Iterator[PlanFinding]:
    """The stack is in an allowed region."""
    allowed = settings.regions.allowed
    if allowed is not None and not any(fnmatchcase(judged.stack.region, pattern) for pattern in allowed):
        reason = f"the region {judged.stack.region} is not allowed: {', '.join(allowed) or 'none is'}"
        yield from report("regions", settings.regions.effect or "refuse", reason, hint="Choose one with --region.")
