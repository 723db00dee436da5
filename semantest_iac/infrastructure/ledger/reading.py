"""Reading one SQLite file: a fresh connection per question, so nothing is kept open and nothing is left behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from semantest_iac.application.ports.ledger import DeploymentRow, Head, Recorded, StackRow, Verified
from semantest_iac.application.queries.projection import MemoryRows, Rows
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.ledger import chain, projection
from semantest_iac.infrastructure.ledger.failures import RESTORE, translated
from semantest_iac.infrastructure.ledger.schema import COLUMNS, open_for_reading

PAGE = 1000


class SqliteLedgerReader:
    """The read side; a file that is not there reads as an empty ledger."""

    def __init__(self, path: Path, *, busy_timeout_s: float = 10.0) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s

    def stream(self, name: str, after_version: int = 0) -> list[Recorded]:
        """The events of one stream in order."""
        return self._select("where stream = ? and version > ? order by version", name, after_version)

    def log(self, after: int = 0, limit: int | None = None) -> Iterator[Recorded]:
        """The whole log in pages; an append between two pages is seen by the later one."""
        while page := self._select(
            "where position > ? order by position limit ?", after, PAGE if limit is None else min(PAGE, limit)
        ):
            yield from page
            after = page[-1].position
            limit = None if limit is None else limit - len(page)

    def streams(self) -> list[str]:
        """The names of all streams, sorted."""
        with self._reading("read") as connection:
            query = "select distinct stream from events order by stream"
            return [name for (name,) in connection.execute(query)] if connection else []

    def head(self) -> Head:
        """The newest position and its hash."""
        newest = self._select("order by position desc limit 1")
        return Head(newest[0].position, newest[0].hash) if newest else chain.GENESIS

    def verify(self, expected: Head | None = None) -> Verified:
        """Recompute the chain, after SQLite has checked that its own file is whole."""
        with self._reading("verify") as connection:
            if connection is None:
                return chain.verify((), expected)
            _check_file(connection, self._path)
            return chain.verify(projection.log(connection), expected)

    def deployment(self, deployment: str) -> DeploymentRow | None:
        """One deployment by its id."""
        with self._projected() as rows:
            return rows.deployment(deployment)

    def deployments(self, stacks: Collection[str] | None = None, limit: int | None = None) -> list[DeploymentRow]:
        """Deployments of these stacks, newest request first."""
        with self._projected() as rows:
            return rows.deployments(stacks, limit)

    def newest(self) -> list[DeploymentRow]:
        """The newest deployment of every stack, newest first."""
        with self._projected() as rows:
            return rows.newest()

    def stack(self, name: str) -> StackRow:
        """One stack, with its defaults if it was never deployed."""
        with self._projected() as rows:
            return rows.stack(name)

    def stacks(self) -> list[StackRow]:
        """Every stack, by name."""
        with self._projected() as rows:
            return rows.stacks()

    def _select(self, condition: str, *given: object) -> list[Recorded]:
        with self._reading("read") as connection:
            if connection is None:
                return []
            query = f"select {COLUMNS} from events {condition}"  # noqa: S608 - conditions are written above
            return [Recorded(*row) for row in connection.execute(query, given)]

    @contextmanager
    def _projected(self) -> Iterator[Rows]:
        with self._reading("read") as connection:
            yield projection.rows(connection) if connection else MemoryRows()

    @contextmanager
    def _reading(self, verb: str) -> Iterator[sqlite3.Connection | None]:
        """One moment of the ledger: what is committed meanwhile is not seen."""
        with translated(verb, self._path):
            connection = open_for_reading(self._path, self._busy_timeout_s)
            if connection is None:
                yield None
                return
            try:
                connection.execute("begin")
                yield connection
            finally:
                connection.close()


def _check_file(connection: sqlite3.Connection, path: Path) -> None:
    (answer,) = connection.execute("pragma integrity_check(1)").fetchone()
    if answer != "ok":
        raise LedgerError(f"Cannot verify ledger '{path}': the file is damaged.", "LEDGER_DAMAGED", hint=RESTORE)
