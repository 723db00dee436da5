"""The ledger in one SQLite file: any number of processes on one host, durable at every commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from threading import Lock

from semantest_iac.application.ports.ledger import Head, LedgerConflictError, NewEvent, Recorded
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.ledger import chain, projection
from semantest_iac.infrastructure.ledger.failures import translated
from semantest_iac.infrastructure.ledger.reading import SqliteLedgerReader
from semantest_iac.infrastructure.ledger.schema import COLUMNS, open_for_writing

VALUES = attrgetter(*COLUMNS.split(", "))


class SqliteLedger(SqliteLedgerReader):
    """Writes through one connection that it keeps from the first append on; before that nothing is created."""

    def __init__(self, path: Path, *, busy_timeout_s: float = 10.0) -> None:
        super().__init__(path, busy_timeout_s=busy_timeout_s)
        self._writing = Lock()
        self._writer: sqlite3.Connection | None = None
        self._file = (0, 0)

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


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_dev, found.st_ino)
