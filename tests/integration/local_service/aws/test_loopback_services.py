"""DynamoDB and the management API of connections as functions reach them: over HTTP, on loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from semantest_iac.infrastructure.function_runtimes.loopback import serve_loopback
from semantest_iac.infrastructure.local_service.aws.tables import DynamoDbTable, TableSchema, create_tables_handler
from semantest_iac.infrastructure.local_service.aws.web_sockets import create_connections_handler
from tests.contract.websocket_service.payload import import_payload
from tests.integration.local_service.clients import MemoryClients

LARGEST = 128 * 1024
ITEM = {"id": {"S": "a"}}


@pytest.fixture
def clients() -> MemoryClients:
    return MemoryClients()


@pytest.fixture
async def client(clients: MemoryClients, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """The payload's client of both services."""
    tables = {"t": DynamoDbTable(TableSchema("id"), time.time)}
    async with (
        serve_loopback(create_tables_handler(tables)) as tables_url,
        serve_loopback(create_connections_handler(clients, LARGEST)) as connections_url,
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", tables_url)
        monkeypatch.setenv("SEMANTEST_CONNECTIONS_ENDPOINT", connections_url)
        client = import_payload("websocket_service", "semantest_aws").make_client()
        yield client
        for connection in client.streams.values():
            connection.close()


async def error_code(call: Any, *arguments: Any) -> str:
    with pytest.raises(import_payload("websocket_service", "semantest_aws").CallError) as caught:
        await asyncio.to_thread(call, *arguments)
    return str(caught.value)


async def status(method: str, url: str, data: bytes | None = None) -> int:
    """The status of the response to a plain request."""

    def send() -> int:
        try:
            with urlopen(Request(url, data, method=method), timeout=5) as answer:
                return int(answer.status)
        except HTTPError as error:
            error.close()
            return error.code

    return await asyncio.to_thread(send)


class TestTables:
    async def test_store_items(self, client: Any) -> None:
        await asyncio.to_thread(client.call_table, "PutItem", {"TableName": "t", "Item": ITEM})

        for name in ("t", "arn:aws:dynamodb:us-east-1:123456789012:table/t"):
            found = await asyncio.to_thread(client.call_table, "GetItem", {"TableName": name, "Key": ITEM})
            assert found == {"Item": ITEM}

    @pytest.mark.parametrize(
        ("operation", "arguments", "code"),
        [
            ("PutItem", {"TableName": "other", "Item": ITEM}, "ResourceNotFoundException"),
            ("PutItem", {"Item": ITEM}, "SerializationException"),
            (
                "PutItem",
                {"TableName": "t", "Item": ITEM, "ConditionExpression": "attribute_exists(id)"},
                "ConditionalCheckFailedException",
            ),
            ("Scan", {"TableName": "t"}, "AccessDeniedException"),
        ],
        ids=["no-table", "no-name", "condition", "scan"],
    )
    async def test_refuse_with_dynamodb_s_error_codes(
        self, client: Any, operation: str, arguments: dict[str, Any], code: str
    ) -> None:
        assert await error_code(client.call_table, operation, arguments) == code


class TestConnections:
    async def test_sends_to_connected_clients(self, client: Any, clients: MemoryClients) -> None:
        await asyncio.to_thread(client.post, "a/b=", b'{"type": "hello"}')

        assert clients.received == {"a/b=": [{"type": "hello"}]}

    async def test_reports_clients_that_are_gone(self, client: Any, clients: MemoryClients) -> None:
        clients.gone.add("a")

        assert await error_code(client.post, "a", b"{}") == "GoneException"

    async def test_refuses_messages_that_are_too_large(self, client: Any) -> None:
        assert await error_code(client.post, "a", b"x" * (LARGEST + 1)) == "PayloadTooLargeException"

    async def test_describes_and_closes_connections(self, clients: MemoryClients) -> None:
        async with serve_loopback(create_connections_handler(clients, LARGEST)) as url:
            connection_url = f"{url}/@connections/a"

            statuses = [await status(method, connection_url) for method in ("GET", "DELETE", "DELETE", "GET", "PATCH")]
        assert statuses == [200, 204, 410, 410, 410]


class TestLoopback:
    async def test_refuses_requests_to_another_path(self, clients: MemoryClients) -> None:
        async with serve_loopback(create_connections_handler(clients, LARGEST)) as url:
            root = url.rpartition("/")[0]

            assert await status("POST", f"{root}/@connections/a", b"{}") == 403
        assert clients.received == {}

    async def test_keeps_a_connection_for_many_requests(self, client: Any, clients: MemoryClients) -> None:
        for number in range(50):
            await asyncio.to_thread(client.post, "a", b'{"type": "%d"}' % number)

        assert clients.types("a") == [str(number) for number in range(50)]

    async def test_waits_for_the_whole_request(self, clients: MemoryClients) -> None:
        async with serve_loopback(create_connections_handler(clients, LARGEST)) as url:
            parts = urlsplit(f"{url}/@connections/a")
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            for part in (f"POST {parts.path} HTTP/1.1\r\nContent-", "Length: 4\r\n\r\n{ ", " }"):
                writer.write(part.encode())
                await asyncio.sleep(0.01)

            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
        assert clients.received == {"a": [{}]}

    async def test_continues_after_an_unexpected_error(self, clients: MemoryClients) -> None:
        async with serve_loopback(create_connections_handler(clients, LARGEST)) as url:
            statuses = [await status("POST", f"{url}/@connections/a", body) for body in (b"no json", b"{}")]
        assert statuses == [500, 200]

    @pytest.mark.parametrize(
        "head", ["nonsense\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "x" * 70_000]
    )
    async def test_closes_the_connection_on_an_invalid_request(self, clients: MemoryClients, head: str) -> None:
        async with serve_loopback(create_connections_handler(clients, LARGEST)) as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
            writer.write(head.encode())

            assert await reader.read() == b""
            writer.close()
