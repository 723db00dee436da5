"""A ledger with events, and relays that publish them to a target in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from semantest_iac.application.deployment.recorder import EventRecorder
from semantest_iac.application.relay.messages import MessageRenderer, RenderForm, render_cloudevent
from semantest_iac.application.relay.relay import Relay, RelaySettings
from semantest_iac.application.relay.selection import PublishedSelection
from semantest_iac.application.relay.target_publisher import RetryPauses
from semantest_iac_events.deployments import DeploymentCompleted, DeploymentRequested
from semantest_iac_events.event import Event
from semantest_iac_events.values import ChangeCounts
from tests.fakes.event_target import FakeEventTarget, MemoryDeadLetters, MemoryRelayLeases
from tests.fakes.memory_ledger import MemoryLedger

SHORT_PAUSES = RetryPauses(0.001, 0.002)


@dataclass
class Outbox:
    """A ledger, and what relays keep beside it."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    leases: MemoryRelayLeases = field(default_factory=MemoryRelayLeases)
    letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)

    async def record(self, *events: Event) -> None:
        """Record events as a deployment does."""
        recorder = EventRecorder(self.ledger, str)
        for event in events:
            await recorder.record(event)

    def build_relay(self, target: FakeEventTarget, render: RenderForm = render_cloudevent, **settings: Any) -> Relay:
        """Return a relay with short pauses, which publishes everything from the start."""
        renderer = MessageRenderer(PublishedSelection(), render)
        chosen = {"from_start": True, "pauses": SHORT_PAUSES, **settings}
        return Relay(target, self.ledger, self.leases, self.letters, renderer, "worker", RelaySettings(**chosen))


RunRelay = Callable[[Relay], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _run(relay: Relay) -> AsyncIterator[None]:
    stopped = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(relay.serve(stopped))
        yield
        stopped.set()


@pytest.fixture
def run_relay() -> RunRelay:
    """Runs a relay for a block, and stops it."""
    return _run


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def target() -> FakeEventTarget:
    return FakeEventTarget()


_PLACE = {"provider": "aws", "environment": "development", "region": "us-east-1"}


@pytest.fixture
def make_request() -> Callable[..., DeploymentRequested]:
    """Makes requests of rest-api, unless another component is named."""
    return lambda component="rest-api", **fields: DeploymentRequested(component=component, **{**_PLACE, **fields})


@pytest.fixture
def complete() -> Callable[..., DeploymentCompleted]:
    """Makes the event that ends the deployment of a request."""

    def make(request: DeploymentRequested, **fields: Any) -> DeploymentCompleted:
        named = {name: getattr(request, name) for name in (*_PLACE, "component", "project", "deployment_id")}
        completed = DeploymentCompleted(**named, **{"changes": ChangeCounts(create=3), **fields})
        return completed.caused_by(request)

    return make
