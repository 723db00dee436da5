"""The price lists: every price has a dated public source, and every kind of resource is priced or known to be free."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.bootstrap.reviews.guardrails import adapt_blueprint, find_prices
from semantest_iac.domain.costs.estimates import CostItem, Price, UsageAssumptions
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.clouds.prices import (
    aws_network_prices,
    aws_prices,
    azure_network_prices,
    azure_prices,
)

PRICES = [
    *aws_prices.AWS_UNIT_PRICES.items(),
    *aws_network_prices.AWS_NETWORK_UNIT_PRICES.items(),
    *azure_prices.AZURE_UNIT_PRICES.items(),
    *azure_network_prices.AZURE_NETWORK_UNIT_PRICES.items(),
]
TABLES = {"aws": aws_prices.AWS_PRICES, "azure": azure_prices.AZURE_PRICES}


def list_items(
    provider: str,
    environment: str,
    component: str = "rest-api",
    /,
    usage: UsageAssumptions | None = None,
    **section: Any,
) -> dict[str, CostItem]:
    """Return the items of a configured component by resource and thing."""
    configuration = DeploymentConfiguration.model_validate({"components": {component: section}})
    stack = Stack(component, provider, environment, "us-east-1" if provider == "aws" else "eastus")
    settings = resolve_component(configuration, component, environment)
    blueprint = adapt_blueprint(BLUEPRINTS[settings.type](stack, 1, settings))
    prices = find_prices(provider)
    assert prices is not None
    return {f"{it.resource}: {it.what}": it for it in prices.list_items(blueprint, usage or UsageAssumptions())}


def read_amounts(items: dict[str, CostItem]) -> dict[str, float | None]:
    """Return USD a month by resource and thing."""
    return {name: None if item.monthly is None else round(item.monthly, 2) for name, item in items.items()}


class TestPrices:
    @pytest.mark.parametrize(("name", "price"), PRICES, ids=[name for name, _ in PRICES])
    def test_have_a_dated_public_source(self, name: str, price: Price) -> None:
        assert price.amount > 0
        assert price.source.startswith("https://")
        assert date(2024, 1, 1) <= date.fromisoformat(price.dated) <= date(2026, 11, 30)

    @pytest.mark.parametrize("provider", TABLES)
    def test_cover_every_kind_that_the_cloud_creates(self, provider: str) -> None:
        table = TABLES[provider]

        assert {*find_cloud(provider).kinds} - {*table.kinds} - table.free == set()

    def test_of_a_cloud_without_a_list_are_not_known(self) -> None:
        assert find_prices("nowhere") is None


class TestAws:
    def test_charges_for_instances_that_are_kept_warm(self) -> None:
        items = list_items("aws", "production", memory=1024, instances={"min": 2})

        assert items["live: provisioned concurrency"].is_fixed
        assert read_amounts(items)["live: provisioned concurrency"] == pytest.approx(2 * 2_628_000 * 0.0000041667, 0.01)

    def test_charges_for_what_is_used(self) -> None:
        usage = UsageAssumptions(requests=2_000_000, duration_ms=500, log_kb=2)
        amounts = read_amounts(list_items("aws", "development", usage=usage, memory=1024))

        assert amounts["api: requests"] == 2
        assert amounts["function: requests"] == 0.4
        assert amounts["function: duration"] == 16.67
        assert amounts["function-logs: log ingestion"] == 2
        assert "live: provisioned concurrency" not in amounts

    def test_charges_for_an_endpoint_in_every_zone_of_a_private_network(self) -> None:
        section: dict[str, Any] = {"network": {"private": True}, "environment": {"KEY": "${secrets.key}"}}

        assert read_amounts(list_items("aws", "development", **section))["network: interface endpoint"] == 14.6

    def test_charges_for_messages_and_connections(self) -> None:
        amounts = read_amounts(list_items("aws", "development", "websocket"))

        assert (amounts["api: messages"], amounts["api: connection minutes"]) == (1, 1.09)
        assert amounts["alarm-server-errors: alarm metrics"] == 0.2

    def test_divides_requests_among_functions(self) -> None:
        functions = {"list": {"handler": "a.handler"}, "add": {"handler": "b.handler"}}
        routes = [{"path": f"/{name}", "function": name} for name in functions]
        items = list_items("aws", "development", functions=functions, routes=routes)

        assert [items[f"function-{name}: requests"].quantity for name in functions] == [0.5, 0.5]


class TestAzure:
    def test_has_no_known_price_of_warm_instances(self) -> None:
        items = list_items("azure", "production", memory=2048)

        assert items["function: always-ready instances"].quantity == 2 * 730 * 3600
        assert items["function: always-ready instances"].monthly is None

    def test_bills_a_second_of_the_next_size_for_every_execution(self) -> None:
        items = list_items("azure", "development", usage=UsageAssumptions(duration_ms=20), memory=1000)

        assert items["function: execution time"].quantity == 1_000_000 * 2

    @pytest.mark.parametrize(("environment", "amount"), [("development", None), ("staging", 3.5)])
    def test_charges_for_its_gateway(self, environment: str, amount: float | None) -> None:
        assert read_amounts(list_items("azure", environment)).get("api: gateway calls") == amount

    @pytest.mark.parametrize(("environment", "amount"), [("development", None), ("staging", 48.97)])
    def test_charges_for_a_unit_of_web_pubsub(self, environment: str, amount: float | None) -> None:
        items = list_items("azure", environment, "websocket")

        assert read_amounts(items).get("address: hub unit") == amount

    def test_has_one_app_for_several_functions(self) -> None:
        functions = {"list": {"handler": "a.handler"}, "add": {"handler": "b.handler"}}
        routes = [{"path": f"/{name}", "function": name} for name in functions]
        items = list_items("azure", "development", functions=functions, routes=routes)

        assert [name for name in items if name.endswith("execution time")] == ["function: execution time"]
        assert [name for name in items if name.endswith("telemetry")] == ["function-logs: telemetry"]
        assert items["function: executions"].quantity == 1  # million: all requests are its own

    def test_divides_requests_among_the_functions_of_a_platform(self) -> None:
        functions = {name: {"handler": "a.handler", "trigger": {"schedule": "0 3 * * *"}} for name in ("list", "add")}
        quantities = {
            provider: [
                item.quantity
                for name, item in list_items(provider, "development", "functions", functions=functions).items()
                if name.endswith(("executions", "function-list: requests", "function-add: requests"))
            ]
            for provider in TABLES
        }

        assert {provider: sum(each) for provider, each in quantities.items()} == {"aws": 1, "azure": 1}
