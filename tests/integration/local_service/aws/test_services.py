"""DynamoDB and the management of connections as functions reach them: over HTTP, on loopback."""

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
from semantest_iac.infrastructure.local_service.aws.tables import DynamoDbTable, TableSchema
from semantest_iac.infrastructure.local_service.aws.web_sockets import serve_connections, serve_tables
from tests.contract.websocket_service.payload import shipped
from tests.integration.local_service.clients import Memory

LARGEST = 128 * 1024
ITEM = {"id": {"S": "a"}}


@pytest.fixture
def clients() -> Memory:
    return Memory()


@pytest.fixture
async def calls(clients: Memory, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """The payload's own way to both services."""
    data = {"t": DynamoDbTable(TableSchema("id"), time.time)}
    async with (
        serve_loopback(serve_tables(data)) as tables_url,
        serve_loopback(serve_connections(clients, LARGEST)) as connections_url,
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", tables_url)
        monkeypatch.setenv("SEMANTEST_CONNECTIONS_ENDPOINT", connections_url)
        found = shipped("websocket_service", "semantest_aws").calls()
        yield found
        for connection in found.kept.values():
            connection.close()


async def refusal(call: Any, *arguments: Any) -> str:
    """The code with which a call is refused."""
    with pytest.raises(shipped("websocket_service", "semantest_aws").CallError) as caught:
        await asyncio.to_thread(call, *arguments)
    return str(caught.value)


async def status(method: str, url: str, data: bytes | None = None) -> int:
    """The status that a plain request is answered with."""

    def sent() -> int:
        try:
            with urlopen(Request(url, data, method=method), timeout=5) as answer:
                return int(answer.status)
        except HTTPError as error:
            error.close()
            return error.code

    return await asyncio.to_thread(sent)


class TestTables:
    async def test_keep_what_is_put(self, calls: Any) -> None:
        await asyncio.to_thread(calls.table, "PutItem", {"TableName": "t", "Item": ITEM})

        for name in ("t", "arn:aws:dynamodb:us-east-1:123456789012:table/t"):
            found = await asyncio.to_thread(calls.table, "GetItem", {"TableName": name, "Key": ITEM})
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
    async def test_refuse_by_dynamodb_s_codes(
        self, calls: Any, operation: str, arguments: dict[str, Any], code: str
    ) -> None:
        assert await refusal(calls.table, operation, arguments) == code


class TestManagement:
    async def test_sends_to_who_is_there(self, calls: Any, clients: Memory) -> None:
        await asyncio.to_thread(calls.post, "a/b=", b'{"type": "hello"}')

        assert clients.heard == {"a/b=": [{"type": "hello"}]}

    async def test_says_who_is_gone(self, calls: Any, clients: Memory) -> None:
        clients.gone.add("a")

        assert await refusal(calls.post, "a", b"{}") == "GoneException"

    async def test_carries_no_more_than_the_cloud_does(self, calls: Any) -> None:
        assert await refusal(calls.post, "a", b"x" * (LARGEST + 1)) == "PayloadTooLargeException"

    async def test_tells_of_connections_and_ends_them(self, clients: Memory) -> None:
        async with serve_loopback(serve_connections(clients, LARGEST)) as url:
            place = f"{url}/@connections/a"

            found = [await status(method, place) for method in ("GET", "DELETE", "DELETE", "GET", "PATCH")]
        assert found == [200, 204, 410, 410, 410]


class TestLoopback:
    async def test_answers_nobody_who_does_not_know_its_path(self, clients: Memory) -> None:
        async with serve_loopback(serve_connections(clients, LARGEST)) as url:
            root = url.rpartition("/")[0]

            assert await status("POST", f"{root}/@connections/a", b"{}") == 403
        assert clients.heard == {}

    async def test_keeps_a_connection_for_many_calls(self, calls: Any, clients: Memory) -> None:
        for number in range(50):
            await asyncio.to_thread(calls.post, "a", b'{"type": "%d"}' % number)

        assert clients.types("a") == [str(number) for number in range(50)]

    async def test_waits_for_the_whole_of_a_call(self, clients: Memory) -> None:
        async with serve_loopback(serve_connections(clients, LARGEST)) as url:
            place = urlsplit(f"{url}/@connections/a")
            reader, writer = await asyncio.open_connection(place.hostname, place.port)
            for part in (f"POST {place.path} HTTP/1.1\r\nContent-", "Length: 4\r\n\r\n{ ", " }"):
                writer.write(part.encode())
                await asyncio.sleep(0.01)

            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
        assert clients.heard == {"a": [{}]}

    async def test_goes_on_after_a_call_that_nobody_has_thought_of(self, clients: Memory) -> None:
        async with serve_loopback(serve_connections(clients, LARGEST)) as url:
            found = [await status("POST", f"{url}/@connections/a", body) for body in (b"no json", b"{}")]
        assert found == [500, 200]

    @pytest.mark.parametrize(
        "head", ["nonsense\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "x" * 70_000]
    )
    async def test_hangs_up_on_what_is_no_call(self, clients: Memory, head: str) -> None:
        async with serve_loopback(serve_connections(clients, LARGEST)) as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
            writer.write(head.encode())

            assert await reader.read() == b""
            writer.close()
