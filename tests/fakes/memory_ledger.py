"""The ledger in memory, and the events to fill one with."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice

from semantest_iac.application.ports.ledger import (
    DeploymentRow,
    LedgerConflictError,
    LedgerHead,
    NewEvent,
    RecordedEvent,
    StackRow,
    VerifiedLedger,
)
from semantest_iac.application.queries.projection import MemoryRows
from semantest_iac.infrastructure.ledger import chain

STACK = "rest-api.aws.development.us-east-1"
NOON = "2026-01-01T12:00:00Z"


class MemoryLedger:
    """Keeps the promises of the port for as long as the process lives."""

    def __init__(self) -> None:
        self.recorded: list[RecordedEvent] = []
        self.rebuilt = 0
        self._rows = MemoryRows()

    def stream(self, name: str, after_version: int = 0) -> list[RecordedEvent]:
        """The events of one stream in order."""
        return [row for row in self.recorded if row.stream == name and row.version > after_version]

    def log(self, after: int = 0, limit: int | None = None) -> Iterator[RecordedEvent]:
        """The whole log in order."""
        return islice((row for row in self.recorded if row.position > after), limit)

    def streams(self) -> list[str]:
        """The names of all streams, sorted."""
        return sorted({row.stream for row in self.recorded})

    def head(self) -> LedgerHead:
        """The newest position and its hash."""
        newest = self.recorded[-1:]
        return LedgerHead(newest[0].position, newest[0].hash) if newest else chain.GENESIS

    def verify(self, expected: LedgerHead | None = None) -> VerifiedLedger:
        """Recompute the chain."""
        return chain.verify_chain(self.recorded, expected)

    def deployment(self, deployment: str) -> DeploymentRow | None:
        """One deployment by its id."""
        return self._rows.deployment(deployment)

    def deployments(self, stacks: Collection[str] | None = None, limit: int | None = None) -> list[DeploymentRow]:
        """Deployments of these stacks, newest request first."""
        return self._rows.deployments(stacks, limit)

    def newest(self) -> list[DeploymentRow]:
        """The newest deployment of every stack, newest first."""
        return self._rows.newest()

    def stack(self, name: str) -> StackRow:
        """One stack, with its defaults if it was never deployed."""
        return self._rows.stack(name)

    def stacks(self) -> list[StackRow]:
        """Every stack, by name."""
        return self._rows.stacks()

    def rebuild(self) -> None:
        """Fold the whole log again."""
        self._rows = MemoryRows(self.recorded)
        self.rebuilt += 1

    async def append(
        self, stream: str, expected_version: int | None, events: Sequence[NewEvent]
    ) -> list[RecordedEvent]:
        """Record all events or none."""
        version = len(self.stream(stream))
        if expected_version not in (None, version):
            raise LedgerConflictError(f"Cannot append to stream '{stream}': it is at version {version}.")
        recorded = list(chain.extend_chain(self.head(), stream, version, events))
        self._rows = MemoryRows([*self.recorded, *recorded])
        self.recorded += recorded
        return recorded


def an_event(
    kind: str,
    deployment: str = "d1",
    *,
    stack: str = STACK,
    time: str = NOON,
    data: Mapping[str, object] | None = None,
) -> NewEvent:
    """An event `infrastructure.<kind>` of a deployment, in its CloudEvents form."""
    wire_type = f"infrastructure.{kind}"
    event = {
        "specversion": "1.0",
        "id": f"{deployment}-{kind}",
        "source": "/semantest/infrastructure",
        "type": wire_type,
        "subject": stack,
        "time": time,
        "data": {"deployment_id": deployment, **(data or {})},
    }
    return NewEvent(wire_type, json.dumps(event))


def a_deploy(deployment: str = "d1", *, stack: str = STACK, **completed: object) -> list[NewEvent]:
    """The life of a deployment that goes well; `completed` is what its last event says."""
    life: list[tuple[str, dict[str, object]]] = [
        ("deployment.requested", {}),
        ("deployment.started", {}),
        ("deployment.planned", {"changes": {"create": 3}}),
        ("journal.step.intended", {"step": "apply"}),
        ("function.deployed", {}),
        ("journal.step.intended", {"step": "verify"}),
        ("deployment.completed", completed),
    ]
    return [an_event(kind, deployment, stack=stack, data=data) for kind, data in life]


def a_destroy(deployment: str = "d2", *, stack: str = STACK) -> list[NewEvent]:
    """The life of a removal that goes well."""
    life: list[tuple[str, dict[str, object]]] = [
        ("removal.requested", {}),
        ("journal.step.intended", {"step": "remove"}),
        ("removed", {"changes": {"delete": 3}, "generation": 1}),
    ]
    return [an_event(kind, deployment, stack=stack, data=data) for kind, data in life]
