"""A run queue on a database, with an own log in place of the ledger's, and a worker to claim for."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from semantest_iac.application.ports.ledger import Ledger, LedgerConflictError, NewEvent, RecordedEvent
from semantest_iac.application.ports.request_sources import RequestRefusal
from semantest_iac.application.ports.run_queue import MakeRejectedEvent, Receipt, RunHolder, RunLease, Submission
from semantest_iac.infrastructure.databases.database import Database, DatabaseConnection
from semantest_iac.infrastructure.databases.postgresql import PostgresqlDatabase
from semantest_iac.infrastructure.databases.sqlite import SqliteDatabase
from semantest_iac.infrastructure.run_queue.run_table import RunTable

STACK = "rest-api.aws.development.us-east-1"
OTHER = "rest-api.aws.development.eu-west-1"
_LOG = "create table if not exists log (stream text not null, type text not null, json text not null)"


def open_database(location: str, read_clock: Callable[[], float] = time.time) -> Database:
    """Open the database of a location; PostgreSQL has a clock of its own."""
    if location.startswith("host="):
        url, _, schema = location.partition(" options=-csearch_path=")
        return PostgresqlDatabase(url, schema)
    return SqliteDatabase(Path(location), read_clock=read_clock)


class LogTable:
    """Records events in the transaction of the queue, as the ledger does."""

    def append_in(
        self,
        connection: DatabaseConnection,
        events_of: Mapping[str, Sequence[NewEvent]],
        expected_version: int | None = None,
    ) -> list[RecordedEvent]:
        connection.execute(_LOG)
        for stream in events_of if expected_version is not None else ():
            [(version,)] = connection.execute("select count(*) from log where stream = ?", (stream,))
            if version != expected_version:
                raise LedgerConflictError(f"Cannot append to stream '{stream}': it is at version {version}.")
        rows = [(stream, event.type, event.json) for stream, events in events_of.items() for event in events]
        connection.insert("log", rows)
        connection.notify_watches()
        return []

    def read_request(self, connection: DatabaseConnection, deployment: str) -> RecordedEvent:
        """Return what was recorded as `requested`, which has the deployment as its JSON."""
        [(stream, type_, json)] = connection.execute(
            "select stream, type, json from log where type = 'requested' and json = ?", (deployment,)
        )
        return RecordedEvent(1, stream, 1, type_, json, "")

    def select_awaiting_approval(self, connection: DatabaseConnection, deployments: Collection[str]) -> set[str]:
        """Return what was recorded as `awaiting`, with the deployment as its JSON."""
        if not connection.has_table("log"):
            return set()
        rows = connection.execute("select json from log where type = 'awaiting'")
        return {str(deployment) for (deployment,) in rows} & {*deployments}

    def note_committed(self, recorded: Sequence[RecordedEvent]) -> None: ...

    def list_holds(self, connection: DatabaseConnection) -> dict[str, str]:
        """Return what was recorded as `held`, with the deployment as its JSON."""
        if not connection.has_table("log"):
            return {}
        return dict(connection.execute("select stream, json from log where type = 'held'"))

    def for_run(self, require_lease: Callable[[DatabaseConnection], None]) -> Ledger:
        raise NotImplementedError("this log has no readers")


def supersede(replaced: RecordedEvent, successor: str) -> NewEvent:
    """Return the terminal event of a replaced deployment."""
    return NewEvent("superseded", f"{replaced.json} by {successor}")


def reject_as(deployment: str) -> MakeRejectedEvent:
    """Return what makes the answer to a refused request of this deployment."""

    def reject(refusal: RequestRefusal) -> tuple[str, NewEvent]:
        return f"{deployment}-refused", NewEvent("rejected", f"{deployment} {refusal.code}")

    return reject


@dataclass
class QueueFixture:
    """The queue and shorter calls of it."""

    database: Database
    holder: RunHolder = field(default_factory=lambda: RunHolder("worker-1", "host-1", 1))
    ended: set[RunHolder] = field(default_factory=set)
    """The workers of this host whose process is gone."""

    queue: RunTable = field(init=False)

    def __post_init__(self) -> None:
        self.queue = RunTable(self.database, LogTable(), self.ended.__contains__)

    async def submit(self, deployment: str, stack: str = STACK, **given: Any) -> Receipt:
        """Submit a request whose key is the deployment, unless another one is given."""
        values = {"source": "cli", "key": deployment, "digest": "same", **given}
        request = NewEvent("requested", deployment)
        return await self.queue.submit(
            Submission(deployment, stack, (request,), **values), supersede, reject_as(deployment)
        )

    async def hold(self, stack: str, deployment: str = "d0") -> None:
        """Let a deployment hold a stack."""
        await self.record("held", deployment, stack)

    async def record(self, type_: str, deployment: str, stack: str = STACK) -> None:
        """Record an event of a deployment."""
        with self.database.change("write to") as connection:
            LogTable().append_in(connection, {stack: [NewEvent(type_, deployment)]})

    async def claim(self, lease_s: float = 60.0) -> RunLease | None:
        """Claim for the worker."""
        return await self.queue.claim(self.holder, lease_s)

    async def take(self, lease_s: float = 60.0) -> RunLease:
        """Claim a run that must be there."""
        lease = await self.claim(lease_s)
        assert lease is not None
        return lease

    async def run_all(self) -> list[str]:
        """Claim and end every run, and return the deployments in their order."""
        order = []
        while lease := await self.claim():
            order.append(lease.deployment)
            assert await self.queue.end(lease)
        return order

    def log(self) -> list[str]:
        """Return the recorded events, as `type json`."""
        with self.database.read("read") as connection:
            if connection is None or not connection.has_table("log"):
                return []
            return [f"{type_} {json}" for type_, json in connection.execute("select type, json from log")]
