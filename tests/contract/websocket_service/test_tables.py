"""The protocol over entities in Azure's tables and Web PubSub's way to its connections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from semantest_iac.infrastructure.function_runtimes.loopback import Call
from semantest_iac.infrastructure.local_service.table_entities import TableEntities
from tests.contract.websocket_service import protocol_contract as contract
from tests.contract.websocket_service.payload import shipped
from tests.contract.websocket_service.world import World


class Rows:
    """The Table service, without the way between."""

    def __init__(self) -> None:
        self._table = TableEntities()

    def __call__(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        """One request."""
        named = {name.lower(): value for name, value in (headers or {}).items()}
        answer = self._table.answer(Call(method, path, named, body), path.removeprefix("/connections"))
        reply = shipped("websocket_azure", "semantest_azure").Reply
        return reply(answer.status, {name.lower(): value for name, value in answer.headers}, answer.body)


class Hub:
    """Web PubSub, which takes everything, and says only where it is asked who is there."""

    def __init__(self, deliver: Callable[[str, bytes], bool], is_there: Callable[[str], bool]) -> None:
        self._deliver = deliver
        self._is_there = is_there

    def __call__(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        """One request."""
        reply = shipped("websocket_azure", "semantest_azure").Reply
        id = path.split("/")[2].partition("?")[0]
        if method == "HEAD":
            return reply(200 if self._is_there(id) else 404)
        self._deliver(id, body)
        return reply(202)


class AzureWorld(World):
    def __init__(self) -> None:
        shipped("websocket_service", "semantest_conversation")
        port = shipped("websocket_azure", "semantest_tables").TableConnections
        super().__init__(lambda deliver: port(Rows(), Hub(deliver, self._there.__contains__), "connections", 60))


@pytest.fixture
def world() -> World:
    return AzureWorld()


class TestWelcome(contract.WelcomeContract): ...


class TestAuthenticate(contract.AuthenticateContract): ...


class TestAsking(contract.AskingContract): ...


class TestAnswering(contract.AnsweringContract): ...


class TestBroadcast(contract.BroadcastContract): ...


class TestNonsense(contract.NonsenseContract): ...


class TestStranger(contract.StrangerContract): ...
