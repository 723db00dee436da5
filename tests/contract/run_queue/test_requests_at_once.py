"""Requests that are submitted at once are accepted, folded and refused as if each had come after the one before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from semantest_iac.application.ports.ledger import NewEvent
from semantest_iac.application.ports.request_sources import RequestLimit, RequestRefusal, SourceOrder
from semantest_iac.application.ports.run_queue import Receipt, RunHolder, Submission
from semantest_iac.infrastructure.databases.database import Database, DatabaseConnection
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from semantest_iac.infrastructure.run_queue.run_table import TABLES, RunTable
from semantest_iac.infrastructure.run_queue.submissions import SubmittedRequest, submit_requests
from tests.fakes.memory_ledger import STACK, a_deploy, an_event
from tests.run_queues import LogTable, reject_as, supersede

_STACKS = ("one", "two", "three")
_KEPT = (
    "select stream, type, json from log",
    "select deployment, stack, state, replaces_waiting, priority, due from runs order by position",
    "select * from known_requests",
    "select stack, source, sequence, occurred_at, deployment, accepted, refused from request_sources",
)


def _choose_requests(random: Random, count: int) -> list[SubmittedRequest]:
    """Requests that repeat each other's keys, ids and stacks, come late, or come too often."""
    requests = []
    for number in range(count):
        deployment = f"d{random.randrange(count)}" if random.random() < 0.2 else f"d{number}"
        is_event = random.random() < 0.6
        refusal = RequestRefusal("REQUEST_LOOP", "a loop", "break it")
        submission = Submission(
            deployment,
            random.choice(_STACKS),
            (NewEvent("requested", deployment),),
            random.choice(("github", "gitlab")),
            f"key-{random.randrange(5)}" if random.random() < 0.3 else f"key-of-{number}",
            random.choice(("same", "same", "same", "other")),
            replaces_waiting=random.random() < 0.7,
            priority=random.randrange(2),
            not_before=random.choice((None, None, 4e9)),
            order=SourceOrder(f"{random.randrange(count):03}", float(number)) if is_event else None,
            limit=RequestLimit(4, 1e9) if is_event else None,
            refusal=refusal if is_event and random.random() < 0.1 else None,
        )
        requests.append(SubmittedRequest(submission, supersede, reject_as(f"d{number}")))
    return requests


class QueueInTransactions:
    """Submits requests in transactions of a database, and reads all that they left."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(self, *requests: SubmittedRequest) -> list[Receipt]:
        with self._database.change("write to") as connection:
            for statement in TABLES:
                connection.execute(statement)
            receipts, _ = submit_requests(connection, LogTable(), requests)
        return receipts

    def take_all(self) -> list[list[Any]]:
        """Return the rows of each table, events in the order of their stack, and empty the tables."""
        with self._database.change("write to") as connection:
            log, runs, *others = [self._read(connection, query) for query in _KEPT]
            for table in ("log", "runs", "known_requests", "request_sources"):
                connection.execute(f"delete from {table}")
        return [sorted(log, key=lambda row: row[0]), runs, *map(sorted, others)]

    @staticmethod
    def _read(connection: DatabaseConnection, query: str) -> list[Any]:
        return [tuple("" if value is None else value for value in row) for row in connection.execute(query)]


@pytest.mark.parametrize("seed", range(12))
def test_leave_what_they_leave_one_after_the_other(database: Database, seed: int) -> None:
    requests = _choose_requests(Random(seed), 40)
    queue = QueueInTransactions(database)

    receipts_of_each = [receipt for request in requests for receipt in queue.submit(request)]
    left_of_each = queue.take_all()
    receipts_at_once = queue.submit(*requests)
    left_at_once = queue.take_all()

    assert _without_reasons(receipts_at_once) == _without_reasons(receipts_of_each)
    assert left_at_once == left_of_each
    assert {bool(it.replaced) for it in receipts_at_once} == {True, False}
    assert {it.is_duplicate for it in receipts_at_once} == {True, False}


def _without_reasons(receipts: Sequence[Receipt]) -> list[tuple[object, ...]]:
    return [(it.deployment, it.is_duplicate, it.replaced, it.refusal and it.refusal.code) for it in receipts]


def _submission(deployment: str) -> Submission:
    event = a_deploy(deployment)[0]
    return Submission(deployment, STACK, (event,), "cli", deployment, "same", replaces_waiting=True)


async def test_of_one_stack_replace_each_other_before_they_are_committed(database: Database) -> None:
    """The replaced request is read where it was written; another connection does not see it yet."""
    ledger = SqlLedger(database)
    queue, replaced = RunTable(database, ledger), []

    def end(request: Any, successor: str) -> NewEvent:
        deployment = request.event["data"]["deployment_id"]
        replaced.append((deployment, successor))
        return an_event("deployment.superseded", deployment, data={"successor": successor})

    names = [f"d{number}" for number in range(8)]
    receipts = await asyncio.gather(*(queue.submit(_submission(name), end, reject_as(name)) for name in names))

    assert [it.replaced for it in receipts] == [(), *((name,) for name in names[:-1])]
    assert [(row.deployment, row.state) for row in ledger.deployments()] == [
        ("d7", "pending"),
        *((name, "superseded") for name in reversed(names[:-1])),
    ]
    assert ledger.verify().events == 15
    lease = await queue.claim(RunHolder("worker-1", "host-1", 1), 60)
    assert lease is not None and lease.deployment == "d7"
