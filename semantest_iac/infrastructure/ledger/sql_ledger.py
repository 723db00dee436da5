"""Implements the ledger port in a SQL database, SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Protocol

from semantest_iac.application.ports.ledger import (
    DeploymentRow,
    LedgerConflictError,
    LedgerHead,
    LedgerWatch,
    NewEvent,
    RecordedEvent,
    StackRow,
    VerifiedLedger,
)
from semantest_iac.application.queries.projection import MemoryRows, ProjectionRows
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.databases.database import Database, DatabaseConnection
from semantest_iac.infrastructure.ledger import chain, projection
from semantest_iac.infrastructure.ledger.event_links import (
    add_event_links,
    create_event_links,
    find_correlated_events,
    find_events_by_id,
)
from semantest_iac.infrastructure.ledger.event_table import (
    create_events_table,
    insert_events,
    read_log,
    select_events,
)
from semantest_iac.infrastructure.ledger.log_import import import_events

RequireLease = Callable[[DatabaseConnection], None]
"""Raises LedgerError in the transaction of a writer that may not write any more."""


class NoteCommitted(Protocol):
    """Notes elsewhere that these events are committed, so that their loss would show."""

    def __call__(self, recorded: Sequence[RecordedEvent]) -> None: ...


def note_nowhere(recorded: Sequence[RecordedEvent]) -> None:
    """Note nothing."""


def require_nothing(connection: DatabaseConnection) -> None:
    """Let everybody write."""


class SqlLedger:
    """The ledger in a database that it may share with others."""

    def __init__(
        self,
        database: Database,
        note_committed: NoteCommitted = note_nowhere,
        require_lease: RequireLease = require_nothing,
    ) -> None:
        self.database = database
        self.note_committed = note_committed
        self._require_lease = require_lease

    def for_run(self, require_lease: RequireLease) -> SqlLedger:
        """Return the same ledger for one run: it appends only as long as the run has its lease."""
        return SqlLedger(self.database, self.note_committed, require_lease)

    def stream(self, name: str, after_version: int = 0) -> list[RecordedEvent]:
        """Return the events of one stream in order."""
        with self._open_snapshot("read") as connection:
            condition = "where stream = ? and version > ? order by version"
            return select_events(connection, condition, name, after_version) if connection else []

    def newest_event(self, stream: str) -> RecordedEvent | None:
        """Return the newest event of a stream."""
        with self._open_snapshot("read") as connection:
            condition = "where stream = ? order by version desc limit 1"
            return next(iter(select_events(connection, condition, stream)), None) if connection else None

    def find_events(self, ids: Collection[str]) -> list[RecordedEvent]:
        """Return the published events that have one of these ids."""
        if not ids:
            return []
        with self._open_snapshot("read") as connection:
            return find_events_by_id(connection, ids) if connection else []

    def find_correlated(self, correlation: str, stream: str | None = None, limit: int = 100) -> list[RecordedEvent]:
        """Return the newest published events of a correlation id."""
        with self._open_snapshot("read") as connection:
            return find_correlated_events(connection, correlation, stream, limit) if connection else []

    def log(self, after: int = 0, limit: int | None = None) -> Iterator[RecordedEvent]:
        """Yield the whole log in pages, each from a snapshot of its own, with what was appended meanwhile."""
        yield from read_log(self._read_page, after, limit)

    def streams(self) -> list[str]:
        """Return the names of all streams, sorted."""
        with self._open_snapshot("read") as connection:
            found = connection.execute("select distinct stream from events") if connection else []
            return sorted(name for (name,) in found)

    def head(self) -> LedgerHead:
        """Return the newest position and its hash."""
        with self._open_snapshot("read") as connection:
            return _read_head(connection) if connection else chain.GENESIS

    def watch(self) -> AbstractAsyncContextManager[LedgerWatch]:
        """Open a watch for the block."""
        return self.database.watch()

    def verify(self, expected: LedgerHead | None = None) -> VerifiedLedger:
        """Recompute the chain after the database has checked itself, then compare the rows with the events."""
        with self._open_snapshot("verify") as connection:
            if connection is None:
                return chain.verify_chain((), expected)
            connection.check_integrity()
            verified = chain.verify_chain(projection.read_whole_log(connection), expected)
            projection.verify_rows(connection)
            return verified

    def deployment(self, deployment: str) -> DeploymentRow | None:
        with self._open_projection() as rows:
            return rows.deployment(deployment)

    def deployments(self, stacks: Collection[str] | None = None, limit: int | None = None) -> list[DeploymentRow]:
        """Return deployments of these stacks, newest request first."""
        with self._open_projection() as rows:
            return rows.deployments(stacks, limit)

    def find_deployments(self, prefix: str) -> list[DeploymentRow]:
        """Return the deployments whose ids begin so."""
        with self._open_projection() as rows:
            return rows.find_deployments(prefix)

    def list_similar_ids(self, deployments: Collection[str]) -> list[str]:
        """Return the ids next to each of these."""
        with self._open_projection() as rows:
            return rows.list_similar_ids(deployments)

    def newest(self) -> list[DeploymentRow]:
        """Return the newest deployment of every stack, newest first."""
        with self._open_projection() as rows:
            return rows.newest()

    def stack(self, name: str) -> StackRow:
        """Return one stack, with its defaults if it was never deployed."""
        with self._open_projection() as rows:
            return rows.stack(name)

    def stacks(self) -> list[StackRow]:
        """Return every stack by name."""
        with self._open_projection() as rows:
            return rows.stacks()

    async def append(
        self, stream: str, expected_version: int | None, events: Sequence[NewEvent]
    ) -> list[RecordedEvent]:
        """Record all events or none, in a thread: a commit waits for the disk and for other writers."""

        def change(connection: DatabaseConnection) -> list[RecordedEvent]:
            self._require_lease(connection)
            return self.append_in(connection, {stream: events}, expected_version)

        return await self.database.commit("append to", change, self._note_results)

    def append_in(
        self,
        connection: DatabaseConnection,
        events_of: Mapping[str, Sequence[NewEvent]],
        expected_version: int | None = None,
    ) -> list[RecordedEvent]:
        """Record the events of each stream in a transaction of the caller's own.

        The caller calls `note_committed` once it is committed. An expected version is that of every stream.
        """
        create_events_table(connection)
        head, versions = _read_head_and_versions(connection, events_of)
        recorded: list[RecordedEvent] = []
        for stream, events in events_of.items():
            if expected_version not in (None, versions[stream]):
                raise _conflict_error(stream, expected_version, versions[stream])
            newest = LedgerHead(recorded[-1].position, recorded[-1].hash) if recorded else head
            recorded += chain.extend_chain(newest, stream, versions[stream], events)
        insert_events(connection, recorded)
        add_event_links(connection, head.position, recorded)
        new_streams = {stream for stream, version in versions.items() if version == 0}
        projection.update_projection(connection, head.position, recorded, new_streams)
        connection.notify_watches()
        return recorded

    def read_request(self, connection: DatabaseConnection, deployment: str) -> RecordedEvent:
        """Return the request of a deployment, as of a transaction of the caller."""
        row = projection.read_or_fold_rows(connection).deployment(deployment)
        for request in select_events(connection, "where position = ?", row.position if row else 0):
            return request
        raise LedgerError(f"Cannot find the request of deployment '{deployment}' in the ledger.")

    def select_awaiting_approval(self, connection: DatabaseConnection, deployments: Collection[str]) -> set[str]:
        """Return the deployments that wait for an approval, as of a transaction of the caller."""
        if not deployments or not connection.has_table("events"):
            return set()
        rows = projection.read_or_fold_rows(connection)
        found = [rows.deployment(deployment) for deployment in deployments]
        return {row.deployment for row in found if row and row.state is DeploymentStatus.AWAITING_APPROVAL}

    def list_holds(self, connection: DatabaseConnection) -> dict[str, str]:
        """Return the deployment that holds each of the held stacks, as of a transaction or a snapshot of the caller."""
        return projection.read_or_fold_rows(connection).holds() if connection.has_table("events") else {}

    def rebuild(self) -> None:
        """Rebuild the projection from the log, and the links between its events."""
        with self.database.change("rebuild") as connection:
            create_events_table(connection)
            _rebuild_rows(connection)

    def import_log(self, log: Iterable[RecordedEvent], expected: LedgerHead | None = None) -> VerifiedLedger:
        """Append what another ledger has recorded, as it was recorded there."""
        with self.database.change("import events into") as connection:
            create_events_table(connection)
            before = _read_head(connection)
            verified = import_events(connection, before, log, expected)
            _rebuild_rows(connection)
            connection.notify_watches()
            condition = "where position > ? order by position desc limit 1"
            newest = select_events(connection, condition, before.position)
        if newest:
            self.note_committed(newest)
        return verified

    def close(self) -> None:
        """Close the database; the next call opens it again."""
        self.database.close()

    def _note_results(self, results: Sequence[Sequence[RecordedEvent]]) -> None:
        self.note_committed([event for recorded in results for event in recorded])

    def _read_page(self, after: int, limit: int) -> list[RecordedEvent]:
        with self._open_snapshot("read") as connection:
            condition = "where position > ? order by position limit ?"
            return select_events(connection, condition, after, limit) if connection else []

    @contextmanager
    def _open_projection(self) -> Iterator[ProjectionRows]:
        with self._open_snapshot("read") as connection:
            yield projection.read_or_fold_rows(connection) if connection else MemoryRows()

    @contextmanager
    def _open_snapshot(self, verb: str) -> Iterator[DatabaseConnection | None]:
        """Yield one snapshot of the ledger, or None if there is no ledger."""
        with self.database.read(verb) as connection:
            yield connection if connection and connection.has_table("events") else None


def _rebuild_rows(connection: DatabaseConnection) -> None:
    create_event_links(connection)
    add_event_links(connection, _read_head(connection).position, ())
    projection.rebuild_projection(connection)


def _read_head_and_versions(
    connection: DatabaseConnection, streams: Collection[str]
) -> tuple[LedgerHead, dict[str, int]]:
    """Return the newest position of the log, and the newest version of each stream, 0 for one without events."""
    found = connection.execute(
        f"""with given (stream) as (values {", ".join(["(?)"] * len(streams))})
        select stream, (select coalesce(max(version), 0) from events where events.stream = given.stream), '' from given
        union all select null, position, hash from
        (select position, hash from events order by position desc limit 1) as head""",  # noqa: S608 - no input in it
        tuple(streams),
    )
    heads = [LedgerHead(position, hash_) for stream, position, hash_ in found if stream is None]
    versions = {stream: version for stream, version, _ in found if stream is not None}
    return (heads[0] if heads else chain.GENESIS), versions


def _read_head(connection: DatabaseConnection) -> LedgerHead:
    newest = connection.execute("select position, hash from events order by position desc limit 1")
    return LedgerHead(*newest[0]) if newest else chain.GENESIS


def _conflict_error(stream: str, expected: int | None, found: int) -> LedgerConflictError:
    return LedgerConflictError(
        f"Cannot append to stream '{stream}': it is at version {found}, expected {expected}.",
        hint="Another process appended events meanwhile; read the stream again.",
    )
