"""Reviews a plan with the guardrails of its configuration and the past of its stack."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from semantest_iac.application.deployment.context import DeploymentContext
from semantest_iac.application.deployment.rollback import find_deployed_configuration
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.queries.history import is_event_of, list_events_since
from semantest_iac.application.reviews.cost_estimates import CostEstimator
from semantest_iac.application.reviews.recorded_plans import RequestedStack, StackHistory
from semantest_iac.domain.costs.estimates import CostRise
from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import REMOVAL_KIND
from semantest_iac.domain.environments.guardrail_sections import GuardrailsSection, read_guardrails, resolve_guardrails
from semantest_iac.domain.guardrails.approval_rules import (
    FindApprovalRules,
    read_approval_rules,
    require_no_approval,
)
from semantest_iac.domain.guardrails.guardrail_table import judge_plan, judges_removals
from semantest_iac.domain.guardrails.judged_plan import JudgedPlan
from semantest_iac.domain.guardrails.plan_review import PlanFinding, PlanToReview, ReviewPlan
from semantest_iac.domain.ports.freeze_calendar import FreezeCalendar
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PlanReview:
    """What guardrails find in a plan, and what the stack costs with it and before; None where that is not known."""

    findings: tuple[PlanFinding, ...] = ()
    costs: CostRise | None = None


ShowReview = Callable[[PlanReview], None]
"""Shows a review; it must not stop a run."""


FindOwnGuardrails = Callable[[Stack], GuardrailsSection | None]
"""Returns the guardrails that count whatever a request says; None where nobody knows them."""

_UNKNOWN = PlanFinding(
    "guardrails",
    "ask",
    "the configuration of the process that carries this out cannot be read, so nobody knows its guardrails",
    hint="Correct its file: `semantest-iac config validate` says what is wrong.",
)


def demand_nothing(stack: Stack) -> GuardrailsSection:
    """Demand nothing: only the guardrails of requests count."""
    return GuardrailsSection()


class PlanReviewer:
    """Implements ReviewPlan; what nobody asks about is not looked up.

    A preview says besides which approvals the plan needs: by its configuration, and by `find_own_rules`. A request may
    not say less than `find_own_guardrails`, those of the process that carries it out.
    """

    def __init__(
        self,
        ledger: LedgerReader,
        calendar: FreezeCalendar,
        costs: CostEstimator,
        find_own_rules: FindApprovalRules = require_no_approval,
        find_own_guardrails: FindOwnGuardrails = demand_nothing,
    ) -> None:
        self._find_own_rules = find_own_rules
        self._find_own = find_own_guardrails
        self._ledger = ledger
        self._calendar = calendar
        self._costs = costs

    def with_own(self, find_own: FindOwnGuardrails) -> PlanReviewer:
        """Return a reviewer to which these guardrails count whatever a request says."""
        return PlanReviewer(self._ledger, self._calendar, self._costs, self._find_own_rules, find_own)

    def __call__(self, reviewed: PlanToReview) -> tuple[PlanFinding, ...]:
        """Return what the guardrails of the requested configuration and those of this process find."""
        sections, unknown = self._find_sections(reviewed)
        needs_costs = any(section.cost.max_rise is not None for section in sections)
        costs = self._estimate_rise(reviewed) if needs_costs else None
        return (*self._judge(sections, reviewed, costs), *unknown)

    def review(self, reviewed: PlanToReview) -> PlanReview:
        """Return what the guardrails find, nothing in a plan without changes, and what the stack costs with it."""
        costs = self._estimate_rise(reviewed)
        if reviewed.plan.is_empty:
            return PlanReview(costs=costs)
        sections, unknown = self._find_sections(reviewed)
        return PlanReview((*self._judge(sections, reviewed, costs), *unknown), costs)

    def review_preview(self, context: DeploymentContext, now: datetime) -> PlanReview:
        """Review a previewed deployment as if it were deployed now."""
        request = context.request
        blueprint = context.work.blueprint if context.work else None
        plan, settings = context.plan, context.settings
        return self._review_with_approvals(
            PlanToReview(context.stack, context.kind, plan, request.configuration, request, now, settings, blueprint)
        )

    def review_destroy(self, stack: Stack, base_environment: str | None, plan: ChangePlan, now: datetime) -> PlanReview:
        """Review a previewed destroy as if it were carried out now."""
        request = InfrastructureRemovalRequested(**asdict(stack), base_environment=base_environment)
        configuration = find_deployed_configuration(self._ledger, str(stack))
        return self._review_with_approvals(PlanToReview(stack, REMOVAL_KIND, plan, configuration, request, now))

    def _review_with_approvals(self, reviewed: PlanToReview) -> PlanReview:
        review = self.review(reviewed)
        if reviewed.plan.is_empty:
            return review
        rules = read_approval_rules(reviewed.configuration).combine(self._find_own_rules(reviewed.stack))
        reasons = rules.find_reasons(reviewed.stack, reviewed.plan)
        needed = (PlanFinding("approvals", "ask", reason) for reason in reasons)
        return replace(review, findings=(*needed, *review.findings))

    def judges_destroy(self, stack: Stack, configuration: Mapping[str, Any]) -> bool:
        """Whether a guardrail has a say in a destroy: of the configuration of the deployment, or of this process."""
        if judges_removals(read_guardrails(configuration, "")):
            return True
        own = self._find_own(stack)
        return own is None or judges_removals(resolve_guardrails(own, ""))

    def _find_sections(self, reviewed: PlanToReview) -> tuple[list[GuardrailsSection], tuple[PlanFinding, ...]]:
        """Return the guardrails that count, and what is to be said where those of this process are not known."""
        base_environment = reviewed.request.built_in_environment
        requested, own = read_guardrails(reviewed.configuration, base_environment), self._find_own(reviewed.stack)
        if own is None:
            return [requested], (_UNKNOWN,)
        own = resolve_guardrails(own, base_environment)
        return [requested] if own == requested else [requested, own], ()

    def _judge(
        self, sections: Collection[GuardrailsSection], reviewed: PlanToReview, costs: CostRise | None
    ) -> Iterator[PlanFinding]:
        needs_past = any((section.usual.effect or "allow") != "allow" for section in sections)
        past = self._read_past(reviewed.stack) if needs_past else ()
        tags = reviewed.settings.tags if reviewed.settings else {}
        stack, kind, plan, now = reviewed.stack, reviewed.kind, reviewed.plan, reviewed.now
        blueprint = reviewed.blueprint
        judged = JudgedPlan(stack, kind, plan, now, self._calendar, tags, past, costs, blueprint=blueprint)
        yield from dict.fromkeys(finding for section in sections for finding in judge_plan(section, judged))

    def _read_past(self, stack: Stack) -> tuple[tuple[PlannedChange, ...], ...]:
        """Return the changes of all deployments of the stack; the cost grows with their number."""
        return StackHistory.fold(self._ledger.stream(str(stack))).past.changes

    def _estimate_rise(self, reviewed: PlanToReview) -> CostRise | None:
        if reviewed.blueprint is None:
            return None
        after = self._costs.estimate(reviewed.blueprint)
        return self._costs.estimate_rise(reviewed.stack, self._find_deployed(reviewed.stack), after)

    def _find_deployed(self, stack: Stack) -> RequestedStack | None:
        """Return what the last good deployment was requested with; its events alone are read."""
        row = self._ledger.deployment(self._ledger.stack(str(stack)).last_good or "")
        if row is None:
            return None
        events = list_events_since(self._ledger, row)
        return StackHistory.fold(it for it in events if is_event_of(it, row.deployment)).past.deployed


def show_after_review(reviewer: PlanReviewer, show_review: ShowReview) -> ReviewPlan:
    """Return a review that is shown; like an observer, who shows it never stops a run."""

    def review_and_show(reviewed: PlanToReview) -> tuple[PlanFinding, ...]:
        review = reviewer.review(reviewed)
        try:
            show_review(review)
        except Exception as error:
            _LOG.warning("A review was not shown: %s.", type(error).__name__)
        return review.findings

    return review_and_show
