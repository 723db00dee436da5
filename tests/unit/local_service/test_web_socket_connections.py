"""Clients of one stack across its versions, on fake services and channels."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.local_service.web_socket_connections import (
    RECONNECT_MESSAGE,
    Connection,
    ConnectionRegistry,
    WebSocketConnections,
)
from semantest_iac.infrastructure.local_service.web_socket_service import Handshake

HANDSHAKE = Handshake((), (("User-Agent", "tester"),))


@dataclass
class FakeService:
    """Admits every client with the given status, and records events."""

    deployed_api: str
    status: int = 101
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    is_open: bool = False

    async def __aenter__(self) -> FakeService:
        self.is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_open = False

    def probe_handshake(self) -> Handshake:
        return HANDSHAKE

    async def connect(self, id: str, handshake: Handshake) -> int:
        return self.status

    def subprotocol_of(self, id: str) -> str:
        return "json"

    async def answer_plain_http(self, request: HttpRequest, client_url: str) -> HttpResponse | None:
        return None

    async def deliver(self, id: str, text: str) -> bool:
        self.events.append((id, text))
        return True

    async def disconnect(self, id: str, code: int, reason: str) -> None:
        self.events.append((id, code))


@dataclass
class FakeChannel:
    """A client that disconnects when its connection is closed, unless it `stays`."""

    connection: Connection
    received: list[Any] = field(default_factory=list)
    code: int | None = None
    is_cut: bool = False
    stays: bool = False

    async def send(self, data: bytes) -> None:
        if self.is_cut:
            raise ConnectionResetError
        self.received.append(json.loads(data))

    async def close(self, code: int, reason: str) -> None:
        self.code = code
        if not self.stays:
            await self.connection.disconnect(code, reason)


@dataclass
class SilentChannel:
    """A client that accepts no message."""

    code: int | None = None

    async def send(self, data: bytes) -> None:
        await asyncio.Event().wait()

    async def close(self, code: int, reason: str) -> None:
        self.code = code


async def connections_of(service: FakeService, reconnect_grace_s: float = 0) -> WebSocketConnections:
    connections = WebSocketConnections(reconnect_grace_s)
    await connections.switch_to(_opener(service))
    return connections


def _opener(service: FakeService) -> Any:
    async def open() -> FakeService:
        return service

    return open


async def admit(connections: WebSocketConnections) -> FakeChannel:
    connection = await connections.connect(HANDSHAKE)
    assert isinstance(connection, Connection)
    channel = FakeChannel(connection)
    connection.attach(channel)
    return channel


async def until(condition: Any) -> None:
    for _ in range(200):
        if condition():
            return
        await asyncio.sleep(0.01)


class TestConnection:
    async def test_is_refused_if_the_service_refuses(self) -> None:
        connections = await connections_of(FakeService("one", status=403))

        assert await connections.connect(HANDSHAKE) == 403

    async def test_delivers_messages_and_the_disconnect(self) -> None:
        connections = await connections_of(one := FakeService("one"))
        channel = await admit(connections)

        await channel.connection.deliver("hello")
        await channel.connection.disconnect(1000, "")

        assert one.events == [(channel.connection.id, "hello"), (channel.connection.id, 1000)]

    async def test_lasts_as_long_as_the_limits_allow(self) -> None:
        connections = WebSocketConnections(limits=ConnectionLimits(idle_s=60, duration_s=30))
        await connections.switch_to(_opener(FakeService("one")))

        assert 29 < (await admit(connections)).connection.time_left_s() <= 30

    async def test_accepts_late_messages_after_it_was_closed(self) -> None:
        connections = await connections_of(FakeService("one"))
        connection = (await admit(connections)).connection
        await connections.registry.close(connection.id)

        await connection.deliver("late")
        assert connection.time_left_s() > 0


class TestNewVersion:
    async def test_admits_new_clients_and_keeps_the_old_ones_where_they_are(self) -> None:
        connections = await connections_of(one := FakeService("one"), reconnect_grace_s=60)
        old = await admit(connections)

        await connections.switch_to(_opener(two := FakeService("two")))
        new = await admit(connections)
        await old.connection.deliver("still here")
        await new.connection.deliver("hello")

        assert (one.events, two.events) == ([(old.connection.id, "still here")], [(new.connection.id, "hello")])
        await connections.shut_down()

    async def test_asks_old_clients_to_reconnect_before_it_closes_them(self) -> None:
        connections = await connections_of(one := FakeService("one"))
        old = await admit(connections)

        await connections.switch_to(_opener(FakeService("two")))
        await until(lambda: not one.is_open)

        assert (old.received, old.code, one.is_open) == ([RECONNECT_MESSAGE], 1012, False)
        assert one.events == [(old.connection.id, 1012)]

    async def test_closes_a_client_that_was_connecting(self) -> None:
        connections = await connections_of(one := FakeService("one"))
        connection = await connections.connect(HANDSHAKE)
        assert isinstance(connection, Connection)

        await connections.switch_to(_opener(FakeService("two")))
        await asyncio.sleep(0.01)
        connection.attach(channel := FakeChannel(connection))
        await until(lambda: not one.is_open)

        assert (channel.code, one.events) == (1012, [(connection.id, 1012)])

    async def test_is_no_other_if_the_api_is_the_same(self) -> None:
        connections = await connections_of(one := FakeService("one"))
        client = await admit(connections)

        await connections.switch_to(_opener(FakeService("one")))
        await asyncio.sleep(0.05)

        assert (client.received, one.is_open) == ([], True)


class TestEnd:
    @pytest.mark.parametrize("end", ["retire", "shut_down"])
    async def test_closes_every_connection(self, end: str) -> None:
        connections = await connections_of(one := FakeService("one"))
        clients = [await admit(connections) for _ in range(3)]

        await getattr(connections, end)()
        await until(lambda: not one.is_open)

        assert ([(client.received, client.code) for client in clients], one.is_open) == ([([], 1001)] * 3, False)

    async def test_does_not_wait_for_clients_that_do_not_leave(self) -> None:
        connections = await connections_of(one := FakeService("one"))
        channel = await admit(connections)
        channel.stays = True

        await connections.retire()
        await until(lambda: channel.code is not None)
        await connections.shut_down()

        assert not one.is_open


class TestRegistry:
    async def test_sends_by_id(self) -> None:
        connections = await connections_of(FakeService("one"))
        channel = await admit(connections)

        sent = [await connections.registry.send(id, b"1") for id in (channel.connection.id, "unknown")]
        assert (sent, channel.received) == ([True, False], [1])

    async def test_reports_clients_that_are_gone(self) -> None:
        connections = await connections_of(FakeService("one"))
        channel = await admit(connections)
        channel.is_cut = True

        assert [await connections.registry.send(id, b"1") for id in (channel.connection.id, "nobody")] == [False, False]
        assert not await connections.registry.close("nobody")

    async def test_describes_connections_as_api_gateway_does(self) -> None:
        connections = await connections_of(FakeService("one"))
        channel = await admit(connections)

        description = connections.registry.describe(channel.connection.id)

        assert description is not None
        assert (sorted(description), description["identity"]["userAgent"]) == (
            ["connectedAt", "identity", "lastActiveAt"],
            "tester",
        )
        assert ConnectionRegistry().describe("nobody") is None

    async def test_closes_a_client_that_accepts_nothing(self) -> None:
        registry, silent = ConnectionRegistry(send_timeout_s=0.01), SilentChannel()
        registry.add("a", silent, Handshake())

        assert [await registry.send("a", b"1"), await registry.send("a", b"2")] == [False, False]
        assert silent.code == 1008


class VirtualClock:
    """Pauses that take no time; `elapsed_s` is how long all of them would have taken."""

    def __init__(self, on_pause: Any = lambda clock: None) -> None:
        self.elapsed_s = 0.0
        self._on_pause = on_pause

    async def pause(self, seconds: float) -> None:
        self.elapsed_s += seconds
        result = self._on_pause(self)
        if result is not None:
            await result
        await asyncio.sleep(0)


class TestHundredClientsOfAnOldVersion:
    async def admit_many(self, connections: WebSocketConnections, count: int = 100) -> list[FakeChannel]:
        return [await admit(connections) for _ in range(count)]

    async def test_none_is_closed_without_a_hint_nor_before_the_deadline(self) -> None:
        clock, old, new = VirtualClock(), FakeService("old"), FakeService("new")
        closed_at: dict[str, float] = {}
        connections = WebSocketConnections(30, pause=clock.pause)
        await connections.switch_to(_opener(old))
        channels = await self.admit_many(connections)
        for channel in channels:
            end = channel.close

            async def close(code: int, reason: str, channel: FakeChannel = channel, end: Any = end) -> None:
                closed_at[channel.connection.id] = clock.elapsed_s
                await end(code, reason)

            channel.close = close  # type: ignore[method-assign]
        await connections.switch_to(_opener(new))
        await until(lambda: not old.is_open)

        assert all(channel.received == [RECONNECT_MESSAGE] for channel in channels)
        assert {channel.code for channel in channels} == {1012}
        assert len(closed_at) == 100
        assert min(closed_at.values()) == pytest.approx(30)

    async def test_the_old_version_ends_as_soon_as_they_have_left(self) -> None:
        old, new = FakeService("old"), FakeService("new")
        channels: list[FakeChannel] = []

        async def leave(clock: VirtualClock) -> None:
            for channel in channels[:20]:
                await channel.connection.disconnect(1000, "")
            del channels[:20]

        clock = VirtualClock(leave)
        connections = WebSocketConnections(30, pause=clock.pause)
        await connections.switch_to(_opener(old))
        channels += await self.admit_many(connections)
        everybody = list(channels)
        await connections.switch_to(_opener(new))
        await until(lambda: not old.is_open)

        assert clock.elapsed_s == pytest.approx(0.5)
        assert {channel.code for channel in everybody} == {None}
        assert all(channel.received == [RECONNECT_MESSAGE] for channel in everybody)

    async def test_one_that_was_still_connecting_is_asked_too(self) -> None:
        old, new = FakeService("old"), FakeService("new")
        late: list[FakeChannel] = []

        async def attach(clock: VirtualClock) -> None:
            if clock.elapsed_s > 1 and not late:
                late.append(FakeChannel(connection))
                connection.attach(late[0])

        clock = VirtualClock(attach)
        connections = WebSocketConnections(2, pause=clock.pause)
        await connections.switch_to(_opener(old))
        admitted = await connections.connect(HANDSHAKE)
        assert isinstance(admitted, Connection)
        connection = admitted
        await connections.switch_to(_opener(new))
        await until(lambda: not old.is_open)

        assert (late[0].received, late[0].code) == ([RECONNECT_MESSAGE], 1012)
