"""Runs guardrails over the plans that the ledger holds, and tells what they would have stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.queries.history import ALL_STACKS, StackFilter
from semantest_iac.application.reviews.cost_estimates import CostEstimator, build_first_blueprint, read_settings
from semantest_iac.application.reviews.recorded_plans import RecordedPlan, StackHistory
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.guardrail_sections import GuardrailsSection
from semantest_iac.domain.errors import ValidationError
from semantest_iac.domain.guardrails.guardrail_table import judge_plan, list_unjudged
from semantest_iac.domain.guardrails.judged_plan import JudgedPlan
from semantest_iac.domain.guardrails.plan_review import PlanFinding
from semantest_iac.domain.ports.freeze_calendar import FreezeCalendar

FindGuardrails = Callable[[Stack, str | None], GuardrailsSection]
"""Returns the guardrails of a stack, whose environment extended the named one when it was requested."""

_VERDICTS: Mapping[str, str] = {"refuse": "refused", "ask": "asked", "note": "noted"}
PASSED = "passed"


@dataclass(frozen=True, slots=True)
class ReviewedPlan:
    """A recorded plan with what guardrails find in it, and the names of those that cannot judge it."""

    recorded: RecordedPlan
    findings: tuple[PlanFinding, ...]
    not_judged: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """`refused`, `asked`, `noted` or `passed`: the strictest of the findings."""
        effects = {finding.effect for finding in self.findings}
        return next((verdict for effect, verdict in _VERDICTS.items() if effect in effects), PASSED)

    def as_dict(self) -> dict[str, Any]:
        """Return the form of `guardrails test --json`."""
        return {
            "deployment": self.recorded.deployment,
            "stack": self.recorded.stack,
            "kind": self.recorded.kind,
            "planned_at": self.recorded.planned_at.isoformat().replace("+00:00", "Z"),
            "verdict": self.verdict,
            "findings": [finding_to_dict(finding) for finding in self.findings],
            "not_judged": list(self.not_judged),
        }


def finding_to_dict(finding: PlanFinding) -> dict[str, Any]:
    """Return the form of `preview --json`."""
    about = {"guardrail": finding.guardrail, "effect": finding.effect, "reason": finding.reason}
    return about | {"hint": finding.hint or None, "resource": finding.resource or None}


class HistoryReview:
    """Reviews recorded plans; it reads events alone, so that what is projected from them does not matter."""

    def __init__(self, ledger: LedgerReader, calendar: FreezeCalendar, costs: CostEstimator) -> None:
        self._ledger = ledger
        self._calendar = calendar
        self._costs = costs

    def review(self, find_guardrails: FindGuardrails, stack_filter: StackFilter = ALL_STACKS) -> list[ReviewedPlan]:
        """Return every recorded plan that changes something, oldest first."""
        reviewed = [
            self._review_plan(plan, find_guardrails(Stack.parse(plan.stack), plan.requested.base_environment))
            for stream in self._ledger.streams()
            if _is_stack(stream) and stack_filter.matches(stream)
            for plan in self._list_plans(stream)
        ]
        return sorted(reviewed, key=lambda it: (it.recorded.planned_at, it.recorded.stack))

    def _list_plans(self, stack: str) -> Iterator[RecordedPlan]:
        plans = StackHistory.fold(self._ledger.stream(stack)).plans.values()
        return (plan for plan in plans if plan.plan.mutations)

    def _review_plan(self, recorded: RecordedPlan, guardrails: GuardrailsSection) -> ReviewedPlan:
        stack = Stack.parse(recorded.stack)
        settings = read_settings(stack, recorded.requested)
        blueprint = build_first_blueprint(stack, settings) if settings else None
        after = self._costs.estimate(blueprint) if blueprint else None
        judged = JudgedPlan(
            stack,
            recorded.kind,
            recorded.plan,
            recorded.planned_at,
            self._calendar,
            tags=settings.tags if settings else {},
            past=recorded.past.changes,
            costs=self._costs.estimate_rise(stack, recorded.past.deployed, after),
            is_recorded=True,
            blueprint=blueprint,
        )
        return ReviewedPlan(recorded, judge_plan(guardrails, judged), list_unjudged(guardrails, judged))


def count_verdicts(reviewed: Iterable[ReviewedPlan]) -> dict[str, int]:
    """Return how many plans had each verdict, those that occur only."""
    counts = dict.fromkeys((*_VERDICTS.values(), PASSED), 0)
    for plan in reviewed:
        counts[plan.verdict] += 1
    return {verdict: count for verdict, count in counts.items() if count}


def _is_stack(stream: str) -> bool:
    try:
        Stack.parse(stream)
    except ValidationError:  # the stream of an environment, or of events about no single stack
        return False
    return True
