"""The WebSocket API in the sandbox, in every form that it can have."""

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
from tests.integration.sandbox_engine.rest_api import House

_SIGNED = {"JWT_SECRET": "${secrets.jwt}", "AUTHENTICATION_REQUIRED": "true"}
_FORMS: dict[str, dict[str, Any]] = {
    "open": {"environment": {"AUTHENTICATION_REQUIRED": "false"}},
    "guarded": {"environment": _SIGNED},
    "warm": {"environment": _SIGNED, "instances": {"min": 2, "max": 10}},
}
_OF_CONNECTIONS = {"aws:apigatewayv2/api:Api", "aws:dynamodb/table:Table", "aws:apigatewayv2/stage:Stage"}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def stack(environment: str = "development") -> Stack:
    return Stack("websocket", "aws", environment, "us-east-1")


def configured(section: dict[str, Any]) -> dict[str, Any]:
    return {"components": {"websocket": section}}


class TestEveryForm:
    @pytest.mark.parametrize("environment", ["development", "production"])
    @pytest.mark.parametrize("form", _FORMS)
    async def test_is_made_kept_removed_and_made_again(self, house: House, form: str, environment: str) -> None:
        where, asked = stack(environment), configured(_FORMS[form])

        made = (await house.deploy(house.work(asked, where))).changes
        again = (await house.deploy(house.work(asked, where))).changes
        assert (made.create, again) == (again.same, ChangeCounts(same=made.create))
        assert house.remembered(where) == house.living()
        assert integrity.faults(house.engine.export(where)) == []

        await house.destroy(where)
        kept = {type_ for type_, _ in house.living()}
        assert kept == ({"aws:cloudwatch/logGroup:LogGroup"} if environment == "production" else set())
        assert (await house.deploy(house.work(asked, where, generation=2))).changes.create == made.create

    @pytest.mark.parametrize(("before", "after"), [*pairwise(_FORMS), *pairwise(reversed(_FORMS))])
    async def test_becomes_another_without_touching_connections(self, house: House, before: str, after: str) -> None:
        await house.deploy(house.work(configured(_FORMS[before]), stack()))
        ids = {type_: id_ for type_, id_ in house.living() if type_ in _OF_CONNECTIONS}

        await house.deploy(house.work(configured(_FORMS[after]), stack()))
        assert ids == {type_: id_ for type_, id_ in house.living() if type_ in _OF_CONNECTIONS}


class TestAccessLog:
    async def test_comes_and_goes_without_touching_connections(self, house: House) -> None:
        await house.deploy(house.work({}, replace(stack(), component="account")))
        plain = await house.deploy(house.work({}, stack()))
        before = {type_: id_ for type_, id_ in house.living() if type_ in _OF_CONNECTIONS}

        came = (await house.deploy(house.work({"features": {"access_logs": True}}, stack()))).changes
        went = (await house.deploy(house.work({}, stack()))).changes

        assert (came.create, came.update, came.same) == (1, 1, plain.changes.create - 1)
        assert (went.delete, went.update, went.same) == (1, 1, plain.changes.create - 1)
        assert before == {type_: id_ for type_, id_ in house.living() if type_ in _OF_CONNECTIONS}


class TestAnnouncements:
    async def test_tell_of_both_functions_and_then_of_the_api(self, house: House) -> None:
        await house.deploy(house.work(configured(_FORMS["guarded"]), stack()))

        *_, api = [event for event in house.events if isinstance(event, WebSocketApiDeployed)]
        functions = [event.function_name for event in house.events if isinstance(event, FunctionDeployed)]
        assert sorted("authorizer" in name for name in functions) == [False, True]
        assert (api.routes, api.endpoint[:6]) == (("$connect", "$default", "$disconnect"), "wss://")
