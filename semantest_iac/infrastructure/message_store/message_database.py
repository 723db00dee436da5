"""The SQLite file of messages and ticks, which any number of processes of one machine share."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from semantest_iac.domain.errors import StorageError
from semantest_iac.infrastructure.durable_files import create_empty_file
from semantest_iac.infrastructure.home_folder import make_home_folder
from semantest_iac.infrastructure.sqlite_failures import translate_sqlite_errors
from semantest_iac.infrastructure.sqlite_files import find_sqlite_fault, hold_write_lock

MESSAGES_FILE: Final = "messages.db"
_APPLICATION_ID: Final = 0x534D494D  # "SMIM" in the header of the file
_SCHEMA_VERSION: Final = 1
_LOCK_TIMEOUT_S: Final = 30.0
_DAMAGE_HINT: Final = "Move the file away; the messages in it are lost, and new ones are kept in a new file."
_SCHEMA: Final = (
    "create table if not exists messages("
    " number integer primary key autoincrement, stack text, holder text, id text, body text, attributes text,"
    " grouping text, sent real, visible real, expires real, deliveries integer, receipt text, size integer)",
    "create index if not exists messages_by_time on messages(holder, visible)",
    "create index if not exists messages_by_group on messages(holder, grouping) where grouping <> ''",
    "create unique index if not exists messages_by_receipt on messages(receipt) where receipt <> ''",
    "create index if not exists messages_by_stack on messages(stack)",
    "create table if not exists identifiers("
    " route text, identifier text, stack text, id text, until real, primary key(route, identifier)) without rowid",
    "create table if not exists schedules("
    " key text primary key, stack text, expression text, zone text, next real) without rowid",
    "create table if not exists ticks("
    " key text, planned real, stack text, attempts integer, visible real, primary key(key, planned)) without rowid",
    "create table if not exists totals(one integer primary key check(one = 1), messages integer, bytes integer)",
    "insert or ignore into totals values (1, 0, 0)",
    "create trigger if not exists count_added after insert on messages begin"
    " update totals set messages = messages + 1, bytes = bytes + new.size; end",
    "create trigger if not exists count_removed after delete on messages begin"
    " update totals set messages = messages - 1, bytes = bytes - old.size; end",
)


class MessageDatabase:
    """One file, opened by the first transaction, and only if it exists by one that only looks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    @property
    def exists(self) -> bool:
        """Whether anything was kept yet."""
        return self.path.exists()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock of writers for the block, and commit what it did, or nothing if it raises."""
        with self._lock, translate_sqlite_errors(self.path, _DAMAGE_HINT):
            connection = self._open()
            with hold_write_lock(connection):
                yield connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Yield the file for a single statement."""
        with self._lock, translate_sqlite_errors(self.path, _DAMAGE_HINT):
            yield self._open()

    def close(self) -> None:
        """Close the file; the next block opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            make_home_folder(self.path.parent)
            create_empty_file(self.path)
            connection = sqlite3.connect(
                self.path, timeout=_LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            weakref.finalize(self, connection.close)  # for callers that drop the database without closing it
            self._connection = connection
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # survives kill -9; what is simulated need not survive a power failure
        connection.execute("pragma synchronous = normal")
        with hold_write_lock(connection):  # waits for whoever prepares the file now
            self._require_own_file(connection)
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute(f"pragma application_id = {_APPLICATION_ID}")
            connection.execute(f"pragma user_version = {_SCHEMA_VERSION}")
        _use_write_ahead_log(connection)

    def _require_own_file(self, connection: sqlite3.Connection) -> None:
        application, version, tables = connection.execute(
            "select application_id, user_version, (select count(*) from sqlite_master)"
            " from pragma_application_id, pragma_user_version"
        ).fetchone()
        if tables and application != _APPLICATION_ID:
            message = f"Cannot use '{self.path}': it is another program's database."
            raise StorageError(message, "STORAGE_FOREIGN", hint="Move the file away, or choose another home.")
        if version > _SCHEMA_VERSION:
            message = f"Cannot use '{self.path}': it has schema {version}, this version knows {_SCHEMA_VERSION}."
            hint = "Use the version of semantest_iac that wrote it, or a newer one."
            raise StorageError(message, "STORAGE_NEWER", hint=hint)


def find_messages_fault(path: Path) -> str:
    """Return what is wrong with the file of a home, empty if nothing is; looking changes nothing."""
    return find_sqlite_fault(
        path, _LOCK_TIMEOUT_S, lambda it: it.execute("select messages, bytes from totals").fetchone()
    )


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; while other processes use the file, another one has done it or will."""
    try:
        connection.execute("pragma journal_mode = wal").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_BUSY":
            raise
