"""The ledger in one SQLite file of a home."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from semantest_iac.infrastructure.databases.sqlite import RequireHead, SqliteDatabase
from semantest_iac.infrastructure.home_manifest import HomeManifest
from semantest_iac.infrastructure.ledger.noted_heads import HeadNotes, read_noted_head, require_noted_head
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger


class SqliteLedger(SqlLedger):
    """The ledger in a file that the first append creates; until then reading finds it empty.

    With the manifest of its home, a ledger that lacks events which the home has noted is refused.
    """

    def __init__(
        self,
        path: Path,
        *,
        busy_timeout_s: float = 10.0,
        manifest: HomeManifest | None = None,
        read_clock: Callable[[], float] = time.time,
    ) -> None:
        def read_head() -> RequireHead:
            return partial(require_noted_head, read_noted_head(manifest, path), path=path)

        database = SqliteDatabase(path, read_clock=read_clock, busy_timeout_s=busy_timeout_s, read_noted_head=read_head)
        super().__init__(database, HeadNotes(manifest).note_committed)
