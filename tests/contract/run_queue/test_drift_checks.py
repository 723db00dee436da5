"""Scheduled drift checks on each database: once per period, and never beside a deployment of the stack."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from semantest_iac.application.ports.ledger import NewEvent
from semantest_iac.application.ports.run_queue import LeaseLostError, RunHolder
from semantest_iac.infrastructure.databases.database import Database
from semantest_iac.infrastructure.run_queue.run_table import require_lease
from tests.run_queues import OTHER, STACK, QueueFixture, open_database

_HOLDERS = [RunHolder(f"worker-{number}", f"host-{number}", number) for number in range(3)]


@pytest.fixture
def fixture(database: Database) -> QueueFixture:
    return QueueFixture(database)


class TestRequestedCheck:
    async def test_is_due_although_the_period_has_not_passed(self, fixture: QueueFixture) -> None:
        lease = await fixture.queue.claim_check(STACK, fixture.holder, 60, 3600)
        assert lease is not None
        await fixture.queue.end_check(lease, "no_drift")

        await fixture.queue.request_check(STACK)
        [requested] = fixture.queue.list_checks()
        again = await fixture.queue.claim_check(STACK, fixture.holder, 60, 3600)

        assert (requested.outcome, requested.checked_at) == ("requested", 0)
        assert again is not None
        assert await fixture.queue.claim_check(STACK, fixture.holder, 60, 3600) is None

    async def test_is_not_begun_twice_at_once(self, fixture: QueueFixture) -> None:
        lease = await fixture.queue.claim_check(STACK, fixture.holder, 60, 3600)
        assert lease is not None

        await fixture.queue.request_check(STACK)

        [check] = fixture.queue.list_checks()
        assert check.outcome == "running"
        assert await fixture.queue.end_check(lease, "drift")


class TestPeriod:
    async def test_has_one_check_of_each_stack_with_three_workers(self, location: str) -> None:
        databases = [open_database(location) for _ in _HOLDERS]
        queues = [QueueFixture(database).queue for database in databases]
        period_s, begun = 1.0, dict[str, list[float]]()
        end = time.monotonic() + 5 * period_s

        async def check(number: int) -> None:
            while time.monotonic() < end:
                for stack in (STACK, OTHER):
                    lease = await queues[number].claim_check(stack, _HOLDERS[number], 60, period_s)
                    if lease is not None:
                        [at] = [it.checked_at for it in queues[number].list_checks() if it.stack == stack]
                        begun.setdefault(stack, []).append(at)
                        assert await queues[number].end_check(lease, "no_drift")
                await asyncio.sleep(0.02)

        await asyncio.gather(*(check(number) for number in range(len(_HOLDERS))))
        for database in databases:
            database.close()

        assert set(begun) == {STACK, OTHER}
        for moments in begun.values():
            gaps = [later - earlier for earlier, later in pairwise(moments)]
            assert len(moments) >= 2
            assert min(gaps) >= period_s

    async def test_begins_when_a_check_does(self, fixture: QueueFixture) -> None:
        lease = await fixture.queue.claim_check(STACK, fixture.holder, 60, 3600)
        assert lease is not None
        again = [await fixture.queue.claim_check(STACK, fixture.holder, 60, 3600)]
        await fixture.queue.end_check(lease, "drift")
        again.append(await fixture.queue.claim_check(STACK, fixture.holder, 60, 3600))

        [check] = fixture.queue.list_checks()
        assert (again, check.stack, check.outcome) == ([None, None], STACK, "drift")
        assert await fixture.queue.claim_check(STACK, fixture.holder, 60, 0) is not None


class TestTurn:
    async def test_keeps_deployments_of_the_stack_waiting(self, fixture: QueueFixture) -> None:
        lease = await fixture.queue.claim_check(STACK, fixture.holder, 60, 3600)
        assert lease is not None
        await fixture.submit("d1")
        await fixture.submit("e1", OTHER)

        assert [(run.deployment, run.state) for run in fixture.queue.list_runs()] == [
            (lease.deployment, "checking"),
            ("d1", "waiting"),
            ("e1", "waiting"),
        ]
        assert (await fixture.take()).deployment == "e1"
        assert await fixture.claim() is None
        await fixture.queue.end_check(lease, "busy")
        assert (await fixture.take()).deployment == "d1"

    @pytest.mark.parametrize("is_claimed", [True, False], ids=["running", "waiting"])
    async def test_is_left_to_a_deployment(self, fixture: QueueFixture, is_claimed: bool) -> None:
        await fixture.submit("d1")
        if is_claimed:
            await fixture.take()

        assert await fixture.queue.claim_check(STACK, fixture.holder, 60, 0) is None
        assert fixture.queue.list_checks() == []

    async def test_is_not_left_to_one_that_is_planned_for_later(self, fixture: QueueFixture) -> None:
        await fixture.submit("tonight", not_before=time.time() + 3600)

        assert await fixture.queue.claim_check(STACK, fixture.holder, 60, 0) is not None

    async def test_is_folded_by_no_request(self, fixture: QueueFixture) -> None:
        lease = await fixture.queue.claim_check(STACK, fixture.holder, 60, 3600)
        receipt = await fixture.submit("d1", replaces_waiting=True)

        assert (receipt.replaced, lease and await fixture.queue.renew(lease, 60)) == ((), False)

    async def test_passes_on_when_the_worker_dies(self, fixture: QueueFixture) -> None:
        lease = await fixture.queue.claim_check(STACK, fixture.holder, 60, 3600)
        assert lease is not None
        await fixture.submit("d1")
        fixture.ended.add(fixture.holder)
        newer = RunHolder("worker-2", fixture.holder.host, 2)

        claimed = await fixture.queue.claim(newer, 60)

        [check] = fixture.queue.list_checks()
        assert (claimed and claimed.deployment, check.outcome) == ("d1", "interrupted")
        assert (await fixture.queue.renew(lease, 60), await fixture.queue.end_check(lease, "drift")) == (None, False)
        assert [run.state for run in fixture.queue.list_runs()] == ["running"]

    async def test_ends_with_its_lease(self, fixture: QueueFixture) -> None:
        lease = await fixture.queue.claim_check(STACK, _HOLDERS[0], 0.1, 3600)
        assert lease is not None
        await asyncio.sleep(0.2)

        assert await fixture.claim() is None
        with fixture.database.change("write to") as connection, pytest.raises(LeaseLostError):
            require_lease(lease, connection)

    async def test_is_not_cancelled_like_a_deployment(self, fixture: QueueFixture) -> None:
        lease = await fixture.queue.claim_check(STACK, fixture.holder, 60, 3600)
        assert lease is not None

        assert await fixture.queue.cancel(lease.deployment, NewEvent("cancelled", "")) is None
        assert await fixture.queue.renew(lease, 60) is False
