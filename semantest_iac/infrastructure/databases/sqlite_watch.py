"""Notices commits to a SQLite file by any process, which SQLite itself does not report."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from pathlib import Path
from threading import Lock
from time import monotonic

from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.databases.sqlite_file import identify_file, open_for_reading

POLL_INTERVAL_S = 0.05  # one look takes about 0.1 ms
_BUSY_TIMEOUT_S = 1.0


class SqliteWatch:
    """Asks one open connection again and again whether another one has committed since.

    SQLite's number of versions lies in memory that the processes share: asking reads no file, and misses no commit.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)
        self._version = 0

    async def wait(self, timeout_s: float) -> None:
        """Return when something was committed since the last call, or after so long."""
        deadline = monotonic() + timeout_s
        while not await asyncio.to_thread(self._has_changed):
            remaining = deadline - monotonic()
            if remaining <= 0:
                return
            await asyncio.sleep(min(POLL_INTERVAL_S, remaining))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._drop()

    def _has_changed(self) -> bool:
        """Whether something was committed, or the file was opened now: then nobody knows what came before.

        A file that cannot be read has not changed: who reads it says why.
        """
        with self._lock:
            with suppress(sqlite3.Error, OSError, LedgerError):
                if self._connection is None or identify_file(self._path) != self._identity:
                    return self._open()
                [(version,)] = self._connection.execute("pragma data_version").fetchall()
                before, self._version = self._version, version
                return bool(version != before)
            self._drop()
            return False

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> bool:
        self._drop()
        self._identity = identify_file(self._path)
        self._connection = open_for_reading(self._path, _BUSY_TIMEOUT_S)
        if self._connection is None:
            return False
        [(self._version,)] = self._connection.execute("pragma data_version").fetchall()
        return True
