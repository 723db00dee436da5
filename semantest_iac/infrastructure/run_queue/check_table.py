"""Keeps the scheduled drift checks: a check is a row of the queue as long as it runs, and leaves when it was here."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

from semantest_iac.application.ports.run_queue import CheckOutcome, DriftCheck, RunHolder, RunLease
from semantest_iac.infrastructure.databases.database import DatabaseConnection

CHECK_TABLES = (
    """create table if not exists drift_checks (
        stack text primary key, checked_at double precision not null, outcome text not null, run text not null
    )""",
)


def insert_check(connection: DatabaseConnection, stack: str, holder: RunHolder, lease_s: float, fence: int) -> RunLease:
    """Begin a check of a stack that is due; its fence is taken already."""
    now, check = connection.read_clock(), str(uuid4())
    connection.execute(
        "insert into drift_checks (stack, checked_at, outcome, run) values (?, ?, 'running', ?)"
        " on conflict (stack) do update set checked_at = excluded.checked_at, outcome = 'running', run = excluded.run",
        (stack, now, check),
    )
    connection.execute(
        "insert into runs (position, deployment, stack, state, replaces_waiting, priority, attempts, fence, lease_end,"
        " worker, host, pid, is_cancelled)"
        " select coalesce(max(position), 0) + 1, ?, ?, 'checking', 0, 0, 1, ?, ?, ?, ?, ?, 0 from runs",
        (check, stack, fence, now + lease_s, holder.worker, holder.host, holder.pid),
    )
    return RunLease(check, stack, fence, 1)


def request_check(connection: DatabaseConnection, stack: str) -> None:
    """Note that a stack is due whenever it was checked last."""
    connection.execute(
        "insert into drift_checks (stack, checked_at, outcome, run) values (?, 0, 'requested', '')"
        " on conflict (stack) do update set checked_at = 0, outcome = 'requested', run = ''"
        " where drift_checks.outcome <> 'running'",
        (stack,),
    )
    connection.notify_watches()


def is_check_due(connection: DatabaseConnection, stack: str, period_s: float) -> bool:
    """Whether the newest check is old enough, and no deployment of the stack is carried out or waits."""
    now = connection.read_clock()
    recent = connection.execute(
        "select 1 from drift_checks where stack = ? and checked_at > ?", (stack, now - period_s)
    )
    return not recent and not connection.execute(
        "select 1 from runs where stack = ? and state <> 'ended' and (state <> 'waiting' or due is null or due <= ?)",
        (stack, now),
    )


def delete_check(connection: DatabaseConnection, lease: RunLease, outcome: CheckOutcome) -> bool:
    """Take a check out of the queue, if its lease is held, and keep its outcome."""
    held = connection.execute(
        "delete from runs where deployment = ? and fence = ? and state = 'checking' returning deployment",
        (lease.deployment, lease.fence),
    )
    if held:
        _keep_outcome(connection, lease.deployment, outcome)
        connection.notify_watches()  # the stack is free
    return bool(held)


def delete_abandoned_checks(connection: DatabaseConnection, checks: Iterable[str]) -> None:
    """Take checks out of the queue whose workers are gone; each stack is checked again in the next period."""
    for check in checks:
        connection.execute("delete from runs where deployment = ? and state = 'checking'", (check,))
        _keep_outcome(connection, check, "interrupted")


def read_checks(connection: DatabaseConnection) -> list[DriftCheck]:
    """Return the newest check of each stack."""
    if not connection.has_table("drift_checks"):
        return []
    rows = connection.execute("select stack, checked_at, outcome from drift_checks order by stack")
    return [DriftCheck(*row) for row in rows]


def _keep_outcome(connection: DatabaseConnection, check: str, outcome: CheckOutcome) -> None:
    connection.execute("update drift_checks set outcome = ? where run = ?", (outcome, check))
