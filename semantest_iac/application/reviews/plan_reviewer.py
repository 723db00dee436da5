"""Reviews a plan with the guardrails of its configuration, of this process, and the past of its stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.reviews.cost_estimates import CostEstimator
from semantest_iac.application.reviews.recorded_plans import StackHistory, StackPast
from semantest_iac.domain.costs.estimates import CostRise
from semantest_iac.domain.environments.guardrail_sections import GuardrailsSection, read_guardrails
from semantest_iac.domain.guardrails.guardrail_table import judge_plan, judges_removals
from semantest_iac.domain.guardrails.judged_plan import JudgedPlan
from semantest_iac.domain.guardrails.plan_review import PlanFinding, PlanToReview
from semantest_iac.domain.ports.freeze_calendar import FreezeCalendar


class PlanReviewer:
    """Implements ReviewPlan."""

    def __init__(self, ledger: LedgerReader, calendar: FreezeCalendar, costs: CostEstimator) -> None:
        self._ledger = ledger
        self._calendar = calendar
        self._costs = costs

    def __call__(self, reviewed: PlanToReview) -> tuple[PlanFinding, ...]:
        """Return what the guardrails of the requested configuration find."""
        settings = find_guardrails(reviewed)
        needs_past, needs_costs = (settings.usual.effect or "allow") != "allow", settings.cost.max_rise is not None
        past = self._read_past(reviewed) if needs_past or needs_costs else StackPast()
        judged = JudgedPlan(
            reviewed.stack,
            reviewed.kind,
            reviewed.plan,
            reviewed.now,
            self._calendar,
            tags=reviewed.settings.tags if reviewed.settings else {},
            past=past.changes,
            costs=self._estimate_rise(reviewed, past) if needs_costs else None,
        )
        return judge_plan(settings, judged)

    def judges_destroy(self, configuration: Mapping[str, Any]) -> bool:
        """Whether a guardrail of the configuration that a stack was deployed with has a say in its destroy."""
        return judges_removals(read_guardrails(configuration, ""))

    def estimate_rise(self, reviewed: PlanToReview) -> CostRise | None:
        """Return what the stack costs with the plan and before it; None where that is not known, and for a destroy."""
        return self._estimate_rise(reviewed, self._read_past(reviewed))

    def _read_past(self, reviewed: PlanToReview) -> StackPast:
        return StackHistory.fold(self._ledger.stream(str(reviewed.stack))).past

    def _estimate_rise(self, reviewed: PlanToReview, past: StackPast) -> CostRise | None:
        if reviewed.blueprint is None:
            return None
        after = self._costs.estimate(reviewed.blueprint)
        return self._costs.estimate_rise(reviewed.stack, past.deployed, after)


def find_guardrails(reviewed: PlanToReview) -> GuardrailsSection:
    """Return the guardrails of the configuration that a plan was requested with."""
    base = reviewed.request.base_environment or reviewed.stack.environment
    return read_guardrails(reviewed.configuration, base)
