"""Joins guardrails and costs with the ledger, the clouds' prices and the calendar."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semantest_iac.bootstrap.ledger_database import LedgerDatabase
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, EngineChoice

if TYPE_CHECKING:
    from semantest_iac.application.deployment.context import DeploymentContext
    from semantest_iac.application.intake.deployment_specs import LoadedConfiguration
    from semantest_iac.application.intake.event_requests import LoadEnvironment
    from semantest_iac.application.reviews.cost_estimates import CostEstimator
    from semantest_iac.application.reviews.history_review import HistoryReview
    from semantest_iac.application.reviews.plan_reviewer import PlanReview, PlanReviewer
    from semantest_iac.domain.blueprints.blueprint import Blueprint
    from semantest_iac.domain.deployment.change_plan import ChangePlan
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.environments.guardrail_sections import GuardrailsSection
    from semantest_iac.domain.errors import Fault
    from semantest_iac.domain.guardrails.approval_rules import FindApprovalRules
    from semantest_iac.domain.ports.freeze_calendar import FreezeCalendar
    from semantest_iac.domain.ports.price_lists import PriceList


class GuardrailParts(LedgerDatabase, ABC):
    """The parts of an application that judge plans and estimate costs."""

    clock: Callable[[], datetime]

    @abstractmethod
    def configuration(self, **sources: Any) -> LoadedConfiguration:
        """Load the configuration."""

    policy_packs: tuple[Path, ...] = ()
    """The folders of policy packs besides those that a variable names."""

    def read_policy_packs(self, choice: EngineChoice) -> tuple[Path, ...]:
        """Return the policy packs that an engine runs; raises ValidationError for those that cannot be run."""
        if choice.engine != PULUMI_ENGINE:
            return ()
        from semantest_iac.infrastructure.pulumi_engine.cli.policy_packs import read_policy_packs

        return read_policy_packs(os.environ, self.policy_packs)

    @cached_property
    def freeze_calendar(self) -> FreezeCalendar:
        """The calendar of freezes."""
        from semantest_iac.infrastructure.calendars.cron_calendar import CronFreezeCalendar

        return CronFreezeCalendar()

    def find_guardrail_faults(self, guardrails: GuardrailsSection) -> tuple[Fault, ...]:
        """Return what is wrong with the guardrails of a configuration, besides their shape."""
        from semantest_iac.domain.environments.guardrail_sections import find_guardrail_faults
        from semantest_iac.domain.ports.freeze_calendar import find_freeze_faults

        return (*find_guardrail_faults(guardrails), *find_freeze_faults(guardrails, self.freeze_calendar))

    @cached_property
    def cost_estimator(self) -> CostEstimator:
        """What estimates costs with the price lists of the clouds."""
        from semantest_iac.application.reviews.cost_estimates import CostEstimator

        return CostEstimator(find_prices, adapt_blueprint)

    @cached_property
    def _own_configuration(self) -> LoadEnvironment:
        from semantest_iac.bootstrap.watched_configuration import watch_folder

        return watch_folder(self)

    @cached_property
    def find_own_rules(self) -> FindApprovalRules:
        """What finds the approvals that the configuration of the folder requires."""
        from semantest_iac.bootstrap.reviews.own_rules import watch_own_rules

        return watch_own_rules(self._own_configuration)

    @cached_property
    def plan_reviewer(self) -> PlanReviewer:
        """What judges plans before they are applied."""
        from semantest_iac.application.reviews.plan_reviewer import PlanReviewer
        from semantest_iac.bootstrap.reviews.own_rules import watch_own_guardrails

        find_own = watch_own_guardrails(self._own_configuration, self.find_guardrail_faults)
        return PlanReviewer(self.ledger, self.freeze_calendar, self.cost_estimator, self.find_own_rules, find_own)

    def review_preview(self, context: DeploymentContext) -> PlanReview:
        """Review a previewed deployment as if it were deployed now."""
        return self.plan_reviewer.review_preview(context, self.clock())

    def review_destroy(self, stack: Stack, base_environment: str | None, plan: ChangePlan) -> PlanReview:
        """Review a previewed destroy as if it were carried out now."""
        return self.plan_reviewer.review_destroy(stack, base_environment, plan, self.clock())

    @cached_property
    def history_review(self) -> HistoryReview:
        """What judges recorded plans."""
        from semantest_iac.application.reviews.history_review import HistoryReview

        return HistoryReview(self.ledger, self.freeze_calendar, self.cost_estimator)


def find_prices(provider: str) -> PriceList | None:
    """Return the price list of a cloud; None for one without, or one that is not installed here."""
    from semantest_iac.domain.errors import RefusedError
    from semantest_iac.infrastructure.clouds.registry import CLOUDS

    try:
        entry = CLOUDS[provider]
        prices: PriceList | None = entry.load_part(entry.prices) if entry.prices else None
    except (KeyError, RefusedError):
        return None
    return prices


def adapt_blueprint(blueprint: Blueprint) -> Blueprint:
    """Return a blueprint as the program of its cloud arranges it; as it is where that cannot be loaded here."""
    from semantest_iac.domain.errors import DeploymentError
    from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud

    try:
        return find_cloud(blueprint.stack.provider).adapt(blueprint)
    except DeploymentError:
        return blueprint
