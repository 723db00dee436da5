"""Clients of one stack through its versions, on services and lines that are made up."""

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
    """Lets everybody in, and remembers."""

    plan: str
    status: int = 101
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    is_open: bool = False

    async def __aenter__(self) -> FakeService:
        self.is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_open = False

    def visitor(self) -> Handshake:
        """Anybody."""
        return HANDSHAKE

    async def connect(self, id: str, handshake: Handshake) -> int:
        """As the status says."""
        return self.status

    def subprotocol(self, id: str) -> str:
        """The first one."""
        return "json"

    async def answer(self, request: HttpRequest, here: str) -> HttpResponse | None:
        """Nothing."""
        return None

    async def receive(self, id: str, text: str) -> bool:
        """Take it."""
        self.events.append((id, text))
        return True

    async def disconnect(self, id: str, code: int, reason: str) -> None:
        """Remember it."""
        self.events.append((id, code))


@dataclass
class FakeLine:
    """A client that leaves when it is sent away."""

    visit: Connection
    said: list[Any] = field(default_factory=list)
    code: int | None = None
    is_cut: bool = False
    stays: bool = False

    async def send(self, data: bytes) -> None:
        """Hear it, if it is still there."""
        if self.is_cut:
            raise ConnectionResetError
        self.said.append(json.loads(data))

    async def close(self, code: int, reason: str) -> None:
        """Go."""
        self.code = code
        if not self.stays:
            await self.visit.left(code, reason)


async def house_of(service: FakeService, grace_s: float = 0) -> WebSocketConnections:
    house = WebSocketConnections(grace_s)
    await house.adopt(_opening(service))
    return house


def _opening(service: FakeService) -> Any:
    async def open() -> FakeService:
        return service

    return open


async def let_in(house: WebSocketConnections) -> FakeLine:
    visit = await house.connect(HANDSHAKE)
    assert isinstance(visit, Connection)
    line = FakeLine(visit)
    visit.joined(line)
    return line


async def until(condition: Any) -> None:
    for _ in range(200):
        if condition():
            return
        await asyncio.sleep(0.01)


class TestVisit:
    async def test_is_refused_where_the_service_refuses(self) -> None:
        house = await house_of(FakeService("one", status=403))

        assert await house.connect(HANDSHAKE) == 403

    async def test_carries_what_is_said(self) -> None:
        house = await house_of(one := FakeService("one"))
        line = await let_in(house)

        await line.visit.receive("hello")
        await line.visit.left(1000, "")

        assert one.events == [(line.visit.id, "hello"), (line.visit.id, 1000)]

    async def test_may_last_as_long_as_the_limits_say(self) -> None:
        house = WebSocketConnections(limits=ConnectionLimits(idle_s=60, duration_s=30))
        await house.adopt(_opening(FakeService("one")))

        assert 29 < (await let_in(house)).visit.time_left() <= 30

    async def test_of_one_who_was_sent_away_ends_in_peace(self) -> None:
        house = await house_of(FakeService("one"))
        visit = (await let_in(house)).visit
        await house.crowd.close(visit.id)

        await visit.receive("late")
        assert visit.time_left() > 0


class TestNewVersion:
    async def test_takes_new_clients_and_leaves_the_old_ones_where_they_are(self) -> None:
        house = await house_of(one := FakeService("one"), grace_s=60)
        old = await let_in(house)

        await house.adopt(_opening(two := FakeService("two")))
        new = await let_in(house)
        await old.visit.receive("still here")
        await new.visit.receive("hello")

        assert (one.events, two.events) == ([(old.visit.id, "still here")], [(new.visit.id, "hello")])
        await house.stop()

    async def test_asks_old_clients_to_connect_again_before_it_sends_them_away(self) -> None:
        house = await house_of(one := FakeService("one"))
        old = await let_in(house)

        await house.adopt(_opening(FakeService("two")))
        await until(lambda: not one.is_open)

        assert (old.said, old.code, one.is_open) == ([RECONNECT_MESSAGE], 1012, False)
        assert one.events == [(old.visit.id, 1012)]

    async def test_is_none_where_nothing_has_changed(self) -> None:
        house = await house_of(one := FakeService("one"))
        client = await let_in(house)

        await house.adopt(_opening(FakeService("one")))
        await asyncio.sleep(0.05)

        assert (client.said, one.is_open) == ([], True)


class TestEnd:
    @pytest.mark.parametrize("end", ["aclose", "stop"])
    async def test_sends_everybody_away(self, end: str) -> None:
        house = await house_of(one := FakeService("one"))
        clients = [await let_in(house) for _ in range(3)]

        await getattr(house, end)()
        await until(lambda: not one.is_open)

        assert ([(client.said, client.code) for client in clients], one.is_open) == ([([], 1001)] * 3, False)

    async def test_does_not_wait_for_those_who_do_not_leave(self) -> None:
        house = await house_of(one := FakeService("one"))
        line = await let_in(house)
        line.stays = True

        await house.aclose()
        await until(lambda: line.code is not None)
        await house.stop()

        assert not one.is_open


class TestCrowd:
    async def test_is_sent_to_by_id(self) -> None:
        house = await house_of(FakeService("one"))
        line = await let_in(house)

        assert await house.crowd.send(line.visit.id, b"1")
        assert line.said == [1]

    async def test_knows_who_is_gone(self) -> None:
        house = await house_of(FakeService("one"))
        line = await let_in(house)
        line.is_cut = True

        assert [await house.crowd.send(id, b"1") for id in (line.visit.id, "nobody")] == [False, False]
        assert not await house.crowd.close("nobody")

    async def test_has_facts_as_api_gateway_tells_them(self) -> None:
        house = await house_of(FakeService("one"))
        line = await let_in(house)

        facts = house.crowd.facts(line.visit.id)

        assert facts is not None
        assert (sorted(facts), facts["identity"]["userAgent"]) == (
            ["connectedAt", "identity", "lastActiveAt"],
            "tester",
        )
        assert ConnectionRegistry().facts("nobody") is None
