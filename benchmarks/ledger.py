"""The ledger with 100,000 events of 5,000 deployments, beside one plain SQLite table of the same texts.

The plain table has no hashes, versions, projections or threads; both write with WAL and synchronous FULL.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.timing import Action, time_in_turns
from semantest_iac.application.ports.ledger import NewEvent
from semantest_iac.application.queries.history import read_history, read_status
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger

_STACKS = [f"rest-api.aws.development.region-{number}" for number in range(20)]
_DEPLOYMENTS = 5_000
_EVENT_KINDS = [
    "deployment.requested",
    "deployment.started",
    "deployment.planned",
    "journal.step.intended",
    *["function.deployed"] * 15,
    "deployment.completed",
]
_NEWEST_100 = "select json from events order by position desc limit 100"
_ALL = "select * from events order by position"


def rows() -> list[dict[str, Any]]:
    """Measure appending, verifying, listing and rebuilding; queries without the start of a process."""
    with tempfile.TemporaryDirectory() as folder:
        ledger, plain = SqliteLedger(Path(folder, "ledger.db")), _create_plain_table(Path(folder, "plain.db"))
        with closing(ledger), closing(plain), asyncio.Runner() as runner:
            for number in range(0, _DEPLOYMENTS, 50):
                batch = [event for each in range(number, number + 50) for event in _deployment_events(each)]
                runner.run(ledger.append(_STACKS[0], None, batch))
                _insert(plain, batch)
            return _measure(ledger, plain, runner)


def _measure(ledger: SqliteLedger, plain: sqlite3.Connection, runner: asyncio.Runner) -> list[dict[str, Any]]:
    one, twenty = _deployment_events(_DEPLOYMENTS)[4:5], _deployment_events(_DEPLOYMENTS + 1)

    def append(events: Sequence[NewEvent]) -> Action:
        return lambda: runner.run(ledger.append(_STACKS[0], None, events))

    def query(text: str) -> Action:
        return lambda: plain.execute(text).fetchall()

    return [
        _row("append 1 event", append(one), "insert 1 row", lambda: _insert(plain, one), 200),
        _row("append 20 events", append(twenty), "insert 20 rows", lambda: _insert(plain, twenty), 100),
        _row("`status`", lambda: read_status(ledger), "the newest 100 rows", query(_NEWEST_100), 50),
        _row("`history`, 100", lambda: read_history(ledger, limit=100), "the newest 100 rows", query(_NEWEST_100), 50),
        _row("verify", ledger.verify, "read all rows", query(_ALL), 3),
        _row("rebuild projections", ledger.rebuild, "read all rows", query(_ALL), 3),
    ]


def _row(what: str, ours: Action, beside: str, comparison: Action, n: int) -> dict[str, Any]:
    times = time_in_turns(ours, comparison, n)
    return {
        "what": f"{what} beside: {beside}",
        "ours": times.median_a,
        "comparison": times.median_b,
        "ratio": times.ratio,
        "n": n,
    }


def _deployment_events(number: int) -> list[NewEvent]:
    """Twenty events of about 300 bytes."""
    return [_event(kind, number) for kind in _EVENT_KINDS]


def _event(kind: str, number: int) -> NewEvent:
    wire_type = f"infrastructure.{kind}"
    event = {
        "specversion": "1.0",
        "id": f"{number:036}",
        "source": "/semantest/infrastructure",
        "type": wire_type,
        "subject": _STACKS[number % len(_STACKS)],
        "time": "2026-01-01T12:00:00Z",
        "data": {"deployment_id": f"{number:036}", "step": "apply" if "step" in kind else "", "outputs": {"a": "b"}},
    }
    return NewEvent(wire_type, json.dumps(event))


def _create_plain_table(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("create table events (position integer primary key, type text, json text)")
    return connection


def _insert(connection: sqlite3.Connection, events: Sequence[NewEvent]) -> None:
    connection.execute("begin immediate")
    rows = [(event.type, event.json) for event in events]
    connection.executemany("insert into events (type, json) values (?, ?)", rows)
    connection.execute("commit")
