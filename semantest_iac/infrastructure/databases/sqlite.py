"""A SQLite file that any number of processes of one host share."""

from __future__ import annotations

import sqlite3
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.databases.change_groups import ChangeGroups
from semantest_iac.infrastructure.databases.database import (
    CHANGE_TABLES,
    DatabaseConnection,
    Item,
    OnCommit,
    Result,
    Row,
    list_marks,
)
from semantest_iac.infrastructure.databases.sqlite_file import (
    RESTORE_HINT,
    identify_file,
    open_for_reading,
    open_for_writing,
    translate_ledger_errors,
)
from semantest_iac.infrastructure.sqlite_files import hold_write_lock

if TYPE_CHECKING:
    from semantest_iac.infrastructure.databases.sqlite_watch import SqliteWatch

_MOST_READERS = 2
RequireHead = Callable[[DatabaseConnection | None], None]
"""Raises LedgerError for a snapshot, or a missing file, that lacks events which the home has noted."""


class SqliteConnection:
    """A transaction of SQLite."""

    def __init__(self, connection: sqlite3.Connection, path: Path, read_clock: Callable[[], float]) -> None:
        self._connection = connection
        self._path = path
        self._tables: frozenset[str] | None = None
        self.read_clock = read_clock

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run a statement and return its rows."""
        if statement.startswith(CHANGE_TABLES):
            self._tables = None
        return self._connection.execute(statement, parameters).fetchall()

    def insert(self, table: str, rows: Sequence[Row], on_conflict: str = "") -> None:
        """Insert one row after the other, with a statement that is prepared once."""
        if rows:
            marks = list_marks(len(rows[0]))
            self._connection.executemany(f"insert into {table} values ({marks}) {on_conflict}", rows)  # noqa: S608 - no input in it

    def has_table(self, name: str) -> bool:
        """Whether the file has the table; asks once in a transaction."""
        if self._tables is None:
            self._tables = frozenset(
                it for (it,) in self.execute("select name from sqlite_master where type = 'table'")
            )
        return name in self._tables

    def is_open(self) -> bool:
        """Return True: a file does not go away."""
        return True

    def check_integrity(self) -> None:
        """Let SQLite check the file."""
        [(answer,)] = self.execute("pragma integrity_check(1)")
        if answer != "ok":
            message = f"Cannot verify ledger '{self._path}': the file is damaged."
            raise LedgerError(message, "LEDGER_DAMAGED", hint=RESTORE_HINT)

    def notify_watches(self) -> None:
        """Do nothing: a watch sees every commit."""


class SqliteDatabase:
    """Writes through one connection, opened by the first change; reads through others, which it keeps from then on.

    A process that only reads opens a new one each time, and leaves no files behind. `read_noted_head` is called before
    each read: meanwhile the file only grows.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_clock: Callable[[], float] = time.time,
        busy_timeout_s: float = 10.0,
        read_noted_head: Callable[[], RequireHead] | None = None,
    ) -> None:
        self.path = path
        self._read_clock = read_clock
        self._busy_timeout_s = busy_timeout_s
        self._read_noted_head = read_noted_head or (lambda: _require_nothing)
        self._groups = ChangeGroups()
        self._lock = Lock()
        self._writer: sqlite3.Connection | None = None
        self._readers: list[sqlite3.Connection] = []
        self._file = (0, 0)

    @contextmanager
    def change(self, verb: str) -> Iterator[SqliteConnection]:
        """Hold SQLite's lock of writers for the block."""
        with self._lock, translate_ledger_errors(verb, self.path):
            connection = self._open_writer()
            with hold_write_lock(connection):
                yield self._wrap(connection)

    async def commit(
        self, verb: str, change: Callable[[DatabaseConnection], Result], on_commit: OnCommit | None = None
    ) -> Result:
        """Commit a change together with those of other tasks."""
        return await self._groups.commit(self.change, verb, change, on_commit)

    async def commit_together(
        self,
        verb: str,
        change: Callable[[DatabaseConnection, Sequence[Item]], Sequence[Result]],
        item: Item,
        on_commit: OnCommit | None = None,
    ) -> Result:
        """Commit the change of an item together with those of other tasks."""
        return await self._groups.commit_together(self.change, verb, change, item, on_commit)

    @contextmanager
    def read(self, verb: str) -> Iterator[SqliteConnection | None]:
        """Yield one snapshot, None where there is no file."""
        require_head = self._read_noted_head()
        with translate_ledger_errors(verb, self.path):
            connection = self._take_reader() or open_for_reading(self.path, self._busy_timeout_s)
            if connection is None:
                require_head(None)
                yield None
                return
            try:
                connection.execute("begin")
                snapshot = self._wrap(connection)
                require_head(snapshot)
                yield snapshot
                connection.execute("rollback")
            except BaseException:
                connection.close()
                raise
            self._keep_reader(connection)

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[SqliteWatch]:
        """Look for commits many times a second."""
        from semantest_iac.infrastructure.databases.sqlite_watch import SqliteWatch

        watch = SqliteWatch(self.path)
        try:
            yield watch
        finally:
            watch.close()

    def close(self) -> None:
        """Close the file; the next change opens it again."""
        with self._lock:
            if self._writer is not None:
                _close_all(self._readers, self._writer)
                self._writer = None

    def _take_reader(self) -> sqlite3.Connection | None:
        """Return a connection that was kept, None without one; those to a file that was replaced are closed."""
        with self._lock:
            if self._readers and identify_file(self.path) != self._file:
                _close_all(self._readers)
            return self._readers.pop() if self._readers else None

    def _keep_reader(self, connection: sqlite3.Connection) -> None:
        """Keep a connection for the next read as long as the file is open for changes, too."""
        with self._lock:
            if self._writer is not None and len(self._readers) < _MOST_READERS:
                self._readers.append(connection)
                return
        connection.close()

    def _wrap(self, connection: sqlite3.Connection) -> SqliteConnection:
        return SqliteConnection(connection, self.path, self._read_clock)

    def _open_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            require_head = self._read_noted_head()
            if not self.path.exists():  # opening creates the file
                require_head(None)
            self._writer = open_for_writing(self.path, self._busy_timeout_s)
            # For callers that drop the database without closing it.
            weakref.finalize(self, _close_all, self._readers, self._writer)
            self._file = identify_file(self.path)
            require_head(self._wrap(self._writer))
        elif identify_file(self.path) != self._file:
            raise LedgerError(
                f"Cannot append to ledger '{self.path}': the file was removed or replaced meanwhile.",
                "LEDGER_MOVED",
                hint="Restore the original file, then start again.",
            )
        return self._writer


def _close_all(readers: list[sqlite3.Connection], *others: sqlite3.Connection) -> None:
    """Close the readers first: the last connection that may write puts SQLite's log into the file."""
    while readers:
        readers.pop().close()
    for connection in others:
        connection.close()


def _require_nothing(snapshot: DatabaseConnection | None) -> None:
    pass
