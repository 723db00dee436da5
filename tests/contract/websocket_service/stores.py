"""What may hold the connections: memory, DynamoDB's rows, Azure's tables; each with its way to clients."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest
from semantest_iac.infrastructure.local_service.aws.tables import DynamoDbError, DynamoDbTable, TableSchema
from semantest_iac.infrastructure.local_service.azure.tables import StorageTable
from tests.contract.websocket_service.payload import shipped
from tests.contract.websocket_service.world import LARGEST, World
from tests.fakes.connections import FakeConnections

SCHEMA = TableSchema("connectionId", {"by-client-type": "clientType"}, "expiresAt")


class Calls:
    """The calls as the service makes them, without the way between."""

    def __init__(self, deliver: Callable[[str, bytes], bool]) -> None:
        self._data = DynamoDbTable(SCHEMA, time.time)
        self._deliver = deliver
        self._refused = shipped("websocket_service", "semantest_aws").CallError

    def table(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """One operation."""
        try:
            return self._data.call(operation, arguments)
        except DynamoDbError as error:
            raise self._refused(error.code) from error

    def post(self, connection: str, data: bytes) -> None:
        """Deliver it."""
        if len(data) > LARGEST:
            raise self._refused("PayloadTooLargeException")
        if not self._deliver(connection, data):
            raise self._refused("GoneException")


class Rows:
    """The Table service, without the way between."""

    def __init__(self) -> None:
        self._table = StorageTable()

    def __call__(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        """One request."""
        named = {name.lower(): value for name, value in (headers or {}).items()}
        answer = self._table.answer(LoopbackRequest(method, path, named, body), path.removeprefix("/connections"))
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


class TablesWorld(World):
    def __init__(self) -> None:
        shipped("websocket_service", "semantest_conversation")
        port = shipped("websocket_azure", "semantest_tables").TableConnections
        super().__init__(lambda deliver: port(Rows(), Hub(deliver, self._there.__contains__), "connections", 60))


def _on_dynamodb() -> World:
    rows = shipped("websocket_service", "semantest_dynamodb").DynamoConnections
    return World(lambda deliver: rows(Calls(deliver), "connections", "by-client-type", 60))


WORLDS: Mapping[str, Callable[[], World]] = {
    "memory": lambda: World(FakeConnections),
    "dynamodb": _on_dynamodb,
    "tables": TablesWorld,
}
