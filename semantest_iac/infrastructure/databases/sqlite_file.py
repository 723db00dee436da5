"""Creates, recognizes and opens the ledger's SQLite file, and translates SQLite's errors."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from semantest_iac.application.ports.ledger import LedgerBusyError
from semantest_iac.domain.errors import LedgerError, as_storage_error
from semantest_iac.infrastructure.durable_files import create_empty_file
from semantest_iac.infrastructure.home_folder import make_home_folder
from semantest_iac.infrastructure.network_folders import find_network_type
from semantest_iac.infrastructure.sqlite_failures import find_system_error

SQLITE_APPLICATION_ID = 0x534D4941  # "SMIA" in the file's header: another program's database is not taken for a ledger
LEDGER_SCHEMA_VERSION = 1
RESTORE_HINT = "Restore the ledger from a backup, and keep the damaged file."
LEDGER_CODES = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "LEDGER_READ_ONLY"),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "LEDGER_FULL"),
}
PERMISSIONS_HINT = "Check the permissions of the file and of its folder."
# Start of SQLite's error name -> class, code, cause, hint. Disk full and locked share one Python class.
SQLITE_FAILURES: tuple[tuple[str, type[LedgerError], str, str, str], ...] = (
    ("SQLITE_BUSY", LedgerBusyError, "LEDGER_BUSY", "another process keeps it locked", "Try again later."),
    ("SQLITE_FULL", LedgerError, "LEDGER_FULL", "the disk is full", "Free some space and try again."),
    (
        "SQLITE_IOERR",
        LedgerError,
        "LEDGER_IO",
        "the disk failed to read or write",
        "Check free space, quotas and file size limits, then the disk.",
    ),
    ("SQLITE_READONLY", LedgerError, "LEDGER_READ_ONLY", "it is read-only", PERMISSIONS_HINT),
    ("SQLITE_CANTOPEN", LedgerError, "LEDGER_READ_ONLY", "it cannot be opened", PERMISSIONS_HINT),
    ("SQLITE_NOTADB", LedgerError, "LEDGER_DAMAGED", "the file is not a database", RESTORE_HINT),
    ("SQLITE_CORRUPT", LedgerError, "LEDGER_DAMAGED", "the file is damaged", RESTORE_HINT),
    ("", LedgerError, "LEDGER_DAMAGED", "its content is not that of a ledger", RESTORE_HINT),
)


def open_for_writing(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """Open the ledger, and create it if it is missing, readable by its owner only."""
    _require_file(path)
    _require_disk_of_this_machine(path)
    make_home_folder(path.parent)
    create_empty_file(path)
    connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma synchronous = full")
        if not recognize_ledger(connection, path):
            _mark_as_ledger(connection, path)
        _use_write_ahead_log(connection, time.monotonic() + busy_timeout_s)
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path, busy_timeout_s: float) -> sqlite3.Connection | None:
    """Open the ledger if there is one; creates nothing."""
    if not path.exists():
        return None
    _require_file(path)
    uri = f"{path.absolute().as_uri()}?{_choose_uri_parameters(path)}"
    connection = sqlite3.connect(uri, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False, uri=True)
    try:
        connection.execute("pragma query_only = on")
        if recognize_ledger(connection, path):
            return connection
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None


def identify_file(path: Path) -> tuple[int, int]:
    """Return what tells the file from another one of its name; zeros where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise LedgerError(
            f"Cannot open ledger '{path}': it is a folder.",
            "LEDGER_FOREIGN",
            hint=f"Move the folder away, then: {RESTORE_HINT[0].lower()}{RESTORE_HINT[1:]}",
        )


def _require_disk_of_this_machine(path: Path) -> None:
    """Raise LedgerError on a network file system: SQLite's log is shared memory, which machines do not share."""
    if found := find_network_type(path):
        raise LedgerError(
            f"Cannot open ledger '{path}': it is on a network file system ({found}).",
            "LEDGER_ON_NETWORK",
            hint="Use a home on a disk of this machine (--home, SEMANTEST_HOME), or a ledger in PostgreSQL for several"
            " machines (SEMANTEST_LEDGER_URL).",
        )


def recognize_ledger(connection: sqlite3.Connection, path: Path) -> bool:
    """Return False for an empty file; raises LedgerError for another program's file or a newer schema."""
    application, schema, tables = connection.execute(
        "select application_id, user_version, (select count(*) from sqlite_master)"
        " from pragma_application_id, pragma_user_version"
    ).fetchone()
    if (application, tables) == (0, 0):
        return False
    if application != SQLITE_APPLICATION_ID:
        raise LedgerError(
            f"Cannot open ledger '{path}': it is another program's database.",
            "LEDGER_FOREIGN",
            hint="Choose another home.",
        )
    if schema > LEDGER_SCHEMA_VERSION:
        raise LedgerError(
            f"Cannot open ledger '{path}': it has schema {schema}, this version knows {LEDGER_SCHEMA_VERSION}.",
            "LEDGER_NEWER",
            hint="Use the version of semantest_iac that wrote it, or a newer one.",
        )
    return True


def _choose_uri_parameters(path: Path) -> str:
    """Choose how to read without leaving files behind, as a read-only connection does (`-shm`, `-wal`).

    In a folder without write access, a ledger without a `-wal` file has no writer and can be read as immutable.
    """
    if os.access(path.parent, os.W_OK):
        return "mode=rw"
    has_writer = path.with_name(f"{path.name}-wal").exists()
    return "mode=ro" if has_writer else "mode=ro&immutable=1"


def _mark_as_ledger(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("begin immediate")
    if not recognize_ledger(connection, path):  # another process may have created it first
        connection.execute(f"pragma application_id = {SQLITE_APPLICATION_ID}")
        connection.execute(f"pragma user_version = {LEDGER_SCHEMA_VERSION}")
    connection.execute("commit")


def _use_write_ahead_log(connection: sqlite3.Connection, deadline: float) -> None:
    """Wait for other connections: SQLite itself does not wait when it changes the journal mode."""
    while True:
        try:
            connection.execute("pragma journal_mode = wal").fetchone()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@contextmanager
def translate_ledger_errors(verb: str, path: Path) -> Iterator[None]:
    """Raise SQLite's and the file system's errors as LedgerError `Cannot <verb> ledger '<path>': …`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _ledger_error(f"Cannot {verb} ledger '{path}'", error, path) from error
    except OSError as error:
        known = as_storage_error(error)
        cause = (error.strerror or "the system refused it").lower()
        code = LEDGER_CODES.get(error.errno or 0, "LEDGER_IO")
        hint = known.hint if known else PERMISSIONS_HINT
        raise LedgerError(f"Cannot {verb} ledger '{path}': {cause}.", code, hint=hint) from error


def _ledger_error(failure: str, error: sqlite3.Error, path: Path) -> LedgerError:
    name = getattr(error, "sqlite_errorname", "")  # absent if Python and not SQLite raised the error
    if find_system_error(error, path) == errno.ENOSPC:
        name = "SQLITE_FULL"
    _, kind, code, cause, hint = next(row for row in SQLITE_FAILURES if name.startswith(row[0]))
    return kind(f"{failure}: {cause}.", code, hint=hint)
