"""Estimates what the configuration of a stack costs a month."""

from __future__ import annotations

from dataclasses import asdict

from semantest_iac.application.deployment.preparation import requested_configuration
from semantest_iac.application.reviews.recorded_plans import RequestedStack
from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.costs.estimates import DEFAULT_USAGE, CostEstimate, CostRise, UsageAssumptions, merge_items
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import resolve_component
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.ports.price_lists import AdaptBlueprint, FindPrices
from semantest_iac_events.deployments import DeploymentRequested


class CostEstimator:
    """Estimates costs with the price lists of the clouds; asks nobody."""

    def __init__(self, find_prices: FindPrices, adapt_blueprint: AdaptBlueprint) -> None:
        self._find_prices = find_prices
        self._adapt_blueprint = adapt_blueprint

    def estimate(self, blueprint: Blueprint, usage: UsageAssumptions = DEFAULT_USAGE) -> CostEstimate | None:
        """Return what the resources of a blueprint cost a month; None for a cloud without a price list."""
        provider = blueprint.stack.provider
        prices = self._find_prices(provider)
        if prices is None:
            return None
        items = merge_items(prices.list_items(self._adapt_blueprint(blueprint), usage))
        return CostEstimate(items, prices.region)

    def estimate_settings(
        self, stack: Stack, settings: ComponentSettings, usage: UsageAssumptions = DEFAULT_USAGE
    ) -> CostEstimate | None:
        """Return what a component with these settings costs a month; None without a price list or a blueprint."""
        blueprint = build_first_blueprint(stack, settings)
        return self.estimate(blueprint, usage) if blueprint else None

    def estimate_requested(
        self, stack: Stack, requested: RequestedStack, usage: UsageAssumptions = DEFAULT_USAGE
    ) -> CostEstimate | None:
        """Return what a recorded configuration costs a month; None also where it can no longer be read."""
        settings = read_settings(stack, requested)
        return self.estimate_settings(stack, settings, usage) if settings else None

    def estimate_rise(self, stack: Stack, before: RequestedStack | None, after: CostEstimate | None) -> CostRise | None:
        """Return what a deployment changes; None where nothing is known of what it costs, or cost before."""
        known = self.estimate_requested(stack, before) if before else None
        if after is None or (before and known is None):
            return None
        return CostRise(known, after)


def build_first_blueprint(stack: Stack, settings: ComponentSettings) -> Blueprint | None:
    """Return the blueprint of a component in its first generation; None for a type that is not known here."""
    build = BLUEPRINTS.get(settings.type)
    return build(stack, 1, settings) if build else None


def read_settings(stack: Stack, requested: RequestedStack) -> ComponentSettings | None:
    """Return the settings of a recorded configuration; None where it can no longer be read."""
    try:
        configuration = requested_configuration(to_deploy_request(stack, requested))
        return resolve_component(configuration, stack.component, stack.environment)
    except DeploymentError:
        return None


def to_deploy_request(stack: Stack, requested: RequestedStack) -> DeploymentRequested:
    """Return a request to deploy that asks for the same."""
    return DeploymentRequested(**asdict(stack), **asdict(requested))
