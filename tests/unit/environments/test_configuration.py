from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.compute.scaling import ScalingPolicy
from semantest_iac.domain.environments.configuration import (
    DeploymentConfiguration,
    resolve_component,
)
from semantest_iac.domain.environments.environment_settings import Alert, Throttling
from semantest_iac.domain.environments.section_types import parse_secret_reference
from semantest_iac.domain.environments.settings import ComponentSettings, Cors


def resolve(component: str = "rest-api", environment: str = "production", **section: Any) -> ComponentSettings:
    return resolve_component(
        DeploymentConfiguration.model_validate({"components": {component: section}}), component, environment
    )


class TestConfiguration:
    def test_leaves_missing_keys_unset(self) -> None:
        configuration = DeploymentConfiguration.model_validate({"components": {"rest-api": {"memory": 512}}})

        assert configuration.components["rest-api"].model_fields_set == {"memory"}
        assert configuration.provider is None

    def test_accepts_aliases_of_environments(self) -> None:
        assert DeploymentConfiguration.model_validate({"environment": "Prod"}).environment == "production"

    @pytest.mark.parametrize(("value", "text"), [(True, "true"), (8080, "8080"), (1.5, "1.5"), ("x", "x")])
    def test_turns_the_values_of_variables_into_text(self, value: Any, text: str) -> None:
        written = {"components": {"rest-api": {"environment": {"WS_PORT": value}}}}

        assert DeploymentConfiguration.model_validate(written).components["rest-api"].environment == {"WS_PORT": text}


class TestParseSecretReference:
    @pytest.mark.parametrize(
        ("value", "name"),
        [("${secrets.database_url}", "database_url"), ("x${secrets.a}", None), ("${env.A}", None), ("plain", None)],
    )
    def test_reads_whole_values_only(self, value: str, name: str | None) -> None:
        assert parse_secret_reference(value) == name


class TestResolveComponent:
    def test_fills_every_gap_from_the_environment(self) -> None:
        settings = resolve_component(DeploymentConfiguration(), "rest-api", "dev")

        assert (settings.memory, settings.timeout, settings.instances) == (512, 29, ScalingPolicy(0, None))
        assert settings.throttling == Throttling(rate=2000, burst=4000)
        assert settings.environment["NODE_ENV"] == "development"
        assert [alert.type for alert in settings.monitoring.alerts] == [
            "error_rate",
            "latency",
            "server_errors",
            "throttles",
            "concurrency",
        ]

    def test_prefers_configured_values(self) -> None:
        settings = resolve(memory=2048, throttling={"rate": 5.0}, cors={"origins": ["https://a.example"]})

        assert settings.memory == 2048
        assert settings.throttling == Throttling(rate=5.0, burst=200)
        assert settings.cors == Cors(("https://a.example",))

    def test_separates_secrets_from_plain_variables(self) -> None:
        written = {"components": {"rest-api": {"environment": {"API_VERSION": "v1", "DB": "${secrets.db}"}}}}

        settings = resolve_component(DeploymentConfiguration.model_validate(written), "rest-api", "production")

        assert settings.secrets == {"DB": "db"}
        assert settings.environment["API_VERSION"] == "v1"
        assert "DB" not in settings.environment

    @pytest.mark.parametrize(
        ("component", "own", "integration"), [("rest-api", 29, 29), ("websocket", 300, 29)], ids=str
    )
    def test_allows_only_a_websocket_function_to_outlast_its_gateway(
        self, component: str, own: int, integration: int
    ) -> None:
        settings = resolve(component, timeout=300 if component == "websocket" else 30)

        assert (settings.timeout, settings.integration_timeout) == (own, integration)

    def test_gives_a_websocket_neither_routes_nor_cors(self) -> None:
        settings = resolve("websocket")

        assert (settings.routes, settings.cors) == ((), None)

    def test_has_no_cors_when_the_list_of_origins_is_empty(self) -> None:
        assert resolve(cors={"origins": []}).cors is None

    def test_completes_cors_with_the_origins_of_the_environment(self) -> None:
        cors = resolve(cors={"max_age": 60}).cors

        assert cors is not None
        assert (bool(cors.origins), cors.max_age) == (True, 60)

    def test_takes_a_list_of_alerts_as_complete(self) -> None:
        written = {"monitoring": {"alerts": [{"type": "latency", "threshold": 500}]}}

        settings = resolve_component(DeploymentConfiguration.model_validate(written), "rest-api", "qa")

        assert settings.monitoring.alerts == (Alert("latency", 500),)

    def test_has_no_alerts_when_monitoring_is_off(self) -> None:
        written = DeploymentConfiguration.model_validate({"monitoring": {"enabled": False}})

        assert resolve_component(written, "rest-api", "qa").monitoring.alerts == ()

    def test_alerts_at_four_fifths_of_the_maximum_instances(self) -> None:
        assert resolve(instances={"max": 10}).monitoring.alerts[-1] == Alert("concurrency", 8)

    def test_rounds_log_retention_up(self) -> None:
        written = DeploymentConfiguration.model_validate({"monitoring": {"log_retention_days": 45}})

        assert resolve_component(written, "rest-api", "qa").monitoring.log_retention_days == 60

    def test_fixes_the_number_of_instances_without_scaling(self) -> None:
        written = {"scaling": {"auto_scale": False}, "components": {"rest-api": {"instances": {"min": 3}}}}

        assert resolve_component(
            DeploymentConfiguration.model_validate(written), "rest-api", "qa"
        ).instances == ScalingPolicy(3, 3)

    @pytest.mark.parametrize(
        ("component", "written", "logs"),
        [("rest-api", {}, True), ("websocket", {}, False), ("websocket", {"access_logs": True}, True)],
        ids=["HTTP", "WebSocket", "WebSocket that asks"],
    )
    def test_has_a_websocket_access_log_only_on_request(
        self, component: str, written: dict[str, bool], logs: bool
    ) -> None:
        configuration = DeploymentConfiguration.model_validate({"features": written})

        assert resolve_component(configuration, component, "staging").features.access_logs is logs

    def test_overrides_single_feature_flags(self) -> None:
        written = DeploymentConfiguration.model_validate({"features": {"tracing": True}})

        features = resolve_component(written, "rest-api", "development").features

        assert (features.tracing, features.access_logs) == (True, True)
