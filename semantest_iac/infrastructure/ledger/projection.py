"""Keeps rows of deployments and stacks beside the log as a cache that can be dropped at any time.

The projection records its position and its fold version. If either is outdated, readers fold the log themselves and
the next append rebuilds the projection. Each row has a checksum and the projection counts its rows: rows that were
changed from outside are refused until `repair` rebuilds them.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from itertools import product
from typing import Any, TypeVar

from semantest_iac.application.ports.ledger import DeploymentRow, RecordedEvent, StackRow
from semantest_iac.application.queries.projection import (
    MemoryRows,
    ProjectionRows,
    deployment_id_of,
    project_event,
)
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.databases.database import DatabaseConnection, list_marks
from semantest_iac.infrastructure.ledger.event_table import read_log, select_events

_Row = TypeVar("_Row")
_DEPLOYMENT_FIELDS, _STACK_FIELDS = ([field.name for field in fields(row)] for row in (DeploymentRow, StackRow))
_BEFORE_EVERYTHING = -(1 << 62)  # positions start with 1, but who adds an event may choose another

FOLD_VERSION = 14  # raise it whenever the fold or its rows change
PROJECTION_TABLES = {
    "projected": "(fold integer not null, position integer not null, stacks integer)",
    "deployments": "(position integer primary key, deployment text unique, stack text, row text, checksum bigint)",
    "stacks": "(stack text primary key, newest text, held_by text, row text, checksum bigint)",
}
REBUILD_HINT = "No event is lost. Run `semantest-iac repair`, which writes the rows again from the events."
CREATE_INDEXES = (
    "create index deployments_newest_first on deployments (stack, position)",
    "create index held_stacks on stacks (stack, held_by) where held_by is not null",
)


class StoredRows:
    """Reads and saves rows in the projection tables."""

    def __init__(self, connection: DatabaseConnection) -> None:
        self._connection = connection

    def deployment(self, deployment: str) -> DeploymentRow | None:
        found = self._select(
            _parse_deployment, "select row, checksum, deployment from deployments where deployment = ?", deployment
        )
        return found[0] if found else None

    def deployments(self, stacks: Collection[str] | None, limit: int | None) -> list[DeploymentRow]:
        """Return deployments of these stacks, newest request first."""
        names, rest = sorted(stacks or ()), [] if limit is None else [limit]
        if stacks is not None and not names:
            return []
        of_stacks = f"where stack in ({', '.join('?' * len(names))})" if names else ""
        query = f"select row, checksum, deployment from deployments {of_stacks} order by position desc"  # noqa: S608 - no input in it
        return self._select(_parse_deployment, query + " limit ?" * len(rest), *names, *rest)

    def find_deployments(self, prefix: str) -> list[DeploymentRow]:
        """Return the deployments whose ids begin so, newest request first; looks at every id and no other row."""
        query = """select row, checksum, deployment from deployments where deployment in
            (select deployment from deployments where substr(deployment, 1, ?) = ?) order by position desc"""
        return self._select(_parse_deployment, query, len(prefix), prefix)

    def list_similar_ids(self, deployments: Collection[str]) -> list[str]:
        """Return the ids next to each of these; the database's order is that of texts for ids of digits and letters."""
        queries = (
            "select max(deployment) from deployments where deployment < ?",
            "select min(deployment) from deployments where deployment > ?",
        )
        pairs = product(queries, deployments)
        found = [self._connection.execute(query, (deployment,))[0][0] for query, deployment in pairs]
        return [it for it in found if it is not None]

    def newest(self) -> list[DeploymentRow]:
        """Return the newest deployment of every stack, newest first."""
        query = """select deployments.row, deployments.checksum, deployment from stacks
            join deployments on deployment = stacks.newest order by position desc"""
        return self._select(_parse_deployment, query)

    def stack(self, name: str) -> StackRow:
        """Return one stack, with its defaults if it was never deployed."""
        found = self._select_stacks("where stacks.stack = ?", name)
        return found[0] if found else StackRow(name)

    def stacks(self) -> list[StackRow]:
        """Return every stack by name."""
        return sorted(self._select_stacks(""), key=lambda row: row.stack)

    def holds(self) -> dict[str, str]:
        """Return the deployment that holds each of the held stacks; its cost does not grow with the others."""
        return dict(self._connection.execute("select stack, held_by from stacks where held_by is not null"))

    def find_rows(self, deployments: Collection[str], stacks: Collection[str]) -> MemoryRows:
        """Return those of these deployments and stacks that have a row."""
        found = MemoryRows()
        query = (
            f"select row, checksum, deployment from deployments where deployment in ({list_marks(len(deployments))})"  # noqa: S608 - no input in it
        )
        found.by_deployment = {row.deployment: row for row in self._select(_parse_deployment, query, *deployments)}
        condition = f"where stacks.stack in ({list_marks(len(stacks))})"
        found.by_stack = {row.stack: row for row in self._select_stacks(condition, *stacks)}
        return found

    def save(self, deployment: DeploymentRow, stack: StackRow) -> None:
        """Insert or replace both rows; a stack of which every request was refused has none."""
        self.save_deployments([deployment])
        self.save_stacks([stack])

    def save_deployments(self, deployments: Iterable[DeploymentRow]) -> None:
        """Insert or replace rows of deployments."""
        self._connection.insert(
            "deployments",
            [(row.position, row.deployment, row.stack, *_encode_deployment(row)) for row in deployments],
            "on conflict (position) do update set row = excluded.row, checksum = excluded.checksum",
        )

    def save_stacks(self, stacks: Iterable[StackRow]) -> None:
        """Insert or replace rows of stacks, unless every request for one was refused."""
        self._connection.insert(
            "stacks",
            [(row.stack, row.newest, row.held_by, *_encode_stack(row)) for row in stacks if row.newest is not None],
            "on conflict (stack) do update set newest = excluded.newest, held_by = excluded.held_by,"
            " row = excluded.row, checksum = excluded.checksum",
        )

    def _select_stacks(self, condition: str, *parameters: object) -> list[StackRow]:
        """Return stacks, each with the row of its newest deployment in place."""
        query = f"""select stacks.row, stacks.checksum, stacks.stack, newest, deployments.position from stacks
            left join deployments on deployment = newest {condition}"""  # noqa: S608 - no input in it
        found = self._connection.execute(query, parameters)
        for _, _, stack, newest, position in found:
            if newest and position is None:
                raise _changed_rows_error(f"the newest deployment of '{stack}'")
        return [_parse_row(_parse_stack, *row[:3]) for row in found]

    def _select(self, parse: Callable[[str], _Row], query: str, *parameters: object) -> list[_Row]:
        return [_parse_row(parse, *row) for row in self._connection.execute(query, parameters)]


class _AppendedRows(MemoryRows):
    """The rows that one append changes: all are read at once, and saved at the end.

    A stack that has no row must not have lost it, unless its stream is a new one.
    """

    def __init__(
        self, stored: StoredRows, events: Iterable[Mapping[str, Any]], require_every_stack: Callable[[str], None]
    ) -> None:
        super().__init__()
        self.new_stacks = 0
        self._stored = stored
        self._require_every_stack = require_every_stack
        self._changed: dict[str, DeploymentRow] = {}
        self._changed_stacks: dict[str, StackRow] = {}
        named = [(deployment, event["subject"]) for event in events if (deployment := deployment_id_of(event))]
        self._stacks = {stack for _, stack in named}
        if named:
            found = stored.find_rows({deployment for deployment, _ in named}, self._stacks)
            self.by_deployment, self.by_stack = found.by_deployment, found.by_stack

    def stack(self, name: str) -> StackRow:
        """Return the row of a stack; the deployment of an event may belong to another one than the event names."""
        if name not in self.by_stack:
            self.by_stack[name] = found = StackRow(name) if name in self._stacks else self._stored.stack(name)
            if found.newest is None:
                self._require_every_stack(name)
        return self.by_stack[name]

    def save(self, deployment: DeploymentRow, stack: StackRow) -> None:
        is_new = self.by_stack[stack.stack].newest is None and stack.newest is not None
        self.new_stacks += is_new
        self.by_deployment[deployment.deployment] = self._changed[deployment.deployment] = deployment
        self.by_stack[stack.stack] = self._changed_stacks[stack.stack] = stack

    def flush(self) -> None:
        """Save what has changed."""
        self._stored.save_deployments(self._changed.values())
        self._stored.save_stacks(self._changed_stacks.values())


def read_or_fold_rows(connection: DatabaseConnection) -> ProjectionRows:
    """Return the rows as of the log that this connection sees."""
    return StoredRows(connection) if _is_current(connection) else MemoryRows(read_whole_log(connection))


def update_projection(
    connection: DatabaseConnection,
    from_position: int,
    recorded: Sequence[RecordedEvent],
    new_streams: Collection[str] = (),
) -> None:
    """Bring the rows from `from_position` up to the recorded events, in the same transaction.

    `new_streams` had no events before, so that their stacks cannot have lost a row.
    """
    state = _projected_state(connection)
    if state is None or state[:2] != (FOLD_VERSION, from_position):
        rebuild_projection(connection)
        return

    def require_every_stack(stack: str) -> None:
        if stack not in new_streams:
            _require_every_stack(connection, state)

    events = [row.event for row in recorded]
    rows = _AppendedRows(StoredRows(connection), events, require_every_stack)
    for row, event in zip(recorded, events, strict=True):
        project_event(rows, event, row.position)
    rows.flush()
    counted = "update projected set position = ?, stacks = stacks + ?"
    connection.execute(counted, (from_position + len(recorded), rows.new_stacks))


def rebuild_projection(connection: DatabaseConnection) -> None:
    """Drop the rows and fold the whole log again, inside the caller's transaction."""
    for table, columns in PROJECTION_TABLES.items():
        connection.execute(f"drop table if exists {table}")
        connection.execute(f"create table {table} {columns}")
    for statement in CREATE_INDEXES:
        connection.execute(statement)
    folded, rows = MemoryRows(read_whole_log(connection)), StoredRows(connection)
    for deployment in folded.deployments(None, None):
        rows.save(deployment, folded.stack(deployment.stack))
    state = "insert into projected select ?, coalesce(max(position), 0), ? from events"
    connection.execute(state, (FOLD_VERSION, len(folded.stacks())))


def verify_rows(connection: DatabaseConnection) -> None:
    """Compare every row with a fold of the log, unless readers do not use the rows; raises LedgerError."""
    if not _is_current(connection):
        return
    folded, rows = MemoryRows(read_whole_log(connection)), StoredRows(connection)
    pairs = (
        (rows.deployments(None, None), folded.deployments(None, None)),
        (rows.stacks(), folded.stacks()),
        (rows.holds(), folded.holds()),
    )
    for found, expected in pairs:
        if found != expected:
            raise _changed_rows_error("a row")


def read_whole_log(connection: DatabaseConnection) -> Iterator[RecordedEvent]:
    """Yield every event of the snapshot."""
    read_page = partial(select_events, connection, "where position > ? order by position limit ?")
    return read_log(read_page, after=_BEFORE_EVERYTHING)


def _is_current(connection: DatabaseConnection) -> bool:
    """Whether the rows are those of the newest event; raises LedgerError where those of a stack are missing."""
    state = _projected_state(connection)
    [(newest,)] = connection.execute("select coalesce(max(position), 0) from events")
    if state is None or state[:2] != (FOLD_VERSION, newest):
        return False
    _require_every_stack(connection, state)
    return True


def _require_every_stack(connection: DatabaseConnection, state: tuple[int, int, int]) -> None:
    """Raise LedgerError unless there are as many stacks as were counted: a missing one would read as never deployed.

    There are few; the deployments, of which there may be a hundred thousand, are compared by `verify`.
    """
    if connection.execute("select count(*) from stacks") != [(state[2],)]:
        raise _changed_rows_error("the number of stacks")


def _encode_deployment(row: DeploymentRow) -> tuple[str, int]:
    """Return the text of a row, and its checksum."""
    text = json.dumps({name: getattr(row, name) for name in _DEPLOYMENT_FIELDS})
    return text, _row_checksum(row.deployment, text)


def _encode_stack(row: StackRow) -> tuple[str, int]:
    text = json.dumps({name: getattr(row, name) for name in _STACK_FIELDS})
    return text, _row_checksum(row.stack, text)


def _row_checksum(name: str, text: str) -> int:
    """A CRC: rows are damaged by accident or by hand, and its import costs `status` nothing."""
    return zlib.crc32(f"{name}\0{text}".encode())


def _changed_rows_error(what: str) -> LedgerError:
    message = f"Cannot use the ledger's rows of deployments and stacks: {what} does not agree with the events."
    return LedgerError(message, "LEDGER_ROWS_CHANGED", hint=REBUILD_HINT)


def _projected_state(connection: DatabaseConnection) -> tuple[int, int, int] | None:
    """The fold version, the position and the number of stacks; None for no projection, zeros for another form."""
    if not all(connection.has_table(table) for table in PROJECTION_TABLES):
        return None
    found = connection.execute("select * from projected")
    fold, position, stacks = found[0] if len(found) == 1 and len(found[0]) == 3 else (0, 0, 0)
    return fold, position, stacks


def _parse_row(parse: Callable[[str], _Row], text: object, checksum: int, name: str) -> _Row:
    if not isinstance(text, str) or checksum != _row_checksum(name, text):
        raise _changed_rows_error(f"the row of '{name}'")
    return parse(text)


def _parse_deployment(text: str) -> DeploymentRow:
    row = json.loads(text)
    return DeploymentRow(**row | {"state": DeploymentStatus(row["state"])})


def _parse_stack(text: str) -> StackRow:
    return StackRow(**json.loads(text))
