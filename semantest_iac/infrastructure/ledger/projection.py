"""Keeps rows of deployments and stacks beside the log as a cache that can be dropped at any time.

The projection records its position and its fold version. If either is outdated, readers fold the log themselves and
the next append rebuilds the projection. Each row has a checksum and the projection counts its rows: rows that were
changed from outside are refused until `repair` rebuilds them.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from semantest_iac.application.ports.ledger import DeploymentRow, RecordedEvent, StackRow
from semantest_iac.application.queries.projection import MemoryRows, ProjectionRows, project_event
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.ledger.sqlite_file import EVENT_COLUMNS

_Row = TypeVar("_Row")

FOLD_VERSION = 7  # raise it whenever the fold or its rows change
PROJECTION_TABLES = {
    "projected": "(fold integer not null, position integer not null, counted text not null)",
    "deployments": "(position integer primary key, deployment text unique, stack text, row text, checksum integer)",
    "stacks": "(stack text primary key, row text, checksum integer)",
}
REBUILD_HINT = "No event is lost. Run `semantest-iac repair`, which writes the rows again from the events."
CREATE_DEPLOYMENTS_INDEX = "create index deployments_newest_first on deployments (stack, position)"


class SqliteRows:
    """Reads and saves rows in the projection tables."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def deployment(self, deployment: str) -> DeploymentRow | None:
        found = self._select(
            _parse_deployment, "select row, checksum, deployment from deployments where deployment = ?", deployment
        )
        return found[0] if found else None

    def deployments(self, stacks: Collection[str] | None, limit: int | None) -> list[DeploymentRow]:
        """Return deployments of these stacks, newest request first."""
        of_stacks = "" if stacks is None else "where stack in (select value from json_each(?))"
        parameters = [] if stacks is None else [json.dumps(sorted(stacks))]
        query = f"select row, checksum, deployment from deployments {of_stacks} order by position desc limit ?"  # noqa: S608 - no input in it
        return self._select(_parse_deployment, query, *parameters, -1 if limit is None else limit)

    def newest(self) -> list[DeploymentRow]:
        """Return the newest deployment of every stack, newest first."""
        query = """select deployments.row, deployments.checksum, deployment from stacks
            join deployments on deployment = json_extract(stacks.row, '$.newest') order by position desc"""
        return self._select(_parse_deployment, query)

    def stack(self, name: str) -> StackRow:
        """Return one stack, with its defaults if it was never deployed."""
        found = self._select(_parse_stack, "select row, checksum, stack from stacks where stack = ?", name)
        return found[0] if found else StackRow(name)

    def stacks(self) -> list[StackRow]:
        """Return every stack by name."""
        return self._select(_parse_stack, "select row, checksum, stack from stacks order by stack")

    def save(self, deployment: DeploymentRow, stack: StackRow) -> None:
        """Insert or replace both rows."""
        texts = json.dumps(asdict(deployment)), json.dumps(asdict(stack))
        row = (deployment.position, deployment.deployment, deployment.stack, texts[0])
        checksums = _row_checksum(deployment.deployment, texts[0]), _row_checksum(stack.stack, texts[1])
        self._connection.execute("insert or replace into deployments values (?, ?, ?, ?, ?)", (*row, checksums[0]))
        self._connection.execute(
            "insert or replace into stacks values (?, ?, ?)", (stack.stack, texts[1], checksums[1])
        )

    def _select(self, parse: Callable[[str], _Row], query: str, *parameters: object) -> list[_Row]:
        found = self._connection.execute(query, parameters).fetchall()
        for text, checksum, name in found:
            if not isinstance(text, str) or checksum != _row_checksum(name, text):
                raise _changed_rows_error(f"the row of '{name}'")
        return [parse(text) for text, _, _ in found]


def read_or_fold_rows(connection: sqlite3.Connection) -> ProjectionRows:
    """Return the rows as of the log that this connection sees."""
    return SqliteRows(connection) if _is_current(connection) else MemoryRows(read_log(connection))


def update_projection(connection: sqlite3.Connection, from_position: int, recorded: Sequence[RecordedEvent]) -> None:
    """Bring the rows from `from_position` up to the recorded events, in the same transaction."""
    if _projected_state(connection) == (FOLD_VERSION, from_position):
        _require_all_rows(connection)
        rows = SqliteRows(connection)
        for event in recorded:
            project_event(rows, event)
        counted = _count_rows(connection)
        connection.execute("update projected set position = ?, counted = ?", (from_position + len(recorded), counted))
    else:
        rebuild_projection(connection)


def rebuild_projection(connection: sqlite3.Connection) -> None:
    """Drop the rows and fold the whole log again, inside the caller's transaction."""
    for table, columns in PROJECTION_TABLES.items():
        connection.execute(f"drop table if exists {table}")
        connection.execute(f"create table {table} {columns}")
    connection.execute(CREATE_DEPLOYMENTS_INDEX)
    folded, rows = MemoryRows(read_log(connection)), SqliteRows(connection)
    for deployment in folded.deployments(None, None):
        rows.save(deployment, folded.stack(deployment.stack))
    state = (FOLD_VERSION, _newest_position(connection), _count_rows(connection))
    connection.execute("insert into projected values (?, ?, ?)", state)


def verify_rows(connection: sqlite3.Connection, path: Path) -> None:
    """Compare every row with a fold of the log, unless readers do not use the rows; raises LedgerError."""
    if not _is_current(connection):
        return
    folded, rows = MemoryRows(read_log(connection)), SqliteRows(connection)
    pairs = ((rows.deployments(None, None), folded.deployments(None, None)), (rows.stacks(), folded.stacks()))
    for found, expected in pairs:
        if found != expected:
            raise _changed_rows_error(f"rows of '{path.name}'")


def read_log(connection: sqlite3.Connection) -> Iterator[RecordedEvent]:
    return (RecordedEvent(*row) for row in connection.execute(f"select {EVENT_COLUMNS} from events order by position"))  # noqa: S608 - no input in it


def _is_current(connection: sqlite3.Connection) -> bool:
    """Whether the rows are those of the newest event; raises LedgerError where some were removed or added."""
    if _projected_state(connection) != (FOLD_VERSION, _newest_position(connection)):
        return False
    _require_all_rows(connection)
    return True


def _require_all_rows(connection: sqlite3.Connection) -> None:
    (counted,) = connection.execute("select counted from projected").fetchone()
    if counted != _count_rows(connection):
        raise _changed_rows_error("their number")


def _count_rows(connection: sqlite3.Connection) -> str:
    counts = connection.execute("select (select count(*) from deployments), (select count(*) from stacks)").fetchone()
    return "{} of {}".format(*counts)


def _row_checksum(name: str, text: str) -> int:
    """A CRC: rows are damaged by accident or by hand, and its import costs `status` nothing."""
    return zlib.crc32(f"{name}\0{text}".encode())


def _changed_rows_error(what: str) -> LedgerError:
    message = f"Cannot use the ledger's rows of deployments and stacks: {what} does not agree with the events."
    return LedgerError(message, "LEDGER_ROWS_CHANGED", hint=REBUILD_HINT)


def _projected_state(connection: sqlite3.Connection) -> tuple[int, int] | None:
    present = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
    if not PROJECTION_TABLES.keys() <= {name for (name,) in present}:
        return None
    found: tuple[int, int] | None = connection.execute("select fold, position from projected").fetchone()
    return found


def _newest_position(connection: sqlite3.Connection) -> int:
    newest: int = connection.execute("select coalesce(max(position), 0) from events").fetchone()[0]
    return newest


def _parse_deployment(text: str) -> DeploymentRow:
    row = json.loads(text)
    return DeploymentRow(**row | {"state": DeploymentStatus(row["state"])})


def _parse_stack(text: str) -> StackRow:
    return StackRow(**json.loads(text))
