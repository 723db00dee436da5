"""No statement of the queue and the ledger reads more rows the more deployments have ended."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from semantest_iac.application.ports.ledger import NewEvent, RecordedEvent
from semantest_iac.application.ports.run_queue import RunHolder, Submission
from semantest_iac.infrastructure.databases.database import Row, list_marks
from semantest_iac.infrastructure.databases.sqlite import SqliteConnection, SqliteDatabase
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from semantest_iac.infrastructure.run_queue.run_table import RunTable
from tests.fakes.memory_ledger import STACK, a_deploy
from tests.run_queues import reject_as

_SMALL_TABLES = ("stacks", "projected", "sqlite_master", "links", "given")  # as many rows as stacks, or fewer
_HOLDER = RunHolder("worker", "host", 1)
_PLANNED = ("select", "insert", "update", "delete", "with")


class _ExplainedConnection(SqliteConnection):
    """Notes each statement that reads a whole table, which grows with each deployment, and how."""

    scans: list[str]

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]:
        self._explain(statement, parameters)
        return super().execute(statement, parameters)

    def insert(self, table: str, rows: Sequence[Row], on_conflict: str = "") -> None:
        for row in rows[:1]:
            self._explain(f"insert into {table} values ({list_marks(len(row))}) {on_conflict}", row)
        super().insert(table, rows, on_conflict)

    def _explain(self, statement: str, parameters: Sequence[object]) -> None:
        if statement.startswith(_PLANNED):
            plan = [str(row[3]) for row in super().execute(f"explain query plan {statement}", parameters)]
            scanned = [step for step in plan if step.startswith("SCAN") and not _is_bounded(step, statement)]
            self.scans.extend(f"{step}: {' '.join(statement.split())}" for step in scanned)


class _ExplainedDatabase(SqliteDatabase):
    """A file whose statements are explained."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.scans: list[str] = []

    def _wrap(self, connection: sqlite3.Connection) -> SqliteConnection:
        explained = _ExplainedConnection(connection, self.path, time.time)
        explained.scans = self.scans
        return explained


def _is_bounded(step: str, statement: str) -> bool:
    """Whether a scan ends soon: of a small table, of the unended runs, or in the order of an index up to a limit."""
    is_small = step.split()[1] in _SMALL_TABLES or "CONSTANT" in step or step.endswith("USING INDEX unended_runs")
    return is_small or ("limit" in statement and "order by position desc" in statement)


def _submission(name: str) -> Submission:
    return Submission(name, STACK, (a_deploy(name)[0],), "cli", name, "same", replaces_waiting=True)


def _supersede(replaced: RecordedEvent, successor: str) -> NewEvent:
    return NewEvent("infrastructure.deployment.superseded", "{}")


async def _use_queue(queue: RunTable) -> None:
    await queue.submit(_submission("d2"), _supersede, reject_as("d2"))
    queue.list_runs()
    queue.list_runs([STACK])
    lease = await queue.claim(_HOLDER, 60)
    assert lease is not None
    await queue.open_ledger(lease).append(STACK, None, a_deploy("d2")[1:3])
    await queue.renew(lease, 60)
    assert await queue.claim(_HOLDER, 60, [STACK]) is None
    await queue.end(lease)


def _read(ledger: SqlLedger) -> None:
    ledger.deployment("d2")
    ledger.deployments([STACK], 5)
    ledger.deployments(limit=5)
    ledger.newest()
    ledger.stack(STACK)
    ledger.stacks()
    ledger.newest_event(STACK)
    ledger.find_events(["d2"])
    ledger.find_correlated("d2", STACK)


async def test_no_statement_reads_all_runs_or_events(tmp_path: Path) -> None:
    database = _ExplainedDatabase(tmp_path / "ledger.db")
    ledger = SqlLedger(database)
    queue = RunTable(database, ledger)
    for name in ("d0", "d1"):
        await queue.submit(_submission(name), _supersede, reject_as(name))
    database.scans.clear()  # the first ones have made the tables

    await _use_queue(queue)
    _read(ledger)
    database.close()

    assert database.scans == []
