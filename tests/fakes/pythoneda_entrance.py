"""The entrance of requests, and the service behind a bridge, without a ledger on a disk and without deployments."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from semantest_iac.application.intake.infrastructure_event_bus import EventResult
from semantest_iac.application.intake.received_events import ReceivedEvent
from semantest_iac.application.intake.request_origin import RequestOrigin
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.pythoneda_bridge.messages import ReceivedRequest
from semantest_iac.infrastructure.pythoneda_bridge.stack_mapping import WantedStack
from semantest_iac.infrastructure.pythoneda_bridge.unanswered_requests import UnansweredRequests
from semantest_iac_events.deployments import DeploymentCompleted, DeploymentFailed, DeploymentRequested
from semantest_iac_events.event import Event, StackEvent, StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested, InfrastructureRemoved
from semantest_iac_events.triggers import ServiceDeploymentNeeded
from semantest_iac_events.values import ChangeCounts
from tests.fakes.memory_ledger import MemoryLedger

FAILING_COMPONENT = "websocket"
"""Its deployments fail."""


class FakeEntrance:
    """Accepts each request once, and ends it when `go_on` is set; a test may put errors into `errors`.

    It may be used in another thread than the test's.
    """

    def __init__(self) -> None:
        self.submitted: list[tuple[StackRequest, RequestOrigin]] = []
        self.offered: list[ReceivedEvent] = []
        self.ends: dict[str, StackEvent] = {}
        self.errors: list[Exception] = []
        self.result: EventResult | None = None
        self.has_submitted = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    @property
    def clouds(self) -> CloudDescriptions:
        return CLOUDS

    def build_request(self, received: ReceivedRequest, wanted: WantedStack) -> StackRequest:
        """Return the request for a REST API unless another component is wanted."""
        kind = DeploymentRequested if received.wanted == "update" else InfrastructureRemovalRequested
        return kind(
            id=received.event_id,
            previous_event_ids=received.cause_ids,
            component=wanted.component or "rest-api",
            provider=wanted.provider or "aws",
            environment=wanted.environment,
            region=wanted.region or "us-east-1",
        )

    async def receive(self, event: ReceivedEvent) -> EventResult:
        """Raise the next error, else accept the request; one with the same id is a duplicate."""
        if self.errors:
            raise self.errors.pop(0)
        if self.result is not None:
            return self.result
        if event.event is None:
            self.offered.append(event)
            return EventResult("skipped")
        request = _as_request(event.event)
        is_duplicate = any(known.id == request.id for known, _ in self.submitted)
        self.submitted.append((request, event.origin))
        self.has_submitted.set()
        self.ends.setdefault(request.deployment_id, _end(request))
        return EventResult("duplicate" if is_duplicate else "accepted", deployment=request.deployment_id)

    async def find_end(self, deployment: str) -> StackEvent:
        """Return how the deployment ended, once it may end."""
        await asyncio.to_thread(self.go_on.wait)
        if self.errors:
            raise self.errors.pop(0)
        if deployment not in self.ends:
            raise NotFoundError(f"No deployment '{deployment}'.")
        return self.ends[deployment]

    @property
    def accepted(self) -> list[str]:
        """The stacks of all requests without the duplicates."""
        return list({request.id: request.stack for request, _ in self.submitted}.values())


def _as_request(event: Event | None) -> StackRequest:
    if isinstance(event, StackRequest):
        return event
    if not isinstance(event, ServiceDeploymentNeeded):
        raise TypeError(type(event).__name__)
    environment = event.environment or "development"
    return DeploymentRequested(
        id=event.id, component=event.service_type, provider="aws", environment=environment, region="us-east-1"
    )


def _end(request: StackRequest) -> StackEvent:
    about = request.model_dump(include={"component", "provider", "environment", "region", "project"})
    about |= {"deployment_id": request.deployment_id, "correlation_id": request.correlation_id}
    if isinstance(request, InfrastructureRemovalRequested):
        return InfrastructureRemoved(**about, changes=ChangeCounts(delete=1), generation=1)
    if request.component == FAILING_COMPONENT:
        return DeploymentFailed(**about, code="NO_QUOTA", reason="No quota.")
    return DeploymentCompleted(**about, changes=ChangeCounts(create=1), endpoint="https://rest.example")


class MemoryPositions:
    """Positions that last as long as the test."""

    def __init__(self) -> None:
        self.saved: dict[str, str] = {}

    def read(self, transport: str) -> str | None:
        return self.saved.get(transport)

    async def save(self, transport: str, position: str) -> None:
        self.saved[transport] = position


class FakeBridgeService:
    """What a bridge opens; it serves until it is stopped."""

    def __init__(self, home: Path) -> None:
        self.entrance = FakeEntrance()
        self.ledger = MemoryLedger()
        self.positions = MemoryPositions()
        self.unanswered = UnansweredRequests(home, "app")
        self.states: list[str] = []

    async def serve(self, stopped: asyncio.Event) -> None:
        self.states.append("serving")
        await stopped.wait()
        self.states.append("stopped")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[FakeBridgeService]:
        """Yield itself, in the thread of the bridge."""
        self.states.append("opened")
        try:
            yield self
        finally:
            self.unanswered.close()
            self.states.append("closed")
