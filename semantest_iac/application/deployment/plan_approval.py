"""Decides before anything is changed whether a plan is applied, is refused, or waits for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from semantest_iac.application.deployment.context import DeploymentContext
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.deployment import Deployment
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.approval_rules import (
    ApprovalRules,
    FindApprovalRules,
    read_approval_rules,
    require_no_approval,
)
from semantest_iac.domain.guardrails.consent import ApprovePlan, approve_any_plan
from semantest_iac.domain.guardrails.plan_review import (
    PlanFinding,
    PlanToReview,
    ReviewPlan,
    find_nothing,
    require_unrefused,
    select_findings,
)
from semantest_iac_events.deployments import ApprovalRequested


def read_utc_now() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)


JudgesDestroy = Callable[[Stack, Mapping[str, Any]], bool]
"""Whether somebody has a say in the destroy of a stack that was deployed with a configuration."""


def judge_no_destroy(stack: Stack, configuration: Mapping[str, Any]) -> bool:
    """Return false: nothing is asked about destroys."""
    return False


@dataclass(frozen=True, slots=True)
class PlanApproval:
    """Who is asked about a plan, in this order.

    `check` shows it and refuses what must not be; `review` is what the guardrails find; `confirm` asks whoever is
    present, unless the plan waits for an approval or has it. `check` and `confirm` raise RefusedError to stop there; a
    destroy is confirmed before it is requested, and planned only where `judges_destroy` says so,
    or an approval is needed. What needs one is up to the configuration of the deployment, and to `find_own_rules`, that
    of this process.
    """

    check: ApprovePlan = approve_any_plan
    review: ReviewPlan = find_nothing
    confirm: ApprovePlan = approve_any_plan
    read_now: Callable[[], datetime] = read_utc_now
    judges_destroy: JudgesDestroy = judge_no_destroy
    find_own_rules: FindApprovalRules = require_no_approval

    def reviews_destroys(self, stack: Stack, configuration: Mapping[str, Any]) -> bool:
        """Whether a destroy of what was deployed with a configuration must be planned before it is carried out."""
        return self.judges_destroy(stack, configuration) or self._find_rules(stack, configuration).need != "never"

    def _find_rules(self, stack: Stack, configuration: Mapping[str, Any]) -> ApprovalRules:
        """A request may not say less than the configuration of the process that carries it out."""
        return read_approval_rules(configuration).combine(self.find_own_rules(stack))

    async def ask_about(
        self,
        deployment: Deployment,
        plan: ChangePlan,
        configuration: Mapping[str, Any],
        context: DeploymentContext | None = None,
    ) -> ApprovalRequested | None:
        """Return what is to be recorded where the planned deployment waits for an approval; None if it may go on.

        Raises RefusedError for a plan that is not applied. A destroy has no context. What a killed run has left to do
        is done, whatever the time is by now: half of a plan is no state that anybody has judged. Where a guardrail
        asks that did not when the plan was approved, it waits once more.
        """
        if plan.is_empty:
            return None
        stack = deployment.stack
        if not deployment.is_removal:
            await self.check(stack, plan)
        if deployment.is_rest_of_begun:
            return None
        now = self.read_now()
        findings = self.review(
            PlanToReview(
                stack,
                deployment.kind,
                plan,
                configuration,
                deployment.request,
                now,
                settings=context.settings if context else None,
                blueprint=context.work.blueprint if context and context.work else None,
            )
        )
        require_unrefused(stack, deployment.kind, findings)
        rules = self._find_rules(stack, configuration)
        asked = select_findings(findings, "ask")
        reasons = [*rules.find_reasons(stack, plan), *(finding.summary for finding in asked)]
        if reasons and not (deployment.is_approved and _has_named(deployment.approval, asked)):
            return deployment.await_approval(reasons, rules.terms_at(now))
        if not reasons and not deployment.is_removal:
            await self.confirm(stack, plan)
        return None


def _has_named(approval: ApprovalRequested | None, findings: Iterable[PlanFinding]) -> bool:
    """Whether a request for an approval has named the guardrails of all these findings."""
    reasons = approval.reasons if approval else ()
    return all(any(reason.startswith(f"{it.guardrail}: ") for reason in reasons) for it in findings)
