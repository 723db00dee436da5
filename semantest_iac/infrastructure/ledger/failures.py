"""SQLite's and the file system's errors in our words: the only place that reads them."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from semantest_iac.application.ports.ledger import LedgerBusyError
from semantest_iac.domain.errors import LedgerError

RESTORE = "Restore the ledger from a backup; the damaged file is worth keeping."
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
PERMISSIONS = "Check the permissions of the file and of its folder."

# Start of SQLite's error name -> class, code, cause, hint. Disk full and locked share one Python class.
FAILURES: tuple[tuple[str, type[LedgerError], str, str, str], ...] = (
    ("SQLITE_BUSY", LedgerBusyError, "LEDGER_BUSY", "another process keeps it locked", "Try again later."),
    ("SQLITE_FULL", LedgerError, "LEDGER_FULL", "the disk is full", "Free some space and try again."),
    (
        "SQLITE_IOERR",
        LedgerError,
        "LEDGER_IO",
        "the disk refused to read or write",
        "Check free space, quotas and file size limits, then the disk.",
    ),
    ("SQLITE_READONLY", LedgerError, "LEDGER_READ_ONLY", "it may not be written", PERMISSIONS),
    ("SQLITE_CANTOPEN", LedgerError, "LEDGER_READ_ONLY", "it may not be opened", PERMISSIONS),
    ("SQLITE_NOTADB", LedgerError, "LEDGER_DAMAGED", "the file is not a database", RESTORE),
    ("SQLITE_CORRUPT", LedgerError, "LEDGER_DAMAGED", "the file is damaged", RESTORE),
    ("", LedgerError, "LEDGER_DAMAGED", "its content is not that of a ledger", RESTORE),
)


@contextmanager
def translated(verb: str, path: Path) -> Iterator[None]:
    """Turn what fails inside into a LedgerError `Cannot <verb> ledger '<path>': …`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _sqlite_failure(f"Cannot {verb} ledger '{path}'", error) from error
    except OSError as error:
        cause = (error.strerror or "the system refuses").lower()
        code = "LEDGER_READ_ONLY" if error.errno in FORBIDDEN else "LEDGER_IO"
        raise LedgerError(f"Cannot {verb} ledger '{path}': {cause}.", code, hint=PERMISSIONS) from error


def _sqlite_failure(what: str, error: sqlite3.Error) -> LedgerError:
    name = getattr(error, "sqlite_errorname", "")  # absent where Python and not SQLite objects
    _, kind, code, cause, hint = next(row for row in FAILURES if name.startswith(row[0]))
    return kind(f"{what}: {cause}.", code, hint=hint)
