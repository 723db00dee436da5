"""Finds and removes entries of the queue that contradict the ledger, as a damaged database may have."""

from __future__ import annotations

from typing import NamedTuple, get_args

from semantest_iac.application.ports.run_queue import RunState
from semantest_iac.infrastructure.databases.database import DatabaseConnection


class _Check(NamedTuple):
    """A table, the condition of its entries that are at fault, which column names one, and what it is called then."""

    table: str
    condition: str
    column: str
    message: str


_NO_DEPLOYMENT = "not exists (select 1 from deployments as known where known.deployment = {table}.deployment{same})"
_CHECKS = (
    _Check(
        "runs",
        "state not in ('ended', 'checking') and "
        + _NO_DEPLOYMENT.format(table="runs", same=" and known.stack = runs.stack"),
        "deployment",
        "deployment '{name}' is queued, and the ledger has no request of it for that stack",
    ),
    _Check(
        "runs",
        f"state not in {get_args(RunState)}",
        "deployment",
        "deployment '{name}' is queued in no known state",
    ),
    _Check(
        "known_requests",
        _NO_DEPLOYMENT.format(table="known_requests", same=""),
        "deployment",
        "a request is known as deployment '{name}', which the ledger has not",
    ),
    _Check(
        "fences",
        "fence < (select max(fence) from runs where runs.stack = fences.stack)",
        "stack",
        "the count of leases of '{name}' is lower than that of its runs",
    ),
)
_RAISE_FENCES = """update fences set fence = (select max(fence) from runs where runs.stack = fences.stack)
    where fence < (select max(fence) from runs where runs.stack = fences.stack)"""


def find_queue_faults(connection: DatabaseConnection) -> list[str]:
    """Describe each entry that contradicts the ledger; none where there is no queue yet."""
    if not (connection.has_table("runs") and connection.has_table("deployments")):
        return []
    return [
        check.message.format(name=name)
        for check in _CHECKS
        for (name,) in connection.execute(f"select {check.column} from {check.table} where {check.condition}")  # noqa: S608 - no input in it
    ]


def remove_queue_faults(connection: DatabaseConnection) -> None:
    """Remove these entries; what they stood for ends with the next deployment of its stack."""
    connection.execute(_RAISE_FENCES)
    for check in _CHECKS:
        connection.execute(f"delete from {check.table} where {check.condition}")  # noqa: S608 - no input in it
