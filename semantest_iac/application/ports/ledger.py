"""The ledger port: an append-only, hash-chained log of events, and the rows projected from it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.errors import LedgerError


class LedgerConflictError(LedgerError):
    """The stream is not at the version that the writer expected; it must read again before it decides."""

    code = "LEDGER_CONFLICT"
    retryable = True


class LedgerBusyError(LedgerError):
    """Another process kept the ledger locked for longer than the writer waits."""

    code = "LEDGER_BUSY"
    retryable = True


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to append: its wire type and its CloudEvents JSON text."""

    type: str
    json: str


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event in the ledger; `position` counts over the log and `version` over its stream, both from 1."""

    position: int
    stream: str
    version: int
    type: str
    json: str
    hash: str

    @property
    def event(self) -> dict[str, Any]:
        """The CloudEvents mapping, parsed on each call so that readers share no objects."""
        try:
            return dict(json.loads(self.json))
        except (ValueError, TypeError) as error:
            raise LedgerError(f"Cannot read event {self.position}: it is not a JSON object.") from error


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The newest position and its hash; stored elsewhere, it proves later that no events were cut off."""

    position: int
    hash: str


@dataclass(frozen=True, slots=True)
class VerifiedLedger:
    """The result of verifying an intact chain."""

    events: int
    head: LedgerHead


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """The state of one deployment according to the log; `position` is that of its request and orders history.

    `was_interrupted`: a run of it ended while it changed the stack, and another one carries it out again. `number`
    counts the accepted requests of the stack, of every kind, from 1; one that was refused has none. `restored` is the
    deployment that a rollback brings back, known when its turn has come.
    """

    deployment: str
    stack: str
    kind: str
    state: DeploymentStatus
    requested_at: str
    position: int = 0
    finished_at: str | None = None
    changes: Mapping[str, int] = field(default_factory=dict)
    endpoint: str | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None
    was_interrupted: bool = False
    number: int | None = None
    restored: str | None = None


@dataclass(frozen=True, slots=True)
class StackRow:
    """The state of one stack according to the log.

    `generation` is part of physical names and rises with each destroy that deleted something; `last_good` is the newest
    completed deployment since then, `endpoint` and `outputs` are its results. `owner` is the first deployment since
    then that may have changed something: the stack belongs to its engine. `unsettled` is the deployment that was
    interrupted while it changed the stack, so that the engine's state may differ from these results. `removal` is the
    destroy, or the rollback of a first deployment, that began to delete the stack and has not deleted all of it.
    `held_by` is the deployment that needs an operator: no other one may start before a person has resolved it.
    `resolved` is that deployment from then on, until another one has ended well: the person may have changed the cloud.
    `component_type` is the type of a component with a name of its own, as requested last. `requests` counts all that
    were accepted.
    """

    stack: str
    generation: int = 1
    newest: str | None = None
    last_good: str | None = None
    owner: str | None = None
    unsettled: str | None = None
    removal: str | None = None
    held_by: str | None = None
    resolved: str | None = None
    endpoint: str | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    component_type: str | None = None
    requests: int = 0


class LedgerWatch(Protocol):
    """Waits for what any process appends."""

    async def wait(self, timeout_s: float) -> None:
        """Return when something was appended since the last call, or after so long; it may also return for nothing."""
        ...


class LedgerReader(Protocol):
    """The ledger for readers: reading changes and creates nothing, and a ledger that does not exist yet is empty.

    Every method raises LedgerError when the store cannot be read.
    """

    def stream(self, name: str, after_version: int = 0) -> list[RecordedEvent]:
        """Return the events of one stream in order; an unknown stream is empty."""
        ...

    def newest_event(self, stream: str) -> RecordedEvent | None:
        """Return the newest event of a stream, None for an unknown one; its cost does not grow with the stream."""
        ...

    def find_events(self, ids: Collection[str]) -> list[RecordedEvent]:
        """Return the published events with these ids, in order; its cost does not grow with the log."""
        ...

    def find_correlated(self, correlation: str, stream: str | None = None, limit: int = 100) -> list[RecordedEvent]:
        """Return the newest published events of a correlation id, of one stream or all, in order.

        Its cost does not grow with the log.
        """
        ...

    def log(self, after: int = 0, limit: int | None = None) -> Iterator[RecordedEvent]:
        """Iterate over the log in order of position, reading it page by page."""
        ...

    def streams(self) -> list[str]:
        """Return the sorted names of all streams."""
        ...

    def head(self) -> LedgerHead:
        """Return the newest position, or position 0 with the hash from which every chain starts."""
        ...

    def watch(self) -> AbstractAsyncContextManager[LedgerWatch]:
        """Open a watch for the block; who reads after each wait, the first included, misses nothing."""
        ...

    def verify(self, expected: LedgerHead | None = None) -> VerifiedLedger:
        """Recompute the chain; raises LedgerError with the first position that was changed.

        Only an `expected` head that was stored elsewhere shows that the newest events were cut off.
        """
        ...

    def deployment(self, deployment: str) -> DeploymentRow | None:
        """Return one deployment by its id, None for an unknown id."""
        ...

    def deployments(self, stacks: Collection[str] | None = None, limit: int | None = None) -> list[DeploymentRow]:
        """Return the deployments of these stacks (None: of all), newest request first."""
        ...

    def find_deployments(self, prefix: str) -> list[DeploymentRow]:
        """Return the deployments whose ids begin so, newest request first."""
        ...

    def list_similar_ids(self, deployments: Collection[str]) -> list[str]:
        """Return the ids next to each of these in the order of texts: none has a longer beginning in common with it."""
        ...

    def newest(self) -> list[DeploymentRow]:
        """Return the newest deployment of every stack, newest first."""
        ...

    def stack(self, name: str) -> StackRow:
        """Return one stack; one that was never deployed has generation 1 and no deployment."""
        ...

    def stacks(self) -> list[StackRow]:
        """Return every stack that was ever requested, by name."""
        ...


class Ledger(LedgerReader, Protocol):
    """The ledger to which events are appended."""

    def rebuild(self) -> None:
        """Rebuild the rows of deployments and stacks from the whole log."""
        ...

    def import_log(self, log: Iterable[RecordedEvent], expected: LedgerHead | None = None) -> VerifiedLedger:
        """Append the events of another ledger's whole log with their hashes, all or none; returns the whole.

        The events that are here already must be the first of the log, and `expected`, a head that was noted, one of
        it. Raises RefusedError for the log of another ledger, LedgerError for one that was changed.
        """
        ...

    async def append(
        self, stream: str, expected_version: int | None, events: Sequence[NewEvent]
    ) -> list[RecordedEvent]:
        """Append all events or none; they are durable when this returns.

        Raises LedgerConflictError when the stream is not at `expected_version` (None: not checked, 0: the
        stream is new). A caller that is cancelled while it waits must read whether its events were appended.
        """
        ...
