"""The key `health` of a component: its forms, its faults, and the route that it needs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.blueprints.components import build_rest_api
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.settings import HealthSettings
from semantest_iac.domain.networking.apis import HttpApi
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.configuration.schema import validate_values


def configuration(health: Any, component: str = "rest-api") -> DeploymentConfiguration:
    return DeploymentConfiguration.model_validate({"components": {component: {"health": health}}})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, HealthSettings()),
        ("none", HealthSettings(enabled=False)),
        ({"path": "/up", "status": 204, "timeout_s": 30}, HealthSettings(path="/up", status=204, timeout_s=30)),
    ],
)
def test_is_resolved_and_survives_its_record(written: Any, expected: HealthSettings) -> None:
    loaded = configuration(written)
    recorded = DeploymentConfiguration.model_validate(loaded.model_dump(mode="json", exclude_unset=True))

    for each in (loaded, recorded):
        assert resolve_component(each, "rest-api", "development").health == expected


@pytest.mark.parametrize(
    ("component", "health", "paths"),
    [
        ("rest-api", {"path": "up"}, ["path"]),
        ("rest-api", {"path": "/up?deep=1"}, ["path"]),
        ("rest-api", {"path": "/items/{id}", "status": 99, "timeout_s": 0}, ["path", "status", "timeout_s"]),
        ("rest-api", {"path": "/../x"}, ["path"]),
        ("rest-api", {"timeout_s": 601}, ["timeout_s"]),
        ("rest-api", {"path": "/api/up/", "status": 401}, []),
        ("websocket", {"path": "/up", "status": 200}, ["path", "status"]),
        ("websocket", {"timeout_s": 30}, []),
        ("websocket", "none", []),
    ],
)
@pytest.mark.parametrize(("provider", "region"), [("aws", "us-east-1"), ("azure", "eastus")])
def test_reports_all_faults(component: str, health: Any, paths: list[str], provider: str, region: str) -> None:
    stack = Stack(component, provider, "development", region)
    report = ValidationService(date(2026, 1, 1), CLOUDS).validate(stack, configuration(health, component))

    assert sorted(fault.path for fault in report.faults) == [f"components.{component}.health.{path}" for path in paths]


def test_refuses_values_without_a_check() -> None:
    stack = Stack("rest-api", "aws", "development", "us-east-1")
    written = configuration({"enabled": False, "path": "/up"})

    [fault] = ValidationService(date(2026, 1, 1), CLOUDS).validate(stack, written).faults
    assert fault.path == "components.rest-api.health"


@pytest.mark.parametrize(
    ("health", "path"), [({"pth": "/up"}, "health.pth"), ({"status": "ok"}, "health.status"), ("off", "health")]
)
def test_names_the_place_of_a_malformed_value(health: Any, path: str) -> None:
    [fault] = validate_values({"components": {"rest-api": {"health": health}}}).faults

    assert fault.path == f"components.rest-api.{path}"


@pytest.mark.parametrize(("health", "expected"), [(None, ["/health"]), ({"path": "/up"}, ["/up"]), ("none", [])])
def test_the_path_is_a_public_route(health: Any, expected: list[str]) -> None:
    settings = resolve_component(configuration(health), "rest-api", "development")
    blueprint = build_rest_api(Stack("rest-api", "aws", "development", "us-east-1"), 1, settings)

    [api] = [resource for resource in blueprint.resources if isinstance(resource, HttpApi)]
    assert [endpoint.path for endpoint in api.endpoints if endpoint.public] == expected
