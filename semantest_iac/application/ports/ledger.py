"""The ledger as use cases see it: an append-only, hash-chained log of events, and what follows from it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.errors import LedgerError


class LedgerConflictError(LedgerError):
    """The stream has another version than the writer expected: read it again and decide anew."""

    code = "LEDGER_CONFLICT"
    retryable = True


class LedgerBusyError(LedgerError):
    """Another process kept the ledger locked for longer than the writer was ready to wait."""

    code = "LEDGER_BUSY"
    retryable = True


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be recorded: its wire type and its CloudEvents JSON text."""

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
        """The CloudEvents mapping, parsed anew each time so that no reader changes another's."""
        try:
            return dict(json.loads(self.json))
        except (ValueError, TypeError) as error:
            raise LedgerError(f"Cannot read event {self.position}: it is not a JSON object.") from error


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The newest position and its hash: noted elsewhere, it proves later that no tail was cut."""

    position: int
    hash: str


@dataclass(frozen=True, slots=True)
class VerifiedLedger:
    """What an intact chain holds."""

    events: int
    head: LedgerHead


@dataclass(frozen=True, slots=True)
class DeploymentRow:
    """What the log says of one deployment; `position` is that of its request and orders history."""

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


@dataclass(frozen=True, slots=True)
class StackRow:
    """What the log says of one stack now.

    `generation` goes into physical names and rises with each completed destroy; `last_good` is the newest
    completed deployment since then, and `endpoint` and `outputs` are what it left.
    """

    stack: str
    generation: int = 1
    newest: str | None = None
    last_good: str | None = None
    endpoint: str | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)


class LedgerReader(Protocol):
    """Reading changes nothing, creates nothing, and finds a ledger that does not exist yet empty.

    Every method raises LedgerError when the store cannot be read.
    """

    def stream(self, name: str, after_version: int = 0) -> list[RecordedEvent]:
        """The events of one stream in order; an unknown stream is empty."""
        ...

    def log(self, after: int = 0, limit: int | None = None) -> Iterator[RecordedEvent]:
        """The whole log in order of position, read in pages while it is iterated."""
        ...

    def streams(self) -> list[str]:
        """The names of all streams, sorted."""
        ...

    def head(self) -> LedgerHead:
        """The newest position, or position 0 with the hash that every chain starts from."""
        ...

    def verify(self, expected: LedgerHead | None = None) -> VerifiedLedger:
        """Recompute the chain; raises LedgerError naming the first position that is not as recorded.

        Only an `expected` head, noted elsewhere, shows that the newest events were cut off.
        """
        ...

    def deployment(self, deployment: str) -> DeploymentRow | None:
        """One deployment by its id."""
        ...

    def deployments(self, stacks: Collection[str] | None = None, limit: int | None = None) -> list[DeploymentRow]:
        """Deployments of these stacks (None: of all), newest request first."""
        ...

    def newest(self) -> list[DeploymentRow]:
        """The newest deployment of every stack, newest first."""
        ...

    def stack(self, name: str) -> StackRow:
        """One stack; a name that was never deployed has generation 1 and no deployment."""
        ...

    def stacks(self) -> list[StackRow]:
        """Every stack that was ever asked for, by name."""
        ...


class Ledger(LedgerReader, Protocol):
    """The ledger to which events are appended."""

    def rebuild(self) -> None:
        """Rebuild the rows of deployments and stacks from the whole log."""
        ...

    async def append(
        self, stream: str, expected_version: int | None, events: Sequence[NewEvent]
    ) -> list[RecordedEvent]:
        """Record all events or none, durably before it returns.

        Raises LedgerConflictError when the stream is not at `expected_version` (None: not checked, 0: the
        stream is new). A caller that is cancelled while it waits must read to learn whether it was recorded.
        """
        ...
