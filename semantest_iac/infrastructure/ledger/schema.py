"""The SQLite file: how it is born, recognised and opened. Two processes may be first at once."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock

from semantest_iac.domain.errors import LedgerError

APPLICATION = 0x534D4941  # "SMIA" in the file's header: nobody else's database is taken for a ledger
SCHEMA = 1
_BIRTH = Lock()
COLUMNS = "position, stream, version, type, json, hash"
EVENTS = """create table events (
    position integer primary key, stream text not null, version integer not null,
    type text not null, json text not null, hash text not null, unique (stream, version)
)"""


def open_for_writing(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """Open the ledger, made on the way where it is missing, readable by its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_room(path)
    connection = sqlite3.connect(path, busy_timeout_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma synchronous = full")
        if not is_ledger(connection, path):
            _create(connection, path)
        _use_write_ahead_log(connection, time.monotonic() + busy_timeout_s)
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path, busy_timeout_s: float) -> sqlite3.Connection | None:
    """Open the ledger where there is one; creates nothing."""
    if not path.exists():
        return None
    uri = f"{path.absolute().as_uri()}?{_mode(path)}"
    connection = sqlite3.connect(uri, busy_timeout_s, isolation_level=None, check_same_thread=False, uri=True)
    try:
        connection.execute("pragma query_only = on")
        if is_ledger(connection, path):
            return connection
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None


def is_ledger(connection: sqlite3.Connection, path: Path) -> bool:
    """False for a file that is still empty; raises LedgerError for a foreign or a newer one."""
    application, schema, tables = connection.execute(
        "select application_id, user_version, (select count(*) from sqlite_master)"
        " from pragma_application_id, pragma_user_version"
    ).fetchone()
    if (application, tables) == (0, 0):
        return False
    if application != APPLICATION:
        raise LedgerError(
            f"Cannot open ledger '{path}': it is another program's database.",
            "LEDGER_FOREIGN",
            hint="Choose another home.",
        )
    if schema > SCHEMA:
        raise LedgerError(
            f"Cannot open ledger '{path}': it has schema {schema}, this version knows {SCHEMA}.",
            "LEDGER_NEWER",
            hint="Use the version of semantest_iac that wrote it, or a newer one.",
        )
    return True


def _mode(path: Path) -> str:
    """How to read without a trace: a read-only connection leaves its `-shm` and `-wal` files behind.

    Where nothing may be written, a ledger without a log beside it is nobody's at work, and can be read as it is.
    """
    if os.access(path.parent, os.W_OK):
        return "mode=rw"
    at_work = path.with_name(f"{path.name}-wal").exists()
    return "mode=ro" if at_work else "mode=ro&immutable=1"


def _make_room(path: Path) -> None:
    """The empty file, where there is none; one that is in use is not touched.

    Closing a file ends every POSIX lock that its process has on it (https://www.sqlite.org/howtocorrupt.html, 2.2):
    others would then take SQLite's log for nobody's. The same holds between opening and closing a new one.
    """
    with _BIRTH, suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _create(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("begin immediate")
    if not is_ledger(connection, path):  # another process may have been first
        connection.execute(EVENTS)
        connection.execute(f"pragma application_id = {APPLICATION}")
        connection.execute(f"pragma user_version = {SCHEMA}")
    connection.execute("commit")


def _use_write_ahead_log(connection: sqlite3.Connection, deadline: float) -> None:
    """SQLite does not wait for other connections when it changes the journal mode, so this does."""
    while True:
        try:
            connection.execute("pragma journal_mode = wal").fetchone()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
