"""The price lists: every price has a dated public source, and every kind of resource is priced or known to be free."""

from __future__ import annotations

from dataclasses import replace
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
    azure_service_prices,
    database_prices,
    site_prices,
)
from tests.kind_examples.registry import EXAMPLES

PRICES = [
    *aws_prices.AWS_UNIT_PRICES.items(),
    *aws_network_prices.AWS_NETWORK_UNIT_PRICES.items(),
    *azure_prices.AZURE_UNIT_PRICES.items(),
    *azure_network_prices.AZURE_NETWORK_UNIT_PRICES.items(),
    *azure_service_prices.AZURE_SERVICE_UNIT_PRICES.items(),
    *database_prices.AZURE_DATABASE_UNIT_PRICES.items(),
    *site_prices.AWS_SITE_UNIT_PRICES.items(),
    *site_prices.AZURE_SITE_UNIT_PRICES.items(),
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


def list_example_items(provider: str, kind: str, **changed: Any) -> dict[str, float | None]:
    """Return USD a month of the example of a kind, by what is charged, with other values of every resource's fields."""
    [example] = [it for it in EXAMPLES if str(it) == kind]
    stack = Stack("platform", provider, "production", "us-east-1" if provider == "aws" else "eastus")
    blueprint = example.blueprint(stack)
    resources = tuple(
        replace(it, **{name: value for name, value in changed.items() if hasattr(it, name)})
        for it in blueprint.resources
    )
    items = TABLES[provider].list_items(replace(blueprint, resources=resources), UsageAssumptions())
    return {it.what: it.monthly for it in items if it.resource == example.resource.name and it.quantity}


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

    def test_charges_for_the_public_address_of_a_nat_gateway(self) -> None:
        assert list_example_items("aws", "NatGateway")["public address"] == pytest.approx(3.65)

    @pytest.mark.parametrize(("accepted", "amounts"), [(False, {}), (True, {"Shield Advanced": 3000})])
    def test_charges_for_a_commitment_that_is_accepted(self, accepted: bool, amounts: dict[str, float]) -> None:
        assert list_example_items("aws", "DdosProtectionPlan", accept_commitment=accepted) == amounts


class TestAzure:
    def test_charges_for_the_processors_and_memory_of_a_container(self) -> None:
        amounts = list_example_items("azure", "ContainerService", cpu=0.5, memory_mb=1024)

        assert amounts == {"processors": pytest.approx(31.54, abs=0.01), "memory": pytest.approx(7.88, abs=0.01)}

    def test_charges_for_a_container_on_a_dedicated_machine_nothing_besides(self) -> None:
        assert list_example_items("azure", "ContainerService", tier="standard") == {}

    def test_charges_for_a_site_and_its_delivery_with_their_firewall(self) -> None:
        assert list_example_items("azure", "StaticSite", is_delivered=True) == {"Static Web App, Standard": 9}
        assert list_example_items("azure", "ContentDelivery") == {"Front Door Premium": 330, "requests": None}
        assert list_example_items("azure", "WebFirewall") == {}

    @pytest.mark.parametrize(("tier", "amount"), [("basic", None), ("standard", 73.59), ("premium", 456.25)])
    def test_charges_for_the_size_of_a_database(self, tier: str, amount: float | None) -> None:
        [monthly] = list_example_items("azure", "SqlDatabase", tier=tier).values()

        assert (monthly if monthly is None else round(monthly, 2)) == amount

    @pytest.mark.parametrize(("replicated", "amount"), [(False, None), (True, 94.90)])
    def test_charges_for_a_cache_with_its_replica(self, replicated: bool, amount: float | None) -> None:
        [monthly] = list_example_items("azure", "RedisCache", high_availability=replicated).values()

        assert (monthly if monthly is None else round(monthly, 2)) == amount

    def test_charges_for_the_private_zone_of_an_endpoint(self) -> None:
        assert list_example_items("azure", "PrivateEndpoint")["private DNS zone"] == 0.5

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
