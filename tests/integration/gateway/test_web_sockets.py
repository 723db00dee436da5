"""WebSockets through the gateway, with a real client."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.presentation.gateway.launch import open_gateway
from semantest_iac.presentation.gateway.services import ClientSocket
from tests.integration.gateway.conftest import STACK, FakeConnection, FakeServices, World

SECONDS = 5


async def _exchange_message(socket: aiohttp.ClientWebSocketResponse, connection: FakeConnection) -> ClientSocket:
    """Wait until both ends are connected, and return the service's end."""
    await socket.send_str("a")
    await socket.receive_str(timeout=SECONDS)
    assert connection.socket
    return connection.socket


class TestHandshake:
    async def test_passes_query_and_headers_to_the_service(self, world: World) -> None:
        async with world.connect(FakeConnection(), "?token=x", headers={"Origin": "https://a.example"}):
            (handshake,) = world.services.handshakes

        assert handshake.query == (("token", "x"),)
        assert ("Origin", "https://a.example") in handshake.headers

    @pytest.mark.parametrize("status", [401, 403, 429, 500, 502])
    async def test_is_refused_with_the_status_of_the_service(self, world: World, status: int) -> None:
        with pytest.raises(WSServerHandshakeError) as refusal:
            async with world.connect(status):
                pass

        assert refusal.value.status == status

    async def test_agrees_on_the_subprotocol_that_the_service_chose(self, world: World) -> None:
        async with world.connect(FakeConnection(subprotocol="b"), protocols=("a", "b")) as socket:
            assert socket.protocol == "b"

    @pytest.mark.parametrize("odd", [{}, {"Sec-WebSocket-Version": "8"}, {"Sec-WebSocket-Key": "short"}], ids=str)
    async def test_that_is_invalid_never_reaches_the_service(self, world: World, odd: dict[str, str]) -> None:
        response, _ = await world.request("GET", "/", headers={"Connection": "Upgrade", "Upgrade": "websocket", **odd})

        assert (response.status, world.services.handshakes) == (400, [])

    async def test_with_an_unknown_stack_is_not_found(self, world: World) -> None:
        with pytest.raises(WSServerHandshakeError) as refusal:
            async with world.client.ws_connect(f"{world.url}/nope/"):
                pass

        assert refusal.value.status == 404


class TestMessages:
    async def test_reach_the_service_and_come_back(self, world: World) -> None:
        async with world.connect(connection := FakeConnection()) as socket:
            await socket.send_str("é")
            answer = await socket.receive_str(timeout=SECONDS)

        assert (answer, connection.received) == ("é", ["é"])

    async def test_keep_their_order(self, world: World) -> None:
        async with world.connect(FakeConnection()) as socket:
            for number in range(100):
                await socket.send_str(str(number))

            assert [await socket.receive_str(timeout=SECONDS) for _ in range(100)] == [*map(str, range(100))]

    @pytest.mark.parametrize(
        ("limits", "message", "code"),
        [
            (ConnectionLimits(message_bytes=1000), "x" * 1001, 1009),
            (ConnectionLimits(message_bytes=1000), "x" * 5_000_000, 1009),
            (ConnectionLimits(frame_bytes=1000), "x" * 1001, 1009),
            (ConnectionLimits(frame_bytes=100_000), "x" * 100_001, 1009),
            (ConnectionLimits(), b"\xff", 1003),
            (ConnectionLimits(), b"text", 1003),
        ],
        ids=["message", "very large message", "frame", "large frame", "binary", "text as binary"],
    )
    async def test_that_exceed_a_limit_close_the_connection(
        self, world: World, limits: ConnectionLimits, message: str | bytes, code: int
    ) -> None:
        async with world.connect(connection := FakeConnection(limits)) as socket:
            await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
            ending = await socket.receive(timeout=SECONDS)

        assert (ending.type, ending.data, connection.received) == (WSMsgType.CLOSE, code, [])

    @pytest.mark.parametrize(
        "limits", [ConnectionLimits(frame_bytes=1000), ConnectionLimits(message_bytes=1000)], ids=["frame", "message"]
    )
    async def test_of_the_largest_allowed_size_are_delivered(self, world: World, limits: ConnectionLimits) -> None:
        async with world.connect(FakeConnection(limits)) as socket:
            await socket.send_str("x" * 1000)

            assert len(await socket.receive_str(timeout=SECONDS)) == 1000


class TestClose:
    async def test_by_the_client_disconnects_it_from_the_service(self, world: World) -> None:
        connection = FakeConnection()
        async with world.connect(connection) as socket:
            await socket.close(code=4000, message=b"enough")

        assert await asyncio.wait_for(connection.closed, SECONDS) == (4000, "enough")

    async def test_of_a_broken_connection_disconnects_it_from_the_service(self, world: World) -> None:
        connection = FakeConnection()
        async with world.connect(connection) as socket:
            socket._response.connection.transport.abort()

        assert (await asyncio.wait_for(connection.closed, SECONDS))[0] == 1006

    async def test_by_the_service_reaches_the_client(self, world: World) -> None:
        connection = FakeConnection()
        async with world.connect(connection) as socket:
            server_side = await _exchange_message(socket, connection)
            closing = asyncio.create_task(server_side.close(1012, "restart"))
            ending = await socket.receive(timeout=SECONDS)
            await closing

        assert (ending.data, ending.extra) == (1012, "restart")
        with pytest.raises(ConnectionError):
            await server_side.send(b"late")

    async def test_by_the_service_reaches_a_client_that_reads_late(self, world: World) -> None:
        connection = FakeConnection()
        async with world.connect(connection) as socket:
            server_side = await _exchange_message(socket, connection)
            await server_side.close(1012, "restart")
            disconnected = await asyncio.wait_for(connection.closed, SECONDS)
            await asyncio.sleep(0.1)
            ending = await socket.receive(timeout=SECONDS)

        assert (disconnected, ending.data, socket.close_code) == ((1012, "restart"), 1012, 1012)

    @pytest.mark.parametrize("seconds", [1, 0], ids=["idle", "no time at all"])
    async def test_follows_when_no_time_is_left(self, world: World, seconds: int) -> None:
        connection = FakeConnection(ConnectionLimits(idle_s=seconds))
        async with world.connect(connection) as socket:
            ending = await socket.receive(timeout=SECONDS)

        assert ending.data == 1001
        assert (await asyncio.wait_for(connection.closed, SECONDS))[0] == 1001

    async def test_is_sent_when_the_gateway_stops(self) -> None:
        services = FakeServices(connection=(connection := FakeConnection()))
        async with aiohttp.ClientSession() as client:
            async with open_gateway(services, ("127.0.0.1", 0), print) as url:
                socket = await client.ws_connect(f"{url}/{STACK}/")
            ending = await socket.receive(timeout=SECONDS)

        assert (ending.type, ending.data, connection.closed.done()) == (WSMsgType.CLOSE, 1001, True)


async def test_a_subprotocol_gives_no_warning(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """aiohttp knows none before the service has chosen, and would warn of each that a client offers."""
    async with world.connect(FakeConnection(subprotocol="b"), protocols=("a", "b")) as chosen:
        assert chosen.protocol == "b"
    async with world.connect(FakeConnection(), protocols=("a", "b")) as unchosen:
        assert unchosen.protocol is None

    assert [record.getMessage() for record in caplog.records if record.name.startswith("aiohttp")] == []
