"""Formats what guardrails find."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from semantest_iac.application.reviews.history_review import PASSED, ReviewedPlan, count_verdicts, finding_to_dict
from semantest_iac.domain.guardrails.plan_review import PlanFinding
from semantest_iac.presentation.cli.text.costs import format_rise
from semantest_iac.presentation.cli.text.plans import show_characters

if TYPE_CHECKING:
    from semantest_iac.application.reviews.plan_reviewer import PlanReview

_EFFECT_WORDS = {"refuse": "refused", "ask": "needs approval", "note": "note"}
_VERDICT_WORDS = {
    "refused": "would have been refused",
    "asked": "would have waited for approval",
    "noted": "would have had a note",
    PASSED: "would have passed",
}


def format_findings(findings: Iterable[PlanFinding]) -> Iterator[str]:
    """Yield a line for each finding, and its hint."""
    for finding in findings:
        yield f"  {_EFFECT_WORDS[finding.effect]}  {finding.guardrail}: {show_characters(finding.reason)}"
        if finding.hint:
            yield f"      {show_characters(finding.hint)}"


def format_review(review: PlanReview, *, with_costs: bool = True) -> Iterator[str]:
    """Yield what a stack costs with a plan, and what guardrails find in it."""
    if review.costs and with_costs:
        yield format_rise(review.costs)
    if review.findings:
        yield "Guardrails:"
        yield from format_findings(review.findings)


def review_to_dict(review: PlanReview) -> dict[str, Any]:
    """Return what `preview --json` adds to a plan; the items of the costs are those of `cost --json`."""
    costs = review.costs.as_dict() if review.costs else None
    if costs:
        costs.pop("items")
    return {"guardrails": [finding_to_dict(finding) for finding in review.findings], "cost": costs}


def format_reviewed_plans(reviewed: Sequence[ReviewedPlan]) -> Iterator[str]:
    """Yield every plan of which something is found, and how many there are of each verdict."""
    for plan in reviewed:
        if plan.findings:
            recorded = plan.recorded
            moment = recorded.planned_at.strftime("%Y-%m-%d %H:%MZ")
            yield f"{moment}  {recorded.kind} of {recorded.stack}, {recorded.deployment}"
            yield from format_findings(plan.findings)
    counts = [f"{count} {_VERDICT_WORDS[verdict]}" for verdict, count in count_verdicts(reviewed).items()]
    plans = "1 recorded plan" if len(reviewed) == 1 else f"{len(reviewed)} recorded plans"
    yield f"Of {plans}, {', '.join(counts)}." if counts else "No plan is recorded."
    unjudged = dict.fromkeys(name for plan in reviewed for name in plan.not_judged)
    if unjudged:
        yield f"Not judged: {', '.join(unjudged)}. Recorded plans hold no values of properties."
