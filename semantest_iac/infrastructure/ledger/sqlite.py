"""The ledger in one SQLite file: any number of processes on one host, durable at every commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from threading import Lock

from semantest_iac.application.ports.ledger import (
    DeploymentRow,
    Head,
    LedgerConflictError,
    NewEvent,
    Recorded,
    StackRow,
    Verified,
)
from semantest_iac.application.queries.projection import MemoryRows, Rows
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.ledger import chain, projection
from semantest_iac.infrastructure.ledger.failures import RESTORE, translated
from semantest_iac.infrastructure.ledger.schema import COLUMNS, open_for_reading, open_for_writing

PAGE = 1000
VALUES = attrgetter(*COLUMNS.split(", "))


class SqliteLedger:
    """Writes through one connection that it keeps, reads through a fresh one per question.

    Nothing is created before the first append.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = 10.0) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._writing = Lock()
        self._writer: sqlite3.Connection | None = None
        self._file = (0, 0)

    def stream(self, name: str, after_version: int = 0) -> list[Recorded]:
        """The events of one stream in order."""
        return self._select("where stream = ? and version > ? order by version", name, after_version)

    def log(self, after: int = 0, limit: int | None = None) -> Iterator[Recorded]:
        """The whole log in pages; an append between two pages is seen by the later one."""
        while page := self._select(
            "where position > ? order by position limit ?", after, PAGE if limit is None else min(PAGE, limit)
        ):
            yield from page
            after = page[-1].position
            limit = None if limit is None else limit - len(page)

    def streams(self) -> list[str]:
        """The names of all streams, sorted."""
        with self._reading("read") as connection:
            query = "select distinct stream from events order by stream"
            return [name for (name,) in connection.execute(query)] if connection else []

    def head(self) -> Head:
        """The newest position and its hash."""
        newest = self._select("order by position desc limit 1")
        return Head(newest[0].position, newest[0].hash) if newest else chain.GENESIS

    def verify(self, expected: Head | None = None) -> Verified:
        """Recompute the chain, after SQLite has checked that its own file is whole."""
        with self._reading("verify") as connection:
            if connection is None:
                return chain.verify((), expected)
            _check_file(connection, self._path)
            return chain.verify(projection.log(connection), expected)

    def deployment(self, deployment: str) -> DeploymentRow | None:
        """One deployment by its id."""
        with self._projected() as rows:
            return rows.deployment(deployment)

    def deployments(self, stacks: Collection[str] | None = None, limit: int | None = None) -> list[DeploymentRow]:
        """Deployments of these stacks, newest request first."""
        with self._projected() as rows:
            return rows.deployments(stacks, limit)

    def newest(self) -> list[DeploymentRow]:
        """The newest deployment of every stack, newest first."""
        with self._projected() as rows:
            return rows.newest()

    def stack(self, name: str) -> StackRow:
        """One stack, with its defaults if it was never deployed."""
        with self._projected() as rows:
            return rows.stack(name)

    def stacks(self) -> list[StackRow]:
        """Every stack, by name."""
        with self._projected() as rows:
            return rows.stacks()

    async def append(self, stream: str, expected_version: int | None, events: Sequence[NewEvent]) -> list[Recorded]:
        """Record all events or none, in a thread: a commit waits for the disk and for other writers."""
        import asyncio

        return await asyncio.to_thread(self._append, stream, expected_version, events)

    def rebuild(self) -> None:
        """Make the projections anew from the log."""
        with self._transaction("rebuild") as connection:
            projection.rebuild(connection)

    def close(self) -> None:
        """Let go of the file; the next append opens it again."""
        with self._writing:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _append(self, stream: str, expected_version: int | None, events: Sequence[NewEvent]) -> list[Recorded]:
        with self._transaction("append to") as connection:
            version = _version_of(connection, stream)
            if expected_version not in (None, version):
                raise _conflict(stream, expected_version, version)
            head = _head(connection)
            recorded = list(chain.extend(head, stream, version, events))
            connection.executemany("insert into events values (?, ?, ?, ?, ?, ?)", map(VALUES, recorded))
            projection.follow(connection, head.position, recorded)
        return recorded

    @contextmanager
    def _transaction(self, verb: str) -> Iterator[sqlite3.Connection]:
        with self._writing, translated(verb, self._path):
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
            self._writer = open_for_writing(self._path, self._busy_timeout_s)
            self._file = _identity(self._path)
        elif _identity(self._path) != self._file:
            raise LedgerError(
                f"Cannot append to ledger '{self._path}': the file was removed or replaced meanwhile.",
                "LEDGER_MOVED",
                hint="Put the right file in its place, then start again.",
            )
        return self._writer

    def _select(self, condition: str, *given: object) -> list[Recorded]:
        with self._reading("read") as connection:
            if connection is None:
                return []
            query = f"select {COLUMNS} from events {condition}"  # noqa: S608 - conditions are written above
            return [Recorded(*row) for row in connection.execute(query, given)]

    @contextmanager
    def _projected(self) -> Iterator[Rows]:
        with self._reading("read") as connection:
            yield projection.rows(connection) if connection else MemoryRows()

    @contextmanager
    def _reading(self, verb: str) -> Iterator[sqlite3.Connection | None]:
        """One moment of the ledger: what is committed meanwhile is not seen."""
        with translated(verb, self._path):
            connection = open_for_reading(self._path, self._busy_timeout_s)
            if connection is None:
                yield None
                return
            try:
                connection.execute("begin")
                yield connection
            finally:
                connection.close()


def _version_of(connection: sqlite3.Connection, stream: str) -> int:
    query = "select coalesce(max(version), 0) from events where stream = ?"
    version: int = connection.execute(query, (stream,)).fetchone()[0]
    return version


def _head(connection: sqlite3.Connection) -> Head:
    newest = connection.execute("select position, hash from events order by position desc limit 1").fetchone()
    return Head(*newest) if newest else chain.GENESIS


def _conflict(stream: str, expected: int | None, found: int) -> LedgerConflictError:
    return LedgerConflictError(
        f"Cannot append to stream '{stream}': it is at version {found}, expected {expected}.",
        hint="Another process recorded something meanwhile; read the stream again.",
    )


def _check_file(connection: sqlite3.Connection, path: Path) -> None:
    (answer,) = connection.execute("pragma integrity_check(1)").fetchone()
    if answer != "ok":
        raise LedgerError(f"Cannot verify ledger '{path}': the file is damaged.", "LEDGER_DAMAGED", hint=RESTORE)


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_dev, found.st_ino)
