"""What the platform has in an environment, and what stays as it is for APIs that were deployed before."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.environment_settings import (
    SUBNETS,
    EnvironmentSettings,
    FunctionNetwork,
    get_environment_settings,
)
from semantest_iac.domain.environments.names import ENVIRONMENTS, LAYER_TYPES, SERVICE_TYPES
from semantest_iac.domain.environments.platform.layer_settings import FunctionTrigger, PlatformSettings

_PLATFORM_VALUES: dict[str, Any] = {
    "network": {"cidr": "10.77.0.0/16", "firewall": True, "bastion": True},
    "security": {"soft_delete_days": 21, "purge_protection": True, "private_endpoints": True},
    "tiers": {"functions": "premium", "sql_database": "premium"},
    "monitoring": {"daily_quota_gb": 3},
    "features": {"enable_sql_database": False, "enable_cdn": True, "enable_cosmos_db": True},
}
_WITHOUT_SITE = tuple(name for name in LAYER_TYPES if name != "site")
"""Those of a platform that names no files of a site."""


_GATEWAY = {"enable_api_management": True}  # which the plan turns off in qa


def resolve(environment: str = "development", component: str = "platform", **values: Any) -> PlatformSettings:
    configuration = DeploymentConfiguration.model_validate(values)
    platform = resolve_component(configuration, component, environment).platform
    assert platform is not None
    return platform


class TestApisOfBefore:
    @pytest.mark.parametrize("component", SERVICE_TYPES)
    @pytest.mark.parametrize(
        ("environment", "days", "cidr"),
        [
            ("development", 7, "10.10.0.0/16"),
            ("qa", 14, "10.20.0.0/16"),
            ("staging", 30, "10.30.0.0/16"),
            ("production", 90, "10.40.0.0/16"),
        ],
    )
    def test_keep_their_network_and_retention(self, component: str, environment: str, days: int, cidr: str) -> None:
        settings = resolve_component(DeploymentConfiguration(), component, environment)

        assert settings.monitoring.log_retention_days == days
        assert settings.network == FunctionNetwork(private=False, cidr=cidr)
        assert settings.platform is None

    @pytest.mark.parametrize("component", SERVICE_TYPES)
    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_are_not_changed_by_what_a_file_says_of_the_platform(self, component: str, environment: str) -> None:
        stack = Stack(component, "aws", environment, "us-east-1")
        blueprints = [
            BLUEPRINTS[component](stack, 1, resolve_component(configuration, component, environment))
            for configuration in (DeploymentConfiguration(), DeploymentConfiguration.model_validate(_PLATFORM_VALUES))
        ]

        assert blueprints[0] == blueprints[1]


class TestEnvironmentOfTheFile:
    def test_overlays_every_value_on_its_own(self) -> None:
        settings = resolve("staging", **_PLATFORM_VALUES).environment

        assert (settings.network.cidr, settings.network.firewall, settings.network.ddos_protection) == (
            "10.77.0.0/16",
            True,
            False,
        )
        assert (settings.security.soft_delete_days, settings.security.purge_protection) == (21, True)
        assert (settings.tiers.functions, settings.tiers.service_bus) == ("premium", "basic")
        assert (settings.monitoring.daily_quota_gb, settings.monitoring.log_retention_days) == (3, 60)
        assert (settings.features.enable_sql_database, settings.features.enable_service_bus) == (False, True)

    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_is_the_built_in_one_without_values(self, environment: str) -> None:
        assert resolve(environment).environment == get_environment_settings(environment)

    def test_takes_any_number_of_logs_for_a_quota_of_0(self) -> None:
        assert resolve(monitoring={"daily_quota_gb": 0}).environment.monitoring.daily_quota_gb is None


class TestSubnets:
    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_are_the_first_of_the_network(self, environment: str) -> None:
        network = get_environment_settings(environment).network
        prefix = network.cidr.removesuffix(".0.0/16")

        assert network.subnets == {name: f"{prefix}.{number}.0/24" for number, name in enumerate(SUBNETS)}

    def test_can_have_addresses_of_their_own(self) -> None:
        network = resolve(network={"cidr": "10.9.0.0/16", "subnets": {"data": "10.9.200.0/22"}}).environment.network

        assert network.subnets["data"] == "10.9.200.0/22"
        assert network.subnets["app"] == "10.9.1.0/24"


class TestLayers:
    def test_have_a_site_where_its_files_are_named(self) -> None:
        platform = {"site": {"source": "./site"}}

        assert resolve(components={"platform": platform}).layers == LAYER_TYPES

    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_of_the_platform_are_all_in_order_of_deployment(self, environment: str) -> None:
        assert resolve(environment, features=_GATEWAY).layers == _WITHOUT_SITE

    @pytest.mark.parametrize("layer", sorted({*LAYER_TYPES} - {"etl", "services"}))
    def test_of_a_layer_are_the_layer(self, layer: str) -> None:
        assert resolve(component=layer).layers == (layer,)

    def test_of_services_have_a_network(self) -> None:
        assert resolve(component="services").layers == ("network", "services")

    def test_of_the_data_pipeline_have_its_queue(self) -> None:
        settings = resolve(component="etl")

        assert settings.layers == ("messaging", "etl")
        assert ([*settings.messaging.queues], [*settings.messaging.topics]) == (["etl-queue"], [])

    @pytest.mark.parametrize(
        ("flags", "layer"),
        [
            (["enable_service_bus"], "messaging"),
            (["enable_functions"], "functions"),
            (["enable_container_apps"], "services"),
            (["enable_sql_database", "enable_redis_cache", "enable_cosmos_db"], "database"),
            (["enable_api_management"], "gateway"),
        ],
    )
    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    def test_go_and_come_back_with_their_flags(self, environment: str, flags: list[str], layer: str) -> None:
        off = resolve(environment, features=_GATEWAY | dict.fromkeys(flags, False)).layers

        assert off == tuple(name for name in _WITHOUT_SITE if name != layer)
        assert resolve(environment, features=_GATEWAY | dict.fromkeys(flags, True)).layers == _WITHOUT_SITE

    def test_of_functions_with_a_queue_of_their_own_are_two(self) -> None:
        section = {"queues": {"jobs": None}, "functions": {"worker": {"trigger": {"queue": "jobs"}}}}
        settings = resolve(component="functions", components={"functions": section})

        assert settings.layers == ("messaging", "functions")
        assert list(settings.messaging.queues) == ["jobs"]
        assert settings.messaging.topics == {}


class TestFunctions:
    def test_of_the_platform_are_those_of_the_plan(self) -> None:
        settings = resolve_component(DeploymentConfiguration(), "platform", "qa")

        assert {it.name: it.trigger for it in settings.functions}["orders-worker"] == FunctionTrigger(
            queue="orders-queue"
        )
        assert settings.runs_code

    def test_are_not_those_whose_queue_is_missing(self) -> None:
        alone = resolve_component(DeploymentConfiguration(), "functions", "qa")
        configuration = DeploymentConfiguration.model_validate({"features": {"enable_service_bus": False}})
        without = resolve_component(configuration, "platform", "qa")

        names = [["scheduled-sync"]] * 2
        assert [[it.name for it in settings.functions] for settings in (alone, without)] == names

    @pytest.mark.parametrize("layer", sorted({*LAYER_TYPES} - {"functions", "etl", "site"}))
    def test_are_none_in_other_layers(self, layer: str) -> None:
        settings = resolve_component(DeploymentConfiguration(), layer, "qa")

        assert (settings.functions, settings.runs_code, settings.answers_requests) == ((), False, False)


class TestDatabases:
    def test_follow_flags_and_environment(self) -> None:
        development, production = (resolve(name).database for name in ("development", "production"))

        assert (development.redis_cache, development.document_database, development.backup_days) == (True, True, 7)
        assert (production.tier, production.backup_days, production.high_availability) == ("standard", 35, True)
        assert resolve(features={"enable_sql_database": False}).database.databases == ()

    def test_are_named_in_the_file(self) -> None:
        section = {"database": {"names": ["orders", "users"], "backup_days": 14}}
        settings = resolve(components={"platform": section}).database

        assert (settings.databases, settings.backup_days) == (("orders", "users"), 14)


def test_settings_of_an_environment_are_as_the_notes_use_them() -> None:
    settings: EnvironmentSettings = get_environment_settings("dev")

    assert (settings.features.enable_sql_database, settings.features.enable_cosmos_db) == (True, True)
