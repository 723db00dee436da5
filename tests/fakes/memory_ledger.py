"""The ledger in memory, and the events to fill one with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from semantest_iac.application.ports.ledger import (
    DeploymentRow,
    LedgerConflictError,
    LedgerHead,
    NewEvent,
    RecordedEvent,
    StackRow,
    VerifiedLedger,
)
from semantest_iac.application.queries.history import JOURNAL_PREFIX
from semantest_iac.application.queries.projection import MemoryRows
from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.ledger import chain

STACK = "rest-api.aws.development.us-east-1"
STACK_PARTS: dict[str, Any] = {
    "component": "rest-api",
    "provider": "aws",
    "environment": "development",
    "region": "us-east-1",
}
NOON = "2026-01-01T12:00:00Z"


class MemoryLedger:
    """Keeps the contract of the port for as long as the process lives."""

    def __init__(self) -> None:
        self.recorded: list[RecordedEvent] = []
        self.rebuilt = 0
        self._rows = MemoryRows()
        self._watches: list[MemoryWatch] = []

    def stream(self, name: str, after_version: int = 0) -> list[RecordedEvent]:
        return [row for row in self.recorded if row.stream == name and row.version > after_version]

    def newest_event(self, stream: str) -> RecordedEvent | None:
        return next(reversed(self.stream(stream)), None)

    def find_events(self, ids: Collection[str]) -> list[RecordedEvent]:
        return [row for row in self._published() if row.event.get("id") in ids]

    def find_correlated(self, correlation: str, stream: str | None = None, limit: int = 100) -> list[RecordedEvent]:
        found = [row for row in self._published() if row.event.get("correlationid") == correlation]
        return [row for row in found if stream in (None, row.stream)][-limit:]

    def log(self, after: int = 0, limit: int | None = None) -> Iterator[RecordedEvent]:
        return islice((row for row in self.recorded if row.position > after), limit)

    def streams(self) -> list[str]:
        return sorted({row.stream for row in self.recorded})

    def head(self) -> LedgerHead:
        newest = self.recorded[-1:]
        return LedgerHead(newest[0].position, newest[0].hash) if newest else chain.GENESIS

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[MemoryWatch]:
        watch = MemoryWatch()
        self._watches.append(watch)
        try:
            yield watch
        finally:
            self._watches.remove(watch)

    def verify(self, expected: LedgerHead | None = None) -> VerifiedLedger:
        return chain.verify_chain(self.recorded, expected)

    def deployment(self, deployment: str) -> DeploymentRow | None:
        return self._rows.deployment(deployment)

    def deployments(self, stacks: Collection[str] | None = None, limit: int | None = None) -> list[DeploymentRow]:
        return self._rows.deployments(stacks, limit)

    def find_deployments(self, prefix: str) -> list[DeploymentRow]:
        return self._rows.find_deployments(prefix)

    def list_similar_ids(self, deployments: Collection[str]) -> list[str]:
        return self._rows.list_similar_ids(deployments)

    def newest(self) -> list[DeploymentRow]:
        return self._rows.newest()

    def stack(self, name: str) -> StackRow:
        return self._rows.stack(name)

    def stacks(self) -> list[StackRow]:
        return self._rows.stacks()

    def rebuild(self) -> None:
        self._rows = MemoryRows(self.recorded)
        self.rebuilt += 1

    def import_log(self, log: Iterable[RecordedEvent], expected: LedgerHead | None = None) -> VerifiedLedger:
        rows = list(log)
        verified = chain.verify_chain(rows, expected)
        if rows[: len(self.recorded)] != self.recorded:
            raise RefusedError("Cannot import events: others are here.", "LEDGER_NOT_EMPTY")
        self.recorded = rows
        self._rows = MemoryRows(rows)
        return verified

    async def append(
        self, stream: str, expected_version: int | None, events: Sequence[NewEvent]
    ) -> list[RecordedEvent]:
        version = len(self.stream(stream))
        if expected_version not in (None, version):
            raise LedgerConflictError(f"Cannot append to stream '{stream}': it is at version {version}.")
        recorded = list(chain.extend_chain(self.head(), stream, version, events))
        self._rows = MemoryRows([*self.recorded, *recorded])
        self.recorded += recorded
        for watch in self._watches:
            watch.appended.set()
        return recorded

    def _published(self) -> Iterator[RecordedEvent]:
        return (row for row in self.recorded if not row.type.startswith(JOURNAL_PREFIX))


class MemoryWatch:
    """Is woken by every append."""

    def __init__(self) -> None:
        self.appended = asyncio.Event()

    async def wait(self, timeout_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.appended.wait()
        self.appended.clear()


def an_event(
    kind: str,
    deployment: str = "d1",
    *,
    stack: str = STACK,
    time: str = NOON,
    data: Mapping[str, object] | None = None,
    **attributes: object,
) -> NewEvent:
    """An event `infrastructure.<kind>` of a deployment, in its CloudEvents form; `attributes` are further ones."""
    wire_type = f"infrastructure.{kind}"
    event = {
        "specversion": "1.0",
        "id": event_id(deployment, kind),
        "source": "/semantest/infrastructure",
        "type": wire_type,
        "subject": stack,
        "time": time,
        "data": {"deployment_id": deployment, **_parts_of(stack), **(data or {})},
        **attributes,
    }
    return NewEvent(wire_type, json.dumps(event))


def event_id(deployment: str, kind: str) -> str:
    """The id of the event that `an_event` returns."""
    return str(uuid5(NAMESPACE_URL, f"{deployment}-{kind}"))


def _parts_of(stack: str) -> dict[str, str]:
    parts = stack.split(".")
    return dict(zip(("component", "provider", "environment", "region"), parts, strict=True)) if len(parts) == 4 else {}


def a_deploy(deployment: str = "d1", *, stack: str = STACK, **completed: object) -> list[NewEvent]:
    """The events of a deployment that completes; `completed` is the data of the last one."""
    events: list[tuple[str, dict[str, object]]] = [
        ("deployment.requested", {}),
        ("deployment.started", {}),
        ("deployment.planned", {"changes": {"create": 3}}),
        ("journal.step.intended", {"step": "apply"}),
        ("function.deployed", {}),
        ("journal.step.intended", {"step": "verify"}),
        ("deployment.completed", completed),
    ]
    return [an_event(kind, deployment, stack=stack, data=data) for kind, data in events]


def a_destroy(deployment: str = "d2", *, stack: str = STACK) -> list[NewEvent]:
    """The events of a destroy that completes."""
    events: list[tuple[str, dict[str, object]]] = [
        ("removal.requested", {}),
        ("journal.step.intended", {"step": "remove"}),
        ("removed", {"changes": {"delete": 3}, "generation": 1}),
    ]
    return [an_event(kind, deployment, stack=stack, data=data) for kind, data in events]
