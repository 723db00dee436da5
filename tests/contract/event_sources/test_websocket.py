"""Semantest's WebSocket server as a source of events: its protocol, on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from semantest_iac.application.ports.event_transports import EventSource, ReceivedMessage, TakeMessage
from semantest_iac.infrastructure.transports.http.event_store_client import EventStoreAddress
from semantest_iac.infrastructure.transports.http.websocket import EventStoreSource
from tests.contract.event_sources.broker_hooks import ODD_BODIES
from tests.contract.event_sources.event_source_contract import NAME, EventSourceContract, Sent
from tests.fakes.event_store_server import FakeEventStoreServer
from tests.fakes.transport_positions import MemoryTransportPositions

_TYPE = "ServiceDeploymentNeeded"


class _PayloadSource:
    """A source whose messages are what the sender meant: the server keeps events, and no bytes."""

    def __init__(self, source: EventStoreSource) -> None:
        self.name = source.name
        self.find_fault = source.find_fault
        self._source = source

    async def receive(self, take: TakeMessage, stopped: asyncio.Event) -> None:
        async def take_payload(message: ReceivedMessage) -> None:
            payload = json.loads(message.body)["envelope"]["event"]["payload"]
            await take(replace(message, body=base64.b64decode(payload)))

        await self._source.receive(take_payload, stopped)


@dataclass
class WebSocketHooks:
    """Sources that share a position."""

    server: FakeEventStoreServer
    redelivers: bool = True
    keeps: bool = True
    carries_headers: bool = False
    attribute_prefix: str = "ce-"
    numbers_messages: bool = True
    bodies: Sequence[bytes] = tuple(body for body in ODD_BODIES if len(body) < 1000)
    positions: MemoryTransportPositions = field(default_factory=MemoryTransportPositions)

    def open_source(self) -> EventSource:
        address = EventStoreAddress(NAME, self.server.url)
        return _PayloadSource(EventStoreSource(address, [_TYPE], self.positions))

    async def send(self, messages: Sequence[Sent]) -> None:
        for body, _ in messages:
            await self.server.store(_TYPE, base64.b64encode(body).decode())


@pytest.fixture
async def transport() -> AsyncIterator[WebSocketHooks]:
    server = FakeEventStoreServer()
    await server.start()
    yield WebSocketHooks(server)
    await server.stop()


class TestEventStoreSource(EventSourceContract):
    """Every guarantee."""
