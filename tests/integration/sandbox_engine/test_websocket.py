from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac_events.infrastructure import FunctionDeployed, WebSocketApiDeployed
from semantest_iac_events.values import ChangeCounts
from tests.integration.sandbox_engine import integrity
from tests.integration.sandbox_engine.rest_api import SandboxHome

_SIGNED = {"JWT_SECRET": "${secrets.jwt}", "AUTHENTICATION_REQUIRED": "true"}
_VARIANTS: dict[str, dict[str, Any]] = {
    "open": {"environment": {"AUTHENTICATION_REQUIRED": "false"}},
    "guarded": {"environment": _SIGNED},
    "warm": {"environment": _SIGNED, "instances": {"min": 2, "max": 10}},
}
_CONNECTION_TYPES = {"aws:apigatewayv2/api:Api", "aws:dynamodb/table:Table", "aws:apigatewayv2/stage:Stage"}


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    return SandboxHome(tmp_path)


def stack(environment: str = "development") -> Stack:
    return Stack("websocket", "aws", environment, "us-east-1")


def configured(section: dict[str, Any]) -> dict[str, Any]:
    return {"components": {"websocket": section}}


class TestEveryVariant:
    @pytest.mark.parametrize("environment", ["development", "production"])
    @pytest.mark.parametrize("variant", _VARIANTS)
    async def test_is_created_kept_destroyed_and_created_again(
        self, home: SandboxHome, variant: str, environment: str
    ) -> None:
        target, configuration = stack(environment), configured(_VARIANTS[variant])

        created = (await home.deploy(home.work(configuration, target))).changes
        again = (await home.deploy(home.work(configuration, target))).changes
        assert (created.create, again) == (again.same, ChangeCounts(same=created.create))
        assert home.in_state(target) == home.in_cloud()
        assert integrity.faults(home.engine.export(target)) == []

        await home.destroy(target)
        kept = {type_ for type_, _ in home.in_cloud()}
        assert kept == ({"aws:cloudwatch/logGroup:LogGroup"} if environment == "production" else set())
        assert (await home.deploy(home.work(configuration, target, generation=2))).changes.create == created.create

    @pytest.mark.parametrize(("before", "after"), [*pairwise(_VARIANTS), *pairwise(reversed(_VARIANTS))])
    async def test_can_be_changed_without_touching_connections(
        self, home: SandboxHome, before: str, after: str
    ) -> None:
        await home.deploy(home.work(configured(_VARIANTS[before]), stack()))
        ids = {type_: id_ for type_, id_ in home.in_cloud() if type_ in _CONNECTION_TYPES}

        await home.deploy(home.work(configured(_VARIANTS[after]), stack()))
        assert ids == {type_: id_ for type_, id_ in home.in_cloud() if type_ in _CONNECTION_TYPES}


class TestAccessLog:
    async def test_can_be_switched_without_touching_connections(self, home: SandboxHome) -> None:
        await home.deploy(home.work({}, replace(stack(), component="account")))
        plain = await home.deploy(home.work({}, stack()))
        before = {type_: id_ for type_, id_ in home.in_cloud() if type_ in _CONNECTION_TYPES}

        came = (await home.deploy(home.work({"features": {"access_logs": True}}, stack()))).changes
        went = (await home.deploy(home.work({}, stack()))).changes

        assert (came.create, came.update, came.same) == (1, 1, plain.changes.create - 1)
        assert (went.delete, went.update, went.same) == (1, 1, plain.changes.create - 1)
        assert before == {type_: id_ for type_, id_ in home.in_cloud() if type_ in _CONNECTION_TYPES}


class TestSettledResources:
    async def test_are_both_functions_and_then_the_api(self, home: SandboxHome) -> None:
        await home.deploy(home.work(configured(_VARIANTS["guarded"]), stack()))

        *_, api = [event for event in home.events if isinstance(event, WebSocketApiDeployed)]
        functions = [event.function_name for event in home.events if isinstance(event, FunctionDeployed)]
        assert sorted("authorizer" in name for name in functions) == [False, True]
        assert (api.routes, api.endpoint[:6]) == (("$connect", "$default", "$disconnect"), "wss://")
