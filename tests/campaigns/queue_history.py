"""Writes down every change of the queue in its own transaction, beside the newest event of the ledger at that time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from semantest_iac.infrastructure.databases.database import Database
from semantest_iac.infrastructure.databases.postgresql import PostgresqlDatabase
from semantest_iac.infrastructure.run_queue.run_table import TABLES

_COLUMNS = (
    "position, deployment, stack, state, state_before, priority, due, replaces_waiting, attempts, fence,"
    " fence_before, worker, is_cancelled"
)
_NEW_VALUES = (
    "new.position, new.deployment, new.stack, new.state, {before}, new.priority, {due}, new.replaces_waiting,"
    " new.attempts, new.fence, {fence_before}, new.worker, new.is_cancelled"
)
_EVENTS: Final = "(select coalesce(max(position), 0) from events)"
_HISTORY = """create table if not exists queue_history (
    number {key}, position integer, deployment text, stack text, state text, state_before text, priority integer,
    due double precision, replaces_waiting integer, attempts integer, fence integer, fence_before integer,
    worker text, is_cancelled integer, events integer)"""
_CHANGED = "old.state <> new.state or old.fence <> new.fence or old.is_cancelled <> new.is_cancelled"
_INSERT = f"insert into queue_history ({_COLUMNS}, events) select {_NEW_VALUES}, {_EVENTS};"
_ADDED = _INSERT.format(before="''", due="new.due", fence_before="new.fence")
# A claim empties the time: what is written down is the one that was due.
_UPDATED = _INSERT.format(before="old.state", due="old.due", fence_before="old.fence")


@dataclass(frozen=True, slots=True)
class QueueChange:
    """One change of one run; `events` is the position of the newest event before the change."""

    number: int
    position: int
    deployment: str
    stack: str
    state: str
    state_before: str
    priority: int
    due: float | None
    replaces_waiting: int
    attempts: int
    fence: int
    fence_before: int
    worker: str | None
    is_cancelled: int
    events: int

    @property
    def is_claim(self) -> bool:
        """Whether a worker has got a lease with it."""
        return self.fence != self.fence_before


def write_queue_history(database: Database) -> None:
    """Write down every change from now on."""
    with database.change("write to") as connection:
        for statement in TABLES:
            connection.execute(statement)
        is_postgresql = isinstance(database, PostgresqlDatabase)
        connection.execute(_HISTORY.format(key="bigserial primary key" if is_postgresql else "integer primary key"))
        for statement in _POSTGRESQL_TRIGGERS if is_postgresql else _SQLITE_TRIGGERS:
            connection.execute(statement)


def read_queue_history(database: Database) -> list[QueueChange]:
    """Return every change in its order."""
    with database.read("read") as connection:
        assert connection is not None
        rows = connection.execute(f"select number, {_COLUMNS}, events from queue_history order by number")
    return [QueueChange(*row) for row in rows]


_SQLITE_TRIGGERS = (
    f"create trigger run_added after insert on runs begin {_ADDED} end",
    f"create trigger run_updated after update on runs when {_CHANGED} begin {_UPDATED} end",
)
_POSTGRESQL_TRIGGERS = (
    f"create function note_added() returns trigger language plpgsql as $$ begin {_ADDED} return null; end $$",
    f"create function note_updated() returns trigger language plpgsql as $$ begin {_UPDATED} return null; end $$",
    "create trigger run_added after insert on runs for each row execute function note_added()",
    f"create trigger run_updated after update on runs for each row when ({_CHANGED}) execute function note_updated()",
)
