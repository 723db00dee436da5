"""Implements the ledger port in one SQLite file that any number of processes of one host share."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from threading import Lock

from semantest_iac.application.ports.ledger import (
    DeploymentRow,
    LedgerConflictError,
    LedgerHead,
    NewEvent,
    RecordedEvent,
    StackRow,
    VerifiedLedger,
)
from semantest_iac.application.queries.projection import MemoryRows, ProjectionRows
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.home_manifest import HomeManifest
from semantest_iac.infrastructure.ledger import chain, noted_heads, projection
from semantest_iac.infrastructure.ledger.sqlite_file import (
    EVENT_COLUMNS,
    RESTORE_HINT,
    open_for_reading,
    open_for_writing,
    translate_ledger_errors,
)

LOG_PAGE_SIZE = 1000
EVENT_VALUES = attrgetter(*EVENT_COLUMNS.split(", "))


class SqliteLedgerReader:
    """Reads the ledger through a new connection per query, so no file stays open; an absent file reads as empty.

    With the manifest of its home, a ledger that lacks events which the home has noted is refused.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = 10.0, manifest: HomeManifest | None = None) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._manifest = manifest

    def stream(self, name: str, after_version: int = 0) -> list[RecordedEvent]:
        """Return the events of one stream in order."""
        return self._select("where stream = ? and version > ? order by version", name, after_version)

    def log(self, after: int = 0, limit: int | None = None) -> Iterator[RecordedEvent]:
        """Yield the whole log in pages; a later page includes what was appended meanwhile."""
        while page := self._select(
            "where position > ? order by position limit ?",
            after,
            LOG_PAGE_SIZE if limit is None else min(LOG_PAGE_SIZE, limit),
        ):
            yield from page
            after = page[-1].position
            limit = None if limit is None else limit - len(page)

    def streams(self) -> list[str]:
        """Return the names of all streams, sorted."""
        with self._open_snapshot("read") as connection:
            query = "select distinct stream from events order by stream"
            return [name for (name,) in connection.execute(query)] if connection else []

    def head(self) -> LedgerHead:
        """Return the newest position and its hash."""
        newest = self._select("order by position desc limit 1")
        return LedgerHead(newest[0].position, newest[0].hash) if newest else chain.GENESIS

    def verify(self, expected: LedgerHead | None = None) -> VerifiedLedger:
        """Recompute the chain after SQLite has checked its own file, then compare the rows with the events."""
        with self._open_snapshot("verify") as connection:
            if connection is None:
                return chain.verify_chain((), expected)
            _check_integrity(connection, self._path)
            verified = chain.verify_chain(projection.read_log(connection), expected)
            projection.verify_rows(connection, self._path)
            return verified

    def deployment(self, deployment: str) -> DeploymentRow | None:
        with self._open_projection() as rows:
            return rows.deployment(deployment)

    def deployments(self, stacks: Collection[str] | None = None, limit: int | None = None) -> list[DeploymentRow]:
        """Return deployments of these stacks, newest request first."""
        with self._open_projection() as rows:
            return rows.deployments(stacks, limit)

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

    def _select(self, condition: str, *parameters: object) -> list[RecordedEvent]:
        with self._open_snapshot("read") as connection:
            if connection is None:
                return []
            query = f"select {EVENT_COLUMNS} from events {condition}"  # noqa: S608 - conditions are literals of this class
            return [RecordedEvent(*row) for row in connection.execute(query, parameters)]

    @contextmanager
    def _open_projection(self) -> Iterator[ProjectionRows]:
        with self._open_snapshot("read") as connection:
            yield projection.read_or_fold_rows(connection) if connection else MemoryRows()

    @contextmanager
    def _open_snapshot(self, verb: str) -> Iterator[sqlite3.Connection | None]:
        """Yield a connection that sees one snapshot of the ledger, or None if there is no ledger."""
        noted = noted_heads.read_noted_head(self._manifest, self._path)  # before: meanwhile the ledger only grows
        with translate_ledger_errors(verb, self._path):
            connection = open_for_reading(self._path, self._busy_timeout_s)
            if connection is None:
                noted_heads.require_noted_head(noted, None, self._path)
                yield None
                return
            try:
                connection.execute("begin")
                noted_heads.require_noted_head(noted, connection, self._path)
                yield connection
            finally:
                connection.close()


def _check_integrity(connection: sqlite3.Connection, path: Path) -> None:
    (answer,) = connection.execute("pragma integrity_check(1)").fetchone()
    if answer != "ok":
        raise LedgerError(f"Cannot verify ledger '{path}': the file is damaged.", "LEDGER_DAMAGED", hint=RESTORE_HINT)


class SqliteLedger(SqliteLedgerReader):
    """Writes through one connection that is opened by the first append; until then no file is created."""

    def __init__(self, path: Path, *, busy_timeout_s: float = 10.0, manifest: HomeManifest | None = None) -> None:
        super().__init__(path, busy_timeout_s=busy_timeout_s, manifest=manifest)
        self._write_lock = Lock()
        self._writer: sqlite3.Connection | None = None
        self._file = (0, 0)

    async def append(
        self, stream: str, expected_version: int | None, events: Sequence[NewEvent]
    ) -> list[RecordedEvent]:
        """Record all events or none, in a thread: a commit waits for the disk and for other writers."""
        import asyncio

        return await asyncio.to_thread(self._append, stream, expected_version, events)

    def rebuild(self) -> None:
        """Rebuild the projection from the log."""
        with self._transaction("rebuild") as connection:
            projection.rebuild_projection(connection)

    def close(self) -> None:
        """Close the file; the next append opens it again."""
        with self._write_lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _append(self, stream: str, expected_version: int | None, events: Sequence[NewEvent]) -> list[RecordedEvent]:
        with self._transaction("append to") as connection:
            version = _stream_version(connection, stream)
            if expected_version not in (None, version):
                raise _conflict_error(stream, expected_version, version)
            head = _read_head(connection)
            recorded = list(chain.extend_chain(head, stream, version, events))
            connection.executemany("insert into events values (?, ?, ?, ?, ?, ?)", map(EVENT_VALUES, recorded))
            projection.update_projection(connection, head.position, recorded)
        noted_heads.note_committed(self._manifest, recorded)
        return recorded

    @contextmanager
    def _transaction(self, verb: str) -> Iterator[sqlite3.Connection]:
        with self._write_lock, translate_ledger_errors(verb, self._path):
            connection = self._open_writer()
            connection.execute("begin immediate")
            try:
                yield connection
                connection.execute("commit")
            except BaseException:
                if connection.in_transaction:  # SQLite ends some failed transactions itself
                    connection.execute("rollback")
                raise

    def _open_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            noted = noted_heads.read_noted_head(self._manifest, self._path)
            if noted is not None and not self._path.exists():  # opening creates the file
                noted_heads.require_noted_head(noted, None, self._path)
            self._writer = open_for_writing(self._path, self._busy_timeout_s)
            weakref.finalize(self, self._writer.close)  # for callers that drop the ledger without closing it
            self._file = _file_identity(self._path)
            noted_heads.require_noted_head(noted, self._writer, self._path)
        elif _file_identity(self._path) != self._file:
            raise LedgerError(
                f"Cannot append to ledger '{self._path}': the file was removed or replaced meanwhile.",
                "LEDGER_MOVED",
                hint="Restore the original file, then start again.",
            )
        return self._writer


def _stream_version(connection: sqlite3.Connection, stream: str) -> int:
    query = "select coalesce(max(version), 0) from events where stream = ?"
    version: int = connection.execute(query, (stream,)).fetchone()[0]
    return version


def _read_head(connection: sqlite3.Connection) -> LedgerHead:
    newest = connection.execute("select position, hash from events order by position desc limit 1").fetchone()
    return LedgerHead(*newest) if newest else chain.GENESIS


def _conflict_error(stream: str, expected: int | None, found: int) -> LedgerConflictError:
    return LedgerConflictError(
        f"Cannot append to stream '{stream}': it is at version {found}, expected {expected}.",
        hint="Another process appended events meanwhile; read the stream again.",
    )


def _file_identity(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_dev, found.st_ino)
