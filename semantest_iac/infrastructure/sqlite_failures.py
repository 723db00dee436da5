"""Turns the errors of SQLite into errors of storage: what happened to which file, and what to do."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from semantest_iac.domain.errors import StorageError, as_storage_error
from semantest_iac.infrastructure.disk_space import is_disk_full

_RESTORE_HINT: Final = "Keep the damaged file, and restore it from a backup."
# Start of SQLite's error name -> code, cause, hint
_OTHER_FAILURES: Final = (
    ("SQLITE_BUSY", "STORAGE_BUSY", "another process keeps it locked", "Try again later."),
    ("SQLITE_NOTADB", "STORAGE_DAMAGED", "the file is not a database", _RESTORE_HINT),
    ("SQLITE_CORRUPT", "STORAGE_DAMAGED", "the file is damaged", _RESTORE_HINT),
    ("", "STORAGE_DAMAGED", "its content has an unknown form", _RESTORE_HINT),
)
_SYSTEM_ERRORS: Final = (
    ("SQLITE_FULL", errno.ENOSPC),
    ("SQLITE_IOERR", errno.EIO),
    ("SQLITE_READONLY", errno.EROFS),
    ("SQLITE_CANTOPEN", errno.EACCES),
)


def find_system_error(error: sqlite3.Error, path: Path) -> int | None:
    """Return the number of the system's error that is behind one of SQLite; None for errors of another kind.

    SQLite reports a full disk as a failure to read or write where it needed room for its shared memory.
    """
    name = getattr(error, "sqlite_errorname", "")  # absent if Python and not SQLite raised the error
    number = next((number for start, number in _SYSTEM_ERRORS if name.startswith(start)), None)
    if number == errno.EACCES and path.is_dir():
        return errno.EISDIR
    return errno.ENOSPC if number == errno.EIO and is_disk_full(path) else number


@contextmanager
def translate_sqlite_errors(path: Path, damage_hint: str = _RESTORE_HINT) -> Iterator[None]:
    """Raise SQLite's errors as StorageError with the path of the file, and what to do about a damaged one."""
    try:
        yield
    except sqlite3.Error as error:
        raise _storage_error(error, path, damage_hint) from error


def _storage_error(error: sqlite3.Error, path: Path, damage_hint: str) -> StorageError:
    number = find_system_error(error, path)
    known = as_storage_error(OSError(number, os.strerror(number), str(path))) if number else None
    if known:
        return known
    name = getattr(error, "sqlite_errorname", "")
    _, code, cause, hint = next(row for row in _OTHER_FAILURES if name.startswith(row[0]))
    hint = damage_hint if code == "STORAGE_DAMAGED" else hint
    return StorageError(f"Cannot use '{path}': {cause}.", code, hint=hint)
