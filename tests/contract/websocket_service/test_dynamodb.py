"""The protocol over DynamoDB's rows and API Gateway's management of connections."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from semantest_iac.infrastructure.local_service.table_data import DataError, TableData, TableSchema
from tests.contract.websocket_service import protocol_contract as contract
from tests.contract.websocket_service.payload import shipped
from tests.contract.websocket_service.world import LARGEST, World

SCHEMA = TableSchema("connectionId", {"by-client-type": "clientType"}, "expiresAt")


class Calls:
    """The calls as the service makes them, without the way between."""

    def __init__(self, deliver: Callable[[str, bytes], bool]) -> None:
        self._data = TableData(SCHEMA, time.time)
        self._deliver = deliver
        self._refused = shipped("websocket_service", "semantest_aws").CallError

    def table(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """One operation."""
        try:
            return self._data.call(operation, arguments)
        except DataError as error:
            raise self._refused(error.code) from error

    def post(self, connection: str, data: bytes) -> None:
        """Deliver it."""
        if len(data) > LARGEST:
            raise self._refused("PayloadTooLargeException")
        if not self._deliver(connection, data):
            raise self._refused("GoneException")


@pytest.fixture
def world() -> World:
    rows = shipped("websocket_service", "semantest_dynamodb").DynamoConnections
    return World(lambda deliver: rows(Calls(deliver), "connections", "by-client-type", 60))


class TestWelcome(contract.WelcomeContract): ...


class TestAuthenticate(contract.AuthenticateContract): ...


class TestAsking(contract.AskingContract): ...


class TestAnswering(contract.AnsweringContract): ...


class TestBroadcast(contract.BroadcastContract): ...


class TestNonsense(contract.NonsenseContract): ...


class TestStranger(contract.StrangerContract): ...
