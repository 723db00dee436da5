"""The queue and the ledger in one database: what belongs together commits together, and a lost lease writes nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from semantest_iac.application.ports.ledger import LedgerConflictError, NewEvent, RecordedEvent
from semantest_iac.application.ports.run_queue import LeaseLostError, RunHolder, Submission
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.databases.database import Database
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from semantest_iac.infrastructure.run_queue.run_table import RunTable
from tests.fakes.memory_ledger import STACK, a_deploy, an_event
from tests.run_queues import reject_as, supersede

_HOLDER = RunHolder("worker-1", "host-1", 1)


@pytest.fixture
def ledger(database: Database) -> SqlLedger:
    return SqlLedger(database)


@pytest.fixture
def queue(database: Database, ledger: SqlLedger) -> RunTable:
    return RunTable(database, ledger)


def _submission(deployment: str = "d1") -> Submission:
    return Submission(deployment, STACK, (a_deploy(deployment)[0],), "cli", deployment, "same")


class TestSubmitting:
    async def test_opens_the_deployment_in_the_same_transaction(self, queue: RunTable, ledger: SqlLedger) -> None:
        await queue.submit(_submission(), supersede, reject_as("d1"))

        assert [(row.deployment, row.state) for row in ledger.deployments()] == [("d1", "pending")]
        assert ledger.verify().events == 1

    async def test_records_neither_if_one_is_refused(
        self, database: Database, queue: RunTable, ledger: SqlLedger
    ) -> None:
        await queue.submit(_submission(), supersede, reject_as("d1"))

        class RefusingLedger(SqlLedger):
            def append_in(self, *arguments: Any) -> list[RecordedEvent]:
                super().append_in(*arguments)
                raise LedgerConflictError("another event came first")

        with pytest.raises(LedgerConflictError):
            await RunTable(database, RefusingLedger(database)).submit(_submission("d2"), supersede, reject_as("d2"))

        assert ([run.deployment for run in queue.list_runs()], ledger.head().position) == (["d1"], 1)

    async def test_leaves_both_intact_with_writers_at_once(self, queue: RunTable, ledger: SqlLedger) -> None:
        submitting = [queue.submit(_submission(f"d{number}"), supersede, reject_as("d")) for number in range(12)]
        appending = [ledger.append("other", None, [NewEvent("x", "{}")]) for _ in range(12)]

        await asyncio.gather(*submitting, *appending)

        assert (ledger.verify().events, len(queue.list_runs())) == (24, 12)


class TestHeldStacks:
    """What the ledger says is held, the queue leaves alone."""

    async def _hold(self, queue: RunTable) -> None:
        """Let d1 need an operator, and d2 wait."""
        await queue.submit(_submission(), supersede, reject_as("d1"))
        lease = await queue.claim(_HOLDER, 60)
        assert lease is not None
        needs_operator = an_event("deployment.needs_operator", "d1", data={"code": "x", "reason": "y"})
        await queue.open_ledger(lease).append(STACK, 1, [*a_deploy("d1")[1:4], needs_operator])
        await queue.end(lease)
        await queue.submit(_submission("d2"), supersede, reject_as("d2"))

    async def test_start_nothing_until_they_are_resolved(self, queue: RunTable, ledger: SqlLedger) -> None:
        await self._hold(queue)
        claimed = [await queue.claim(_HOLDER, 60), await queue.claim(_HOLDER, 60, [STACK])]
        held = [run.held_by for run in queue.list_runs()]

        await ledger.append(STACK, None, [an_event("deployment.resolved", "d1", data={"resolved_by": "anna"})])
        lease = await queue.claim(_HOLDER, 60)

        assert (claimed, held) == ([None, None], ["d1"])
        assert lease is not None and lease.deployment == "d2"
        assert [run.held_by for run in queue.list_runs()] == [None]

    async def test_do_so_whatever_became_of_the_rows(self, database: Database, queue: RunTable) -> None:
        await self._hold(queue)
        with database.change("write to") as connection:
            connection.execute("update projected set fold = 0")

        assert await queue.claim(_HOLDER, 60) is None

    async def test_are_verified_with_the_rows(self, database: Database, queue: RunTable, ledger: SqlLedger) -> None:
        await self._hold(queue)
        with database.change("write to") as connection:
            connection.execute("update stacks set held_by = null")

        with pytest.raises(LedgerError, match="does not agree with the events"):
            ledger.verify()

    async def test_reject_what_cannot_wait(self, queue: RunTable, ledger: SqlLedger) -> None:
        await self._hold(queue)
        rejected = an_event("deployment.rejected", "d2", data={"code": "STACK_HELD", "reason": "held"})

        answers = [await queue.reject_held("d2", rejected) for _ in range(2)]

        assert answers == [True, False]
        assert [row.state for row in ledger.deployments()] == ["rejected", "needs_operator"]

    async def test_reject_nothing_once_they_are_resolved(self, queue: RunTable, ledger: SqlLedger) -> None:
        await self._hold(queue)
        await ledger.append(STACK, None, [an_event("deployment.resolved", "d1", data={"resolved_by": "anna"})])
        rejected = an_event("deployment.rejected", "d2", data={"code": "STACK_HELD", "reason": "held"})

        assert not await queue.reject_held("d2", rejected)
        assert [run.deployment for run in queue.list_runs()] == ["d2"]


class TestLeases:
    async def test_write_while_they_are_held(self, queue: RunTable, ledger: SqlLedger) -> None:
        await queue.submit(_submission(), supersede, reject_as("d1"))
        lease = await queue.claim(_HOLDER, 60)
        assert lease is not None

        await queue.open_ledger(lease).append(STACK, 1, a_deploy()[1:3])

        assert ledger.head().position == 3

    async def test_write_nothing_once_another_worker_has_taken_over(self, queue: RunTable, ledger: SqlLedger) -> None:
        await queue.submit(_submission(), supersede, reject_as("d1"))
        lost = await queue.claim(_HOLDER, 0)
        await asyncio.sleep(0.01)
        lease = await queue.claim(RunHolder("worker-2", "host-2", 2), 60)
        assert lost is not None and lease is not None

        with pytest.raises(LeaseLostError, match="'d1': another worker has taken it over"):
            await queue.open_ledger(lost).append(STACK, None, a_deploy()[1:3])
        await queue.open_ledger(lease).append(STACK, 1, a_deploy()[1:3])

        assert (ledger.head().position, ledger.verify().events) == (3, 3)

    async def test_write_nothing_after_their_end(self, queue: RunTable, ledger: SqlLedger) -> None:
        await queue.submit(_submission(), supersede, reject_as("d1"))
        lease = await queue.claim(_HOLDER, 60)
        assert lease is not None
        await queue.end(lease)

        with pytest.raises(LeaseLostError):
            await queue.open_ledger(lease).append(STACK, None, a_deploy()[1:3])


_NO_REQUEST = "deployment '{}' is queued, and the ledger has no request of it for that stack"
_DAMAGES = {
    "update runs set deployment = 'd2'": _NO_REQUEST.format("d2"),
    "update runs set stack = 'rest-apj'": _NO_REQUEST.format("d1"),
    "update runs set state = 'waitinf'": "deployment 'd1' is queued in no known state",
    "update known_requests set deployment = 'd2'": "a request is known as deployment 'd2', which the ledger has not",
    "update fences set fence = 0": f"the count of leases of '{STACK}' is lower than that of its runs",
}


class TestDamage:
    async def test_is_not_found_in_a_drift_check(self, queue: RunTable, ledger: SqlLedger) -> None:
        await ledger.append(STACK, 0, a_deploy())
        lease = await queue.claim_check(STACK, _HOLDER, 60, 3600)
        found = queue.find_faults()

        assert (lease is None, found) == (False, [])

    async def test_is_not_found_in_what_was_written(self, queue: RunTable) -> None:
        assert queue.find_faults() == []

        await queue.submit(_submission(), supersede, reject_as("d1"))
        await queue.submit(_submission("d2"), supersede, reject_as("d2"))
        await queue.claim(_HOLDER, 60)

        assert queue.find_faults() == []

    @pytest.mark.parametrize(("damage", "fault"), _DAMAGES.items())
    async def test_is_found_and_removed(self, database: Database, queue: RunTable, damage: str, fault: str) -> None:
        await queue.submit(_submission(), supersede, reject_as("d1"))
        await queue.claim(_HOLDER, 60)
        await database.commit("change", lambda connection: connection.execute(damage))

        found = queue.find_faults()
        await queue.remove_faults()

        assert (found, queue.find_faults()) == ([fault], [])
        assert await queue.submit(_submission("d3"), supersede, reject_as("d3"))
