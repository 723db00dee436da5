from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.environments.rules.findings import Finding, RuleSubject
from semantest_iac.domain.environments.sections import ComponentSection
from semantest_iac.infrastructure.clouds.azure_rules import AZURE_LIMITS, AZURE_RULES, round_memory
from semantest_iac.infrastructure.clouds.registry import CLOUDS

_ID = "/subscriptions/00000000-0000-4000-8000-5e3a17e57002/resourceGroups/rg/providers/Microsoft.Network"
_SUBNET = f"{_ID}/virtualNetworks/net/subnets/functions"
_JWT = {"issuer": "https://issuer.example.org", "audience": ["semantest"]}


def _find(*, component: str = "rest-api", environment: Any = "staging", **section: Any) -> list[Finding]:
    if isinstance(environment, dict):
        section, environment = {**section, "environment": environment}, "staging"
    asked = ComponentSection.model_validate(section)
    subject = RuleSubject(component, "azure", environment, asked, date(2026, 11, 21), AZURE_LIMITS)
    return list(AZURE_RULES.check_component(subject))


def _find_paths(**section: Any) -> list[tuple[bool, str]]:
    return [(finding.blocks, finding.fault.path) for finding in _find(**section)]


class TestRules:
    @pytest.mark.parametrize(
        ("section", "path"),
        [
            ({"memory": 4097}, "memory"),
            ({"instances": {"max": 1001}}, "instances.max"),
            ({"instances": {"min": 101}}, "instances.min"),
            ({"network": {"subnet_ids": ["subnet-0123456789abcdef0"]}}, "network.subnet_ids[0]"),
            ({"network": {"subnet_ids": [f"{_SUBNET}_1"]}}, "network.subnet_ids[0]"),
            ({"cors": {"origins": ["https://*"]}}, "cors.origins[0]"),
            ({"environment": {"tz": "Europe/Berlin"}}, "environment.tz"),
        ],
        ids=["memory", "max", "min", "not a subnet", "underscore", "pattern of origins", "time zone"],
    )
    def test_refuse_what_azure_does_not_support(self, section: dict[str, Any], path: str) -> None:
        assert _find_paths(**section) == [(True, path)]

    @pytest.mark.parametrize(
        ("section", "path"),
        [
            ({"memory": 1024}, "memory"),
            ({"memory": 512}, "memory"),
            ({"instances": {"max": 10}}, "instances.max"),
            ({"environment": "development", "throttling": {"rate": 5}}, "throttling"),
            ({"throttling": {"rate": 5}}, "throttling"),
            ({"environment": "development", "authorizer": _JWT, "throttling": {"burst": 5}}, "throttling"),
            ({"environment": "development", "cors": {"origins": ["*"], "max_age": 9}}, "cors"),
        ],
        ids=[
            "between two sizes",
            "the risky size",
            "few instances",
            "no gateway to limit",
            "calls without a key",
            "with tokens",
            "no gateway for browsers",
        ],
    )
    def test_warn_of_what_has_another_effect(self, section: dict[str, Any], path: str) -> None:
        assert _find_paths(**section) == [(False, path)]

    @pytest.mark.parametrize(
        "section",
        [
            {"memory": 2048, "instances": {"min": 1, "max": 100}},
            {"instances": {"min": 150, "max": 200}},
            {"network": {"subnet_ids": [_SUBNET]}},
            {"cors": {"origins": ["*"], "max_age": 9}},
            {"environment": "development", "cors": {"origins": ["*"], "max_age": 9}, "authorizer": _JWT},
        ],
        ids=["sizes", "many", "subnet", "gateway", "gateway for tokens"],
    )
    def test_accept_what_azure_supports(self, section: dict[str, Any]) -> None:
        assert _find(**section) == []


class TestWebPubSub:
    @pytest.mark.parametrize(("component", "paths"), [("websocket", ["throttling"]), ("rest-api", [])])
    def test_warns_that_it_does_not_throttle(self, component: str, paths: list[str]) -> None:
        found = _find(component=component, throttling={"rate": 5})

        warned = [finding.fault for finding in found if not finding.blocks]
        assert [fault.path for fault in warned if "Web PubSub" in fault.message] == paths


class TestMemorySizes:
    @pytest.mark.parametrize(("asked", "size"), [(128, 512), (512, 512), (513, 2048), (4096, 4096), (9000, 4096)])
    def test_are_rounded_up(self, asked: int, size: int) -> None:
        assert round_memory(asked) == size


class TestRetention:
    @pytest.mark.parametrize(("days", "kept"), [(7, 30), (31, 60), (90, 90), (3653, 730), (0, 730)])
    def test_is_the_nearest_of_a_workspace(self, days: int, kept: int) -> None:
        assert AZURE_RULES.round_retention(days) == kept


class TestNamesOfSettings:
    @pytest.mark.parametrize("names", [("MyKey", "MYKEY"), ("Log_Level",)], ids=["both written", "one implied"])
    def test_are_one_whatever_their_case(self, names: tuple[str, ...]) -> None:
        written = {"environment": dict.fromkeys(names, "x")}
        configuration = DeploymentConfiguration.model_validate({"components": {"rest-api": written}})
        stack = Stack("rest-api", "azure", "staging", "westeurope")

        faults = ValidationService(date(2026, 11, 21), CLOUDS).validate(stack, configuration).faults

        assert [fault.path for fault in faults] == [f"components.rest-api.environment.{names[-1]}"]
