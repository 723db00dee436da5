"""What is refused of the platform's settings before anything is deployed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.environments.environment_settings import get_environment_settings
from semantest_iac.domain.environments.names import LAYER_TYPES, PLATFORM_TYPES
from semantest_iac.domain.environments.rules.layer_rules import check_environment_values
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from tests.layer_sections import layer_values

Paths = Callable[..., list[str]]
_FULL = {
    "gateway": "10.0.1.0/24",
    "app": "10.0.0.0/26",
    "functions": "10.0.0.64/26",
    "integration": "10.0.0.128/25",
    "data": "10.0.4.0/22",
    "management": "10.0.2.0/23",
}
"""Subnets that leave nothing of 10.0.0.0/21."""
REGIONS = {"aws": "us-east-1", "azure": "eastus"}


@pytest.fixture(params=["aws", "azure"])
def paths(request: pytest.FixtureRequest) -> Paths:
    """Return the paths of the faults of a component with this section, and with these values in its file."""

    def find(component: str, section: dict[str, Any], **values: Any) -> list[str]:
        stack = Stack(component, request.param, "development", REGIONS[request.param])
        configuration = DeploymentConfiguration.model_validate({"components": {component: section}, **values})
        report = ValidationService(date(2026, 11, 1), CLOUD_ENTRIES).validate(stack, configuration)
        prefix = f"components.{component}."
        return [fault.path.removeprefix(prefix) for fault in report.faults]

    return find


class TestFlags:
    def test_that_are_off_are_named_where_a_key_has_no_effect(self) -> None:
        services, gateway = {"web": {"image": "shop/web:1"}}, {"apis": {"a": {"url": "https://a.example.org"}}}
        section = {"queues": {"orders-queue": {}}, "services": services, "gateway": gateway}
        configuration = DeploymentConfiguration.model_validate({"components": {"platform": section}})
        stack = Stack("platform", "aws", "qa", "us-east-1")
        report = ValidationService(date(2026, 11, 1), CLOUD_ENTRIES).validate(stack, configuration)

        assert [it.path for it in report.warnings if "has no effect in qa" in it.message] == [
            "components.platform.gateway"
        ]

    def test_that_are_off_are_named_where_something_needs_them(self, paths: Paths) -> None:
        service = {"image": "shop/web:1", "scale": {"queue": {"orders-queue": 5}}}
        found = paths("platform", {"services": {"web": service}}, features={"enable_service_bus": False})

        assert found == ["services.web.scale.queue"]


class TestKeys:
    @pytest.mark.parametrize("component", PLATFORM_TYPES)
    def test_that_would_do_nothing_are_refused(self, component: str, paths: Paths) -> None:
        section = {"routes": [{"path": "/a"}], "cors": {"origins": []}, "canary": "10%", "payload": "2.0"}

        assert {"routes", "cors", "canary", "payload"} <= {*paths(component, section)}

    @pytest.mark.parametrize("component", ["rest-api", "websocket"])
    def test_of_the_platform_are_refused_for_an_api(self, component: str, paths: Paths) -> None:
        section = {"queues": {"jobs": None}, "topics": {"news": None}, "database": {}, "etl": {}}

        assert paths(component, section)[:4] == ["queues", "topics", "database", "etl"]

    @pytest.mark.parametrize(
        ("key", "value"), [("trigger", {"schedule": "0 3 * * *"}), ("sends_to", ["orders"]), ("outbound", "nat")]
    )
    def test_of_the_platform_s_functions_are_refused_for_those_of_an_api(
        self, key: str, value: object, paths: Paths
    ) -> None:
        section = {
            "source": ".",
            "routes": [{"path": "/a", "function": "worker"}],
            "functions": {"worker": {"handler": "a.b", key: value}},
        }

        assert paths("rest-api", section) == [f"functions.worker.{key}"]

    @pytest.mark.parametrize("component", ["functions", "etl", "platform"])
    def test_of_a_source_without_functions_lack_these(self, component: str, paths: Paths) -> None:
        assert paths(component, {"source": "."}) == ["functions"]

    @pytest.mark.parametrize("component", sorted({*LAYER_TYPES} - {"site"}))
    def test_a_bare_layer_is_accepted(self, component: str, paths: Paths) -> None:
        section = layer_values(component).get("components", {}).get(component, {})

        assert paths(component, {"tags": {"team": "orders"}, **section}) == []

    def test_a_layer_s_name_may_be_that_of_an_api_of_before(self, paths: Paths) -> None:
        assert paths("functions", {"type": "rest-api"}) == []
        assert paths("functions", {"type": "database"}) == ["type"]


class TestMessaging:
    @pytest.mark.parametrize("component", ["messaging", "platform", "functions"])
    def test_has_names_and_numbers_that_clouds_take(self, component: str, paths: Paths) -> None:
        section = {
            "queues": {"Jobs": {"max_deliveries": 0}, "jobs": {"lock_s": 4, "retention_days": 15}},
            "topics": {"jobs": {"subscriptions": {"a_b": {"max_deliveries": 1001}}}},
        }

        assert paths(component, section) == [
            "queues.Jobs",
            "queues.Jobs.max_deliveries",
            "queues.jobs.lock_s",
            "queues.jobs.retention_days",
            "topics.jobs",
            "topics.jobs.subscriptions.a_b",
            "topics.jobs.subscriptions.a_b.max_deliveries",
        ]


class TestEtlAndDatabases:
    def test_have_times_and_names_that_clouds_take(self, paths: Paths) -> None:
        section = {
            "database": {"names": ["Orders!"], "backup_days": 36},
            "etl": {"staging_days": 0, "pipeline_hour": 24},
        }

        assert paths("platform", section) == [
            *("database.backup_days", "etl.staging_days", "etl.pipeline_hour", "database.names[0]"),
        ]


class TestSubnets:
    @pytest.mark.parametrize(
        ("network", "path"),
        [
            ({"cidr": "10.0.0.0"}, "network.cidr"),
            ({"cidr": "much"}, "network.cidr"),
            ({"cidr": "10.0.0.0/24"}, "network.cidr"),
            ({"cidr": "10.0.0.0/8"}, "network.cidr"),
            ({"cidr": "10.0.0.0/21", "subnets": _FULL}, "network.cidr"),
            ({"firewall": True, "nat_gateway": False}, "network.nat_gateway"),
            ({"allowed_hosts": ["api.example.org", "*"]}, "network.allowed_hosts[1]"),
            ({"subnets": {"data": "10.0.9.0/28"}}, "network.subnets.data"),
            ({"subnets": {"data": "10.0.0.0/24"}}, "network.subnets.data"),
            ({"subnets": {"data": "10.1.0.0/24"}}, "network.subnets.data"),
            ({"subnets": {"data": "x"}}, "network.subnets.data"),
            ({"subnets": {"dta": "10.0.9.0/24"}}, "network.subnets.dta"),
        ],
    )
    def test_lie_in_the_network_beside_each_other(self, network: dict[str, Any], path: str, paths: Paths) -> None:
        assert paths("network", {}, network=network) == [path]

    def test_are_accepted_where_they_fit(self, paths: Paths) -> None:
        assert paths("network", {}, network={"cidr": "10.8.0.0/20", "subnets": {"data": "10.8.8.0/22"}}) == []


class TestVault:
    @pytest.mark.parametrize("days", [6, 91])
    def test_keeps_what_was_deleted_for_7_to_90_days(self, days: int, paths: Paths) -> None:
        assert paths("security", {}, security={"soft_delete_days": days}) == ["security.soft_delete_days"]


def test_every_built_in_environment_is_valid() -> None:
    configuration = DeploymentConfiguration()
    names = ("development", "qa", "staging", "production")

    assert [[*check_environment_values(configuration, get_environment_settings(name))] for name in names] == [[]] * 4


class TestResourcesOfAnApi:
    @pytest.mark.parametrize("component", ["rest-api", "websocket"])
    def test_have_names_and_numbers_that_clouds_take(self, component: str, paths: Paths) -> None:
        section = {"resources": {"queues": {"jobs": {"lock_s": 1}}, "topics": {"jobs": {}}}}

        assert paths(component, section) == ["resources.queues.jobs.lock_s", "resources.topics.jobs"]

    def test_are_refused_where_messaging_is_turned_off(self, paths: Paths) -> None:
        section: dict[str, Any] = {"resources": {"queues": {"jobs": {}}}}

        assert paths("rest-api", section, features={"enable_service_bus": False}) == ["resources"]
        assert paths("rest-api", section) == []

    @pytest.mark.parametrize("component", ["rest-api", "websocket"])
    def test_stores_have_names_that_clouds_take(self, component: str, paths: Paths) -> None:
        tables = ["orders", "a-1", "Orders", "orders", "o" * 51, "a--b"]

        found = paths(component, {"resources": {"tables": tables}})

        assert found == [f"resources.tables[{index}]" for index in range(1, 6)]

    def test_buckets_have_names_that_clouds_take(self, paths: Paths) -> None:
        section = {"resources": {"buckets": ["uploads", "up_loads", "uploads", "my-uploads"]}}

        assert paths("rest-api", section) == ["resources.buckets[1]", "resources.buckets[2]"]

    def test_tables_need_no_messaging(self, paths: Paths) -> None:
        section = {"resources": {"tables": ["orders"]}}

        assert paths("rest-api", section, features={"enable_service_bus": False}) == []

    def test_are_those_of_an_api_alone(self, paths: Paths) -> None:
        assert paths("network", {"resources": {"queues": {"jobs": {}}}}) == ["resources"]


class TestStoresOfLayers:
    @pytest.mark.parametrize("component", ["functions", "etl", "platform"])
    def test_have_names_that_clouds_take(self, component: str, paths: Paths) -> None:
        section = {"tables": ["orders", "Orders", "orders"], "buckets": ["uploads", "up"]}

        assert paths(component, section) == ["tables[1]", "tables[2]", "buckets[1]"]

    @pytest.mark.parametrize("component", ["functions", "etl", "platform"])
    def test_are_there_where_functions_name_them(self, component: str, paths: Paths) -> None:
        trigger = {"schedule": "0 3 * * *"}
        job = {"handler": "a.b", "trigger": trigger, "tables": ["orders", "order"], "buckets": ["uploads"]}

        found = paths(component, {"source": ".", "tables": ["orders"], "functions": {"job": job}})

        assert found == ["functions.job.tables[1]", "functions.job.buckets[0]"]

    @pytest.mark.parametrize(("component", "is_refused"), [("functions", False), ("etl", True), ("platform", True)])
    def test_are_no_bucket_of_the_pipeline(self, component: str, is_refused: bool, paths: Paths) -> None:
        assert paths(component, {"buckets": ["staging"]}) == (["buckets"] if is_refused else [])

    @pytest.mark.parametrize("component", ["network", "security", "observability", "database", "messaging"])
    def test_are_refused_where_nothing_would_use_them(self, component: str, paths: Paths) -> None:
        assert paths(component, {"tables": ["orders"], "buckets": ["uploads"]}) == ["buckets", "tables"]

    @pytest.mark.parametrize("component", ["rest-api", "websocket"])
    def test_of_an_api_are_written_below_its_resources(self, component: str, paths: Paths) -> None:
        functions = {"one": {"handler": "a.b", "tables": ["orders"], "buckets": ["uploads"]}}
        section = {"tables": ["orders"], "buckets": ["uploads"], "functions": functions}

        expected = ["tables", "buckets", "functions.one.tables", "functions.one.buckets"]
        assert paths(component, section)[:4] == expected
