"""Every resource of every component in every environment has a price, or the word that it is unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from semantest_iac.bootstrap.reviews.guardrails import adapt_blueprint
from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.costs.estimates import UsageAssumptions
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.names import ENVIRONMENTS, PLATFORM_TYPE
from semantest_iac.infrastructure.clouds.prices.aws_prices import AWS_PRICES
from semantest_iac.infrastructure.clouds.prices.azure_prices import AZURE_PRICES
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from tests.layer_sections import layer_values
from tests.whole_platform import read_whole_platform

_TABLES = {"aws": AWS_PRICES, "azure": AZURE_PRICES}
_COSTS_NOTHING: Mapping[tuple[str, str], str] = {
    ("azure", "PlatformAlarm"): "5xx answers of the load balancer are counted with those of the services",
    ("aws", "DdosProtectionPlan"): "Shield Standard, unless a year of Shield Advanced is agreed to",
    ("aws", "ImageRegistry"): "without images",
    ("aws", "LiveVersion"): "an alias without warm instances",
    ("aws", "PrivateEndpoint"): "of S3 and DynamoDB, or of what lies in the network itself",
    ("aws", "PrivateNetwork"): "without an endpoint",
    ("aws", "StaticSite"): "its objects are few",
    ("azure", "ContainerEnvironment"): "what runs in it is billed",
    ("azure", "ContentDelivery"): "the site delivers itself without the CDN",
    ("azure", "HttpApi"): "the app's own endpoint in development",
    ("azure", "LiveVersion"): "the app itself",
    ("azure", "LogStore"): "of an endpoint whose requests are in the telemetry of its function",
    ("azure", "ServerlessFunction"): "in the app of another one",
    ("azure", "StaticSite"): "the plan Free without the CDN",
    ("azure", "WebSocketAddress"): "the free unit in development",
}
"""What costs nothing in one of its forms, with the reason."""


def _list_unpriced(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    prices = _TABLES[blueprint.stack.provider]
    adapted = adapt_blueprint(blueprint)
    named = {it.resource for it in prices.list_items(adapted, UsageAssumptions()) if it.quantity}
    for resource in adapted.resources:
        if resource.name not in named and type(resource) not in prices.free:
            yield blueprint.stack.provider, type(resource).__name__


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("component", BLUEPRINTS)
@pytest.mark.parametrize("provider", ["aws", "azure"])
def test_of_no_resource_is_nothing_said(tmp_path: Path, provider: str, component: str, environment: str) -> None:
    stack = Stack(component, provider, environment, CLOUDS[provider].regions[0])
    whole = component == PLATFORM_TYPE
    values = read_whole_platform(tmp_path, stack) if whole else layer_values(component)
    settings = resolve_component(DeploymentConfiguration.model_validate(values), component, environment)

    assert {*_list_unpriced(BLUEPRINTS[component](stack, 1, settings))} <= _COSTS_NOTHING.keys()
