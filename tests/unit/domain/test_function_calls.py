"""Functions that call each other: the rights of callers, the order of their resources, and the way in a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.compute.triggers import RequestTrigger
from semantest_iac.domain.deployment.deployment_service import find_function_sources
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.networking.private_endpoints import PrivateEndpoint, PrivateService
from semantest_iac.domain.resource import Resource
from tests.unit.domain.layer_resources import build_resources, list_users

_ANSWERS = {"handler": "app.handler", "trigger": {"http": "internal"}}
_JOB = {"handler": "app.job", "trigger": {"queue": "etl-queue"}}
_TICK = {"handler": "app.tick", "trigger": {"schedule": "0 3 * * *"}}
_FUNCTIONS: Mapping[str, Any] = {
    "nightly": {**_TICK, "calls": ["prices", "taxes"]},
    "prices": {**_ANSWERS, "calls": ["taxes"]},
    "taxes": _ANSWERS,
    "idle": _TICK,
}


def _build(component: str, environment: str = "development", functions: Any = _FUNCTIONS) -> Mapping[str, Resource]:
    return build_resources(component, environment, components={component: {"source": ".", "functions": functions}})


@pytest.mark.parametrize("component", ["functions", "platform", "etl"])
def test_callers_and_nobody_else_may_call(component: str) -> None:
    resources = _build(component)

    assert list_users(resources, "requests-prices") == {"function-nightly", "identity-nightly"}
    assert list_users(resources, "requests-taxes") == {
        *("function-nightly", "identity-nightly", "function-prices", "identity-prices")
    }


def test_called_functions_come_first() -> None:
    names = [*_build("functions")]

    assert [it.removeprefix("function-") for it in names if it.startswith("function-") and "logs" not in it] == [
        "taxes",
        "prices",
        "nightly",
        "idle",
    ]
    assert names.index("requests-taxes") < names.index("identity-prices")


def test_others_stay_in_the_order_in_which_they_are_written() -> None:
    functions = dict.fromkeys(("b", "c", "a"), _TICK)

    found = [
        it.purpose for it in _build("functions", functions=functions).values() if isinstance(it, ServerlessFunction)
    ]

    assert found == ["b", "c", "a"]


def test_what_has_a_queue_has_no_request_trigger() -> None:
    resources = _build("etl", functions={"job": {**_JOB, "calls": ["taxes"]}, "taxes": _ANSWERS})

    assert [it.purpose for it in resources.values() if isinstance(it, RequestTrigger)] == ["taxes"]


@pytest.mark.parametrize(("environment", "expected"), [("development", 0), ("staging", 1)])
def test_a_private_network_has_a_way_to_functions(environment: str, expected: int) -> None:
    functions = {**_FUNCTIONS, "job": {**_JOB, "calls": ["taxes"]}}

    for called, ways in ((functions, expected), ({"idle": _TICK}, 0)):
        found = _build("platform", environment, called).values()
        endpoints = [it for it in found if isinstance(it, PrivateEndpoint) and it.service is PrivateService.FUNCTIONS]
        assert len(endpoints) == ways


@pytest.mark.parametrize(("functions", "expected"), [(_FUNCTIONS, True), ({"idle": _TICK}, False)])
def test_a_package_has_the_helper_where_functions_call(functions: Any, expected: bool) -> None:
    written = {"components": {"functions": {"source": ".", "functions": functions}}}
    settings = resolve_component(DeploymentConfiguration.model_validate(written), "functions", "development")
    sources = find_function_sources(Stack("functions", "aws", "development", "us-east-1"), settings)

    assert sources
    assert sources.main.has_calls is expected
