"""What every run queue guarantees of runs that wait for a person's decision, on each database."""

from __future__ import annotations

import time

import pytest

from semantest_iac.application.ports.ledger import LedgerConflictError, NewEvent
from semantest_iac.application.ports.run_queue import RunDecision
from semantest_iac.infrastructure.databases.database import Database
from tests.run_queues import QueueFixture


@pytest.fixture
def fixture(database: Database) -> QueueFixture:
    return QueueFixture(database)


class TestDeciding:
    """A run that waits for an approval is recorded as `awaiting` in the log of these tests."""

    async def _wait(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1", replaces_waiting=True)
        await fixture.record("awaiting", "d1")
        await fixture.queue.park(await fixture.take(), time.time() + 3600)

    async def test_lets_it_go_on_with_what_is_recorded(self, fixture: QueueFixture) -> None:
        await self._wait(fixture)

        assert await fixture.queue.decide(RunDecision("d1", 2, (NewEvent("approved", "d1"),)))
        assert await fixture.run_all() == ["d1"]
        assert fixture.log() == ["requested d1", "awaiting d1", "approved d1"]

    async def test_ends_it_with_what_is_recorded(self, fixture: QueueFixture) -> None:
        await self._wait(fixture)
        events = NewEvent("denied", "d1"), NewEvent("rejected", "d1")

        assert await fixture.queue.decide(RunDecision("d1", 2, events, ends=True))
        assert (await fixture.claim(), fixture.queue.list_runs()) == (None, [])
        assert fixture.log()[2:] == ["denied d1", "rejected d1"]

    async def test_does_nothing_where_something_was_recorded_meanwhile(self, fixture: QueueFixture) -> None:
        await self._wait(fixture)

        with pytest.raises(LedgerConflictError):
            await fixture.queue.decide(RunDecision("d1", 1, (NewEvent("approved", "d1"),)))
        assert (await fixture.claim(), len(fixture.log())) == (None, 2)

    async def test_does_nothing_for_unknown_and_ended_runs(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        await fixture.run_all()

        for name in ("d1", "unknown"):
            assert not await fixture.queue.decide(RunDecision(name, 1, (NewEvent("approved", name),)))
        assert fixture.log() == ["requested d1"]

    @pytest.mark.parametrize("ends", [False, True], ids=["to go on", "to end"])
    async def test_holds_for_a_run_that_is_about_to_be_parked(self, fixture: QueueFixture, *, ends: bool) -> None:
        await fixture.submit("d1")
        await fixture.record("awaiting", "d1")
        lease = await fixture.take()
        await fixture.queue.decide(RunDecision("d1", 2, (NewEvent("decided", "d1"),), ends=ends))

        assert await fixture.queue.park(lease, time.time() + 3600) is not ends
        assert await fixture.run_all() == ([] if ends else ["d1"])

    async def test_is_needless_where_a_later_request_replaces_it(self, fixture: QueueFixture) -> None:
        await self._wait(fixture)
        receipt = await fixture.submit("d2", replaces_waiting=True)

        assert (receipt.replaced, await fixture.run_all()) == (("d1",), ["d2"])
        assert fixture.log()[2:] == ["requested d2", "superseded d1 by d2"]

    async def test_is_needed_still_after_a_request_that_replaces_nothing(self, fixture: QueueFixture) -> None:
        await self._wait(fixture)

        assert (await fixture.submit("d2")).replaced == ()
        assert (await fixture.claim(), [run.state for run in fixture.queue.list_runs()]) == (
            None,
            ["parked", "waiting"],
        )

    async def test_wakes_one_that_is_about_to_be_parked_and_is_replaced(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1", replaces_waiting=True)
        await fixture.record("awaiting", "d1")
        lease = await fixture.take()
        await fixture.submit("d2", replaces_waiting=True)
        await fixture.queue.park(lease, time.time() + 3600)

        assert (await fixture.take()).deployment == "d1"

    async def test_is_not_waited_for_by_one_that_is_cancelled(self, fixture: QueueFixture) -> None:
        await self._wait(fixture)

        assert await fixture.queue.cancel("d1", NewEvent("cancelled", "d1")) == "parked"
        assert (fixture.queue.list_runs(), fixture.log()[-1]) == ([], "cancelled d1")
