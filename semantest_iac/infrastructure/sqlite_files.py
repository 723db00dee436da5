"""What all SQLite files of a home have in common: the transactions of writers, and a look at whether one is damaged."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hold_write_lock(connection: sqlite3.Connection) -> Iterator[None]:
    """Exclude other writers for the block, and commit what it did, or nothing if it raises."""
    connection.execute("begin immediate")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:  # SQLite ends some failed transactions itself
            connection.execute("rollback")
        raise


def find_sqlite_fault(path: Path, timeout_s: float, read: Callable[[sqlite3.Connection], object]) -> str:
    """Return what is wrong with a file that `read` should be able to read, empty if nothing is; changes nothing."""
    if path.is_dir():
        return "a folder is where a file should be"
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        return "permission denied"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=timeout_s)
    try:
        (answer,) = connection.execute("pragma quick_check(1)").fetchone()
        if answer != "ok":
            return "the file is damaged"
        read(connection)
    except sqlite3.Error as error:
        is_database = getattr(error, "sqlite_errorname", "") != "SQLITE_NOTADB"
        return "the file is damaged" if is_database else "the file is not a database"
    finally:
        connection.close()
    return ""
