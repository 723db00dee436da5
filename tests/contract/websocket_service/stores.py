"""The stores of connections under contract: memory, DynamoDB items, Azure tables; each with a way to send."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest
from semantest_iac.infrastructure.local_service.aws.tables import DynamoDbError, DynamoDbTable, TableSchema
from semantest_iac.infrastructure.local_service.azure.tables import StorageTable
from tests.contract.websocket_service.payload import import_payload
from tests.contract.websocket_service.world import LARGEST, World
from tests.fakes.connections import FakeConnections

SCHEMA = TableSchema("connectionId", {"by-client-type": "clientType"}, "expiresAt")


class DirectAwsClient:
    """The payload's AWS client, connected to the tables without HTTP."""

    def __init__(self, deliver: Callable[[str, bytes], bool]) -> None:
        self._table = DynamoDbTable(SCHEMA, time.time)
        self._deliver = deliver
        self._error = import_payload("websocket_service", "semantest_aws").CallError

    def call_table(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return self._table.call(operation, arguments)
        except DynamoDbError as error:
            raise self._error(error.code) from error

    def post(self, connection: str, data: bytes) -> None:
        if len(data) > LARGEST:
            raise self._error("PayloadTooLargeException")
        if not self._deliver(connection, data):
            raise self._error("GoneException")


class DirectTables:
    """The Table service, without HTTP."""

    def __init__(self) -> None:
        self._table = StorageTable()

    def __call__(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        named = {name.lower(): value for name, value in (headers or {}).items()}
        answer = self._table.answer(LoopbackRequest(method, path, named, body), path.removeprefix("/connections"))
        reply = import_payload("websocket_azure", "semantest_azure").Reply
        return reply(answer.status, {name.lower(): value for name, value in answer.headers}, answer.body)


class DirectHub:
    """Web PubSub, which accepts every message and only tells on request who is connected."""

    def __init__(self, deliver: Callable[[str, bytes], bool], is_connected: Callable[[str], bool]) -> None:
        self._deliver = deliver
        self._is_connected = is_connected

    def __call__(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        reply = import_payload("websocket_azure", "semantest_azure").Reply
        id = path.split("/")[2].partition("?")[0]
        if method == "HEAD":
            return reply(200 if self._is_connected(id) else 404)
        self._deliver(id, body)
        return reply(202)


class TablesWorld(World):
    def __init__(self) -> None:
        import_payload("websocket_service", "semantest_protocol")
        store = import_payload("websocket_azure", "semantest_tables").TableConnections
        super().__init__(
            lambda deliver: store(DirectTables(), DirectHub(deliver, self._received.__contains__), "connections", 60)
        )


def _on_dynamodb() -> World:
    store = import_payload("websocket_service", "semantest_dynamodb").DynamoConnections
    return World(lambda deliver: store(DirectAwsClient(deliver), "connections", "by-client-type", 60))


WORLDS: Mapping[str, Callable[[], World]] = {
    "memory": lambda: World(FakeConnections),
    "dynamodb": _on_dynamodb,
    "tables": TablesWorld,
}
