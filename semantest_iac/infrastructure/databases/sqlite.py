"""A SQLite file that any number of processes of one host share."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from semantest_iac.infrastructure.databases.database import Row
from semantest_iac.infrastructure.ledger.sqlite_file import open_for_reading, open_for_writing, translate_ledger_errors


class SqliteConnection:
    """A transaction of SQLite."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self._connection = connection
        self.read_clock = clock

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run a statement and return its rows."""
        return self._connection.execute(statement, parameters).fetchall()

    def has_table(self, name: str) -> bool:
        """Whether the file has the table."""
        return bool(self.execute("select 1 from sqlite_master where type = 'table' and name = ?", (name,)))


class SqliteDatabase:
    """Writes through one connection, opened by the first change; reads through a new one each time."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time, busy_timeout_s: float = 10.0) -> None:
        self._path = path
        self._clock = clock
        self._busy_timeout_s = busy_timeout_s
        self._lock = Lock()
        self._writer: sqlite3.Connection | None = None

    @contextmanager
    def change(self) -> Iterator[SqliteConnection]:
        """Hold SQLite's lock of writers for the block."""
        with self._lock, translate_ledger_errors("write to", self._path):
            if self._writer is None:
                self._writer = open_for_writing(self._path, self._busy_timeout_s)
            self._writer.execute("begin immediate")
            try:
                yield SqliteConnection(self._writer, self._clock)
                self._writer.execute("commit")
            except BaseException:
                if self._writer.in_transaction:  # SQLite ends some failed transactions itself
                    self._writer.execute("rollback")
                raise

    @contextmanager
    def read(self) -> Iterator[SqliteConnection | None]:
        """Yield one snapshot, None where there is no file."""
        with translate_ledger_errors("read", self._path):
            connection = open_for_reading(self._path, self._busy_timeout_s)
            try:
                if connection is not None:
                    connection.execute("begin")
                yield connection and SqliteConnection(connection, self._clock)
            finally:
                if connection is not None:
                    connection.close()

    def close(self) -> None:
        """Close the file; the next change opens it again."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
