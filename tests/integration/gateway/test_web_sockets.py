"""WebSockets as a real client has them."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.presentation.gateway.launch import open_gateway
from tests.integration.gateway.conftest import STACK, FakeServices, FakeVisit, World

SECONDS = 5


class TestHandshake:
    async def test_brings_its_query_and_headers(self, world: World) -> None:
        async with world.talk(FakeVisit(), "?token=x", headers={"Origin": "https://a.example"}):
            (handshake,) = world.services.handshakes

        assert handshake.query == (("token", "x"),)
        assert ("Origin", "https://a.example") in handshake.headers

    @pytest.mark.parametrize("status", [401, 403, 429, 500, 502])
    async def test_is_refused_with_a_status(self, world: World, status: int) -> None:
        with pytest.raises(WSServerHandshakeError) as refusal:
            async with world.talk(status):
                pass

        assert refusal.value.status == status

    async def test_ends_with_the_subprotocol_that_the_service_has_chosen(self, world: World) -> None:
        async with world.talk(FakeVisit(subprotocol="b"), protocols=("a", "b")) as socket:
            assert socket.protocol == "b"

    @pytest.mark.parametrize("odd", [{}, {"Sec-WebSocket-Version": "8"}, {"Sec-WebSocket-Key": "short"}], ids=str)
    async def test_that_is_none_is_refused_before_anybody_hears_of_it(self, world: World, odd: dict[str, str]) -> None:
        response, _ = await world.ask("GET", "/", headers={"Connection": "Upgrade", "Upgrade": "websocket", **odd})

        assert (response.status, world.services.handshakes) == (400, [])

    async def test_finds_no_unknown_stack(self, world: World) -> None:
        with pytest.raises(WSServerHandshakeError) as refusal:
            async with world.client.ws_connect(f"{world.url}/nope/"):
                pass

        assert refusal.value.status == 404


class TestMessages:
    async def test_go_both_ways(self, world: World) -> None:
        async with world.talk(visit := FakeVisit()) as socket:
            await socket.send_str("é")
            answer = await socket.receive_str(timeout=SECONDS)

        assert (answer, visit.heard) == ("é", ["é"])

    async def test_keep_their_order(self, world: World) -> None:
        async with world.talk(FakeVisit()) as socket:
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
        ids=["message", "very large message", "frame", "large frame", "no text", "text in bytes"],
    )
    async def test_that_no_cloud_takes_end_the_connection(
        self, world: World, limits: ConnectionLimits, message: str | bytes, code: int
    ) -> None:
        async with world.talk(visit := FakeVisit(limits)) as socket:
            await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
            ending = await socket.receive(timeout=SECONDS)

        assert (ending.type, ending.data, visit.heard) == (WSMsgType.CLOSE, code, [])

    @pytest.mark.parametrize(
        "limits", [ConnectionLimits(frame_bytes=1000), ConnectionLimits(message_bytes=1000)], ids=["frame", "message"]
    )
    async def test_as_large_as_allowed_are_taken(self, world: World, limits: ConnectionLimits) -> None:
        async with world.talk(FakeVisit(limits)) as socket:
            await socket.send_str("x" * 1000)

            assert len(await socket.receive_str(timeout=SECONDS)) == 1000


class TestEnd:
    async def test_by_the_client_is_told(self, world: World) -> None:
        visit = FakeVisit()
        async with world.talk(visit) as socket:
            await socket.close(code=4000, message=b"enough")

        assert await asyncio.wait_for(visit.ending, SECONDS) == (4000, "enough")

    async def test_without_a_word_is_told(self, world: World) -> None:
        visit = FakeVisit()
        async with world.talk(visit) as socket:
            socket._response.connection.transport.abort()

        assert (await asyncio.wait_for(visit.ending, SECONDS))[0] == 1006

    async def test_by_the_service_reaches_the_client(self, world: World) -> None:
        visit = FakeVisit()
        async with world.talk(visit) as socket:
            await socket.send_str("a")
            await socket.receive_str(timeout=SECONDS)
            assert visit.line
            closing = asyncio.create_task(visit.line.close(1012, "restart"))
            ending = await socket.receive(timeout=SECONDS)
            await closing

        assert (ending.data, ending.extra) == (1012, "restart")
        with pytest.raises(ConnectionError):
            await visit.line.send(b"late")

    @pytest.mark.parametrize("seconds", [1, 0], ids=["silence", "its time"])
    async def test_comes_when_no_time_is_left(self, world: World, seconds: int) -> None:
        visit = FakeVisit(ConnectionLimits(idle_s=seconds))
        async with world.talk(visit) as socket:
            ending = await socket.receive(timeout=SECONDS)

        assert ending.data == 1001
        assert (await asyncio.wait_for(visit.ending, SECONDS))[0] == 1001

    async def test_comes_with_the_end_of_the_gateway(self) -> None:
        services = FakeServices(visit=(visit := FakeVisit()))
        async with aiohttp.ClientSession() as client:
            async with open_gateway(services, ("127.0.0.1", 0), print) as url:
                socket = await client.ws_connect(f"{url}/{STACK}/")
            ending = await socket.receive(timeout=SECONDS)

        assert (ending.type, ending.data, visit.ending.done()) == (WSMsgType.CLOSE, 1001, True)
