"""The key `canary` of a component: its forms, and what is refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.delivery.canary import CanarySettings
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.infrastructure.clouds.registry import CLOUDS


def parse(component: str = "rest-api", **section: Any) -> DeploymentConfiguration:
    return DeploymentConfiguration.model_validate({"components": {component: section}})


def faults(component: str = "rest-api", provider: str = "aws", place: str = "qa", **section: Any) -> list[str]:
    region = "us-east-1" if provider == "aws" else "eastus"
    report = ValidationService(date(2026, 1, 1), CLOUDS).validate(
        Stack(component, provider, place, region), parse(component, **section)
    )
    return [f"{fault.path.removeprefix(f'components.{component}.')}: {fault.message}" for fault in report.faults]


class TestForms:
    @pytest.mark.parametrize(
        ("written", "steps"),
        [("10%", (10,)), (10, (10,)), ("10%,50%", (10, 50)), ("10, 50 %", (10, 50)), ([10, "50%"], (10, 50)),
         ({"steps": "20%"}, (20,)), ({"steps": [5, 20]}, (5, 20))],
    )  # fmt: skip
    def test_shares_are_written_as_people_write_them(self, written: Any, steps: tuple[int, ...]) -> None:
        assert resolve_component(parse(canary=written), "rest-api", "qa").canary == CanarySettings(steps)

    @pytest.mark.parametrize("written", ["none", None, {"steps": []}])
    def test_none_is_all_at_once(self, written: Any) -> None:
        assert resolve_component(parse(canary=written), "rest-api", "qa").canary is None

    def test_limits_are_those_that_are_written(self) -> None:
        written = {"steps": [10], "bake_s": 60, "max_error_rate": 0.05, "max_latency_ms": 800.0, "min_requests": 5}

        resolved = resolve_component(parse(canary=written), "rest-api", "qa").canary

        assert resolved == CanarySettings((10,), 60, 0.05, 800, 5)


class TestFaults:
    @pytest.mark.parametrize(
        ("written", "fault"),
        [([0], "canary.steps: shares must be 1 to 99 percent"),
         ([100], "canary.steps: shares must be 1 to 99 percent"),
         ([50, 10], "canary.steps: each share must be larger than the one before it"),
         ([10, 10], "canary.steps: each share must be larger than the one before it"),
         (list(range(1, 12)), "canary.steps: at most 10 steps, not 11"),
         ({"bake_s": 60}, "canary.steps: no shares of the traffic"),
         ({"steps": [10], "bake_s": 0}, "canary.bake_s: bake_s must be 1 to 604800 s, not 0"),
         ({"steps": [10], "max_error_rate": 1.0}, "canary.max_error_rate: max_error_rate must be 0 or more, below 1"),
         ({"steps": [10], "max_latency_ms": 0.0}, "canary.max_latency_ms: max_latency_ms must be above 0"),
         ({"steps": [10], "min_requests": 0}, "canary.min_requests: min_requests must be 1 or more, not 0")],
    )  # fmt: skip
    def test_unusable_values_are_refused(self, written: Any, fault: str) -> None:
        assert faults(canary=written) == [fault]

    @pytest.mark.parametrize("provider", ["aws", "azure"])
    def test_a_websocket_api_has_none(self, provider: str) -> None:
        [fault] = faults("websocket", provider, canary="10%", environment={"AUTHENTICATION_REQUIRED": "false"})

        assert "a WebSocket API has no canary: the messages of one connection would go to both versions" in fault

    def test_aws_keeps_nothing_warm_for_an_alias_with_weights(self) -> None:
        [fault] = faults(canary="10%", instances={"min": 1})

        assert fault.startswith("canary: not with instances.min = 1")

    def test_azure_has_none_without_a_gateway_and_says_why(self) -> None:
        [fault] = faults(provider="azure", place="development", canary="10%")

        reason = "the Flex Consumption plan has no deployment slots, and without a gateway nothing divides"
        assert fault.startswith(f"canary: not on Azure without a gateway: {reason}")

    def test_azure_has_one_with_a_gateway_also_with_warm_instances(self) -> None:
        assert faults(provider="azure", place="qa", canary="10%") == []
        assert faults(provider="azure", place="production", canary="10%") == []
        authorizer = {"issuer": "https://issuer.example.org", "audience": ["api"]}
        assert faults(provider="azure", place="development", canary="10%", authorizer=authorizer) == []

    def test_production_keeps_an_instance_warm_by_default(self) -> None:
        assert [fault.startswith("canary: not with") for fault in faults(place="production", canary="10%")] == [True]
        assert faults(place="production", canary="10%", instances={"min": 0}) == []
