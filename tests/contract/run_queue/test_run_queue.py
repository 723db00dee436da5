"""What every run queue guarantees, on each database."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.ports.ledger import NewEvent, RecordedEvent
from semantest_iac.application.ports.request_sources import RequestLimit, RequestRefusal, SourceOrder
from semantest_iac.application.ports.run_queue import RunHolder
from semantest_iac.infrastructure.databases.database import Database
from semantest_iac.infrastructure.run_queue.run_table import RunTable
from tests.run_queues import OTHER, STACK, LogTable, QueueFixture, open_database

_PROCESS = [sys.executable, "-m", "tests.contract.run_queue.queue_process"]


@pytest.fixture
def fixture(database: Database) -> QueueFixture:
    return QueueFixture(database)


class TestSubmitting:
    async def test_records_the_request_and_its_place(self, fixture: QueueFixture) -> None:
        receipt = await fixture.submit("d1")

        [run] = fixture.queue.list_runs()
        assert (receipt.deployment, receipt.is_duplicate, receipt.replaced) == ("d1", False, ())
        assert (run.deployment, run.stack, run.state, run.attempts) == ("d1", STACK, "waiting", 0)
        assert fixture.log() == ["requested d1"]

    async def test_answers_a_repeated_request_with_the_first_deployment(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1", key="e1")

        again = await fixture.submit("d2", key="e1")

        assert (again.deployment, again.is_duplicate) == ("d1", True)
        assert fixture.log() == ["requested d1"]

    async def test_knows_a_request_that_ended_long_ago(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1", key="e1")
        await fixture.run_all()

        assert (await fixture.submit("d2", key="e1")).is_duplicate

    async def test_keeps_the_keys_of_sources_apart(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1", key="e1", source="a")

        assert not (await fixture.submit("d2", key="e1", source="b")).is_duplicate

    async def test_refuses_another_request_with_the_same_key(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1", key="e1")

        receipt = await fixture.submit("d2", key="e1", digest="other")

        assert receipt.refusal is not None
        assert (receipt.deployment, receipt.refusal.code, receipt.refusal.deployment) == (
            "d2-refused",
            "REQUEST_CONFLICT",
            "d1",
        )
        assert fixture.log() == ["requested d1", "rejected d2 REQUEST_CONFLICT"]

    async def test_refuses_the_deployment_id_of_another_request(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1", key="e1")

        receipt = await fixture.submit("d1", key="e2")

        assert (receipt.refusal and receipt.refusal.code) == "REQUEST_CONFLICT"
        assert [run.deployment for run in fixture.queue.list_runs()] == ["d1"]

    async def test_records_nothing_if_its_event_cannot_be_recorded(self, fixture: QueueFixture) -> None:
        await fixture.submit("d0")

        class FullTable(LogTable):
            def append_in(self, *arguments: Any) -> list[RecordedEvent]:
                raise RuntimeError("no more events")

        fixture.queue = RunTable(fixture.database, FullTable())
        with pytest.raises(RuntimeError, match="no more events"):
            await fixture.submit("d1")

        assert [run.deployment for run in fixture.queue.list_runs()] == ["d0"]

    async def test_starts_on_an_empty_database_from_two_processes(self, location: str) -> None:
        processes = [_start("submit", location, str(number), "5") for number in range(2)]

        answers = [json.loads(process.communicate(timeout=60)[0]) for process in processes]

        assert [len(receipts) for receipts in answers] == [5, 5]

    async def test_accepts_a_request_once_whoever_sends_it(self, location: str, fixture: QueueFixture) -> None:
        processes = [_start("repeat", location, str(number), "13") for number in range(8)]

        receipts = [json.loads(process.communicate(timeout=60)[0]) for process in processes]

        accepted = [receipt for part in receipts for receipt in part if not receipt["is_duplicate"]]
        assert (len(accepted), sum(map(len, receipts))) == (1, 104)
        assert fixture.log() == [f"requested {accepted[0]['deployment']}"]


class TestHeldStacks:
    async def test_do_not_stop_the_runs_of_others(self, fixture: QueueFixture) -> None:
        for number in range(3):
            await fixture.submit(f"d{number}", priority=9)
        await fixture.submit("e1", OTHER)
        await fixture.hold(STACK)

        assert await fixture.run_all() == ["e1"]
        assert [(run.deployment, run.held_by) for run in fixture.queue.list_runs()] == [
            (f"d{number}", "d0") for number in range(3)
        ]

    async def test_let_a_run_end_that_has_begun(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        lease = await fixture.take()
        await fixture.hold(STACK)
        await fixture.queue.retry(lease, at=0)

        assert (await fixture.take()).deployment == "d1"

    async def test_may_be_many(self, fixture: QueueFixture) -> None:
        for number in range(40):
            await fixture.submit(f"d{number}", f"stack-{number}")
            await fixture.hold(f"stack-{number}")
        await fixture.submit("e1", OTHER)

        assert await fixture.run_all() == ["e1"]


class TestRefusing:
    async def test_lets_no_older_request_of_a_source_overtake(self, fixture: QueueFixture) -> None:
        for name, sequence in (("d2", "2"), ("d1", "1"), ("d3", "3")):
            await fixture.submit(name, source="git", order=SourceOrder(sequence))

        assert fixture.log() == ["requested d2", "rejected d1 STALE_REQUEST", "requested d3"]
        assert await fixture.run_all() == ["d2", "d3"]

    async def test_keeps_the_order_of_each_source_and_stack(self, fixture: QueueFixture) -> None:
        await fixture.submit("d2", source="git", order=SourceOrder("2"))

        receipts = [
            await fixture.submit("d1", source="other", order=SourceOrder("1")),
            await fixture.submit("e1", OTHER, source="git", order=SourceOrder("1")),
        ]

        assert [receipt.refusal for receipt in receipts] == [None, None]

    async def test_compares_times_by_its_own_clock(self, fixture: QueueFixture) -> None:
        now = time.time()
        refusals = []
        for name, seconds in (("d1", 3600.0), ("d2", -3.0), ("d3", -60.0)):
            receipt = await fixture.submit(name, source="git", order=SourceOrder(None, now + seconds))
            refusals.append(receipt.refusal and receipt.refusal.code)

        assert refusals == [None, None, "STALE_REQUEST"]

    async def test_limits_the_rate_of_a_source(self, fixture: QueueFixture) -> None:
        limit = RequestLimit(2, 3600)
        receipts = [await fixture.submit(f"d{number}", source="git", limit=limit) for number in range(6)]

        assert [receipt.refusal and receipt.refusal.code for receipt in receipts] == [None] * 2 + ["RATE_LIMITED"] * 4
        assert fixture.log() == [
            "requested d0",
            "requested d1",
            "rejected d2 RATE_LIMITED",
            "rejected d3 RATE_LIMITED",
        ]  # further answers are not recorded
        assert (await fixture.submit("e0", source="other", limit=limit)).refusal is None

    async def test_accepts_a_limited_request_when_the_time_has_passed(self, fixture: QueueFixture) -> None:
        limit = RequestLimit(1, 0.5)
        await fixture.submit("d1", source="git", limit=limit)
        refused = await fixture.submit("d2", source="git", limit=limit)
        await asyncio.sleep(0.6)

        receipt = await fixture.submit("d2", source="git", limit=limit)

        assert (refused.refusal is None, receipt.refusal, receipt.is_duplicate) == (False, None, False)

    async def test_answers_a_refused_request_once(self, fixture: QueueFixture) -> None:
        refusal = RequestRefusal("REQUEST_LOOP", "a loop", "break it")
        first = await fixture.submit("d1", refusal=refusal)

        again = await fixture.submit("d1", refusal=refusal)

        assert (first.deployment, first.refusal) == ("d1-refused", refusal)
        assert (again.deployment, again.is_duplicate) == ("d1-refused", True)
        assert fixture.log() == ["rejected d1 REQUEST_LOOP"]

    async def test_knows_a_duplicate_before_anything_else(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1", source="git", order=SourceOrder("1"))
        await fixture.submit("d2", source="git", order=SourceOrder("2"))

        again = await fixture.submit("d1", source="git", order=SourceOrder("1"), refusal=RequestRefusal("X", "", ""))

        assert (again.deployment, again.is_duplicate, again.refusal) == ("d1", True, None)

    async def test_replaces_nothing_with_a_refused_request(self, fixture: QueueFixture) -> None:
        await fixture.submit("d2", source="git", order=SourceOrder("2"), replaces_waiting=True)
        await fixture.submit("d1", source="git", order=SourceOrder("1"), replaces_waiting=True)

        assert await fixture.run_all() == ["d2"]


class TestReplacing:
    async def test_ends_what_waits_with_the_name_of_its_successor(self, fixture: QueueFixture) -> None:
        await fixture.submit("running", replaces_waiting=True)
        lease = await fixture.take()
        for number in range(9):
            await fixture.submit(f"d{number}", replaces_waiting=True)

        receipt = await fixture.submit("d9", replaces_waiting=True)

        assert receipt.replaced == ("d8",)
        await fixture.queue.end(lease)
        assert await fixture.run_all() == ["d9"]
        assert [line for line in fixture.log() if line.startswith("superseded")] == [
            f"superseded d{number} by d{number + 1}" for number in range(9)
        ]

    async def test_leaves_requests_of_other_kinds_and_stacks(self, fixture: QueueFixture) -> None:
        await fixture.submit("scale")
        await fixture.submit("deploy", replaces_waiting=True)
        await fixture.submit("elsewhere", OTHER, replaces_waiting=True)
        await fixture.submit("again", replaces_waiting=True)

        assert await fixture.run_all() == ["scale", "elsewhere", "again"]

    async def test_leaves_what_was_started_once(self, fixture: QueueFixture) -> None:
        await fixture.submit("parked", replaces_waiting=True)
        await fixture.queue.park(await fixture.take(), None)

        assert (await fixture.submit("new", replaces_waiting=True)).replaced == ()

    async def test_leaves_what_is_planned_for_later(self, fixture: QueueFixture) -> None:
        await fixture.submit("tonight", replaces_waiting=True, not_before=time.time() + 3600)
        await fixture.submit("now", replaces_waiting=True)

        assert [run.deployment for run in fixture.queue.list_runs()] == ["tonight", "now"]
        assert await fixture.run_all() == ["now"]


class TestClaiming:
    async def test_gives_one_run_of_a_stack_at_a_time_in_order(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        await fixture.submit("d2")
        await fixture.submit("e1", OTHER)

        first, second = await fixture.take(), await fixture.take()

        assert (first.deployment, second.deployment, await fixture.claim()) == ("d1", "e1", None)
        await fixture.queue.end(first)
        assert (await fixture.take()).deployment == "d2"

    async def test_prefers_the_higher_priority_within_a_stack(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        await fixture.submit("d2", priority=5)

        assert await fixture.run_all() == ["d2", "d1"]

    async def test_waits_for_the_time_of_a_request_without_holding_up_others(self, fixture: QueueFixture) -> None:
        await fixture.submit("later", not_before=time.time() + 3600)
        await fixture.submit("soon", not_before=time.time() - 1)
        await fixture.submit("now")

        assert await fixture.run_all() == ["soon", "now"]

    async def test_takes_over_a_run_whose_lease_ended_and_refuses_its_first_holder(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        lost = await fixture.take(2.0)
        assert await fixture.claim() is None
        await asyncio.sleep(2.1)

        lease = await fixture.take()

        assert (lease.deployment, lease.fence, lease.attempts) == ("d1", lost.fence + 1, 2)
        assert (await fixture.queue.renew(lost, 60), await fixture.queue.end(lost)) == (None, False)
        assert (await fixture.queue.park(lost, None), await fixture.queue.retry(lost, 0)) == (False, False)
        assert await fixture.queue.renew(lease, 60) is False

    async def test_takes_over_at_once_from_a_process_of_its_host_that_is_gone(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        await fixture.submit("d2", OTHER)
        gone = await fixture.take()
        await fixture.queue.claim(RunHolder("worker-2", "host-2", 2), 60)
        assert await fixture.claim() is None

        fixture.ended = fixture.ended | {fixture.holder, RunHolder("worker-2", "host-2", 2)}
        fixture.queue = RunTable(fixture.database, LogTable(), fixture.ended.__contains__)
        lease = await fixture.take()

        assert (lease.deployment, lease.attempts, lease.fence) == (gone.deployment, 2, gone.fence + 1)
        assert await fixture.queue.renew(gone, 60) is None

    async def test_leaves_a_renewed_lease(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        lease = await fixture.take(0.2)
        await fixture.queue.renew(lease, 60)
        await asyncio.sleep(0.3)

        assert await fixture.claim() is None

    async def test_tells_who_holds_a_run(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        await fixture.take()

        [run] = fixture.queue.list_runs([STACK])

        assert (run.state, run.holder) == ("running", RunHolder("worker-1", "host-1", 1))
        assert fixture.queue.list_runs([OTHER]) == []

    async def test_raises_the_fence_of_a_stack_with_each_run(self, fixture: QueueFixture) -> None:
        fences = []
        for name in ("d1", "d2", "d3"):
            await fixture.submit(name)
            lease = await fixture.take()
            await fixture.queue.end(lease)
            fences.append(lease.fence)

        assert fences == [1, 2, 3]


class TestParking:
    async def test_keeps_the_stack_until_it_is_woken(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        await fixture.submit("d2")
        await fixture.queue.park(await fixture.take(), None)
        assert await fixture.claim() is None

        assert (await fixture.queue.wake("d1"), await fixture.queue.wake("d2")) == (True, False)

        assert await fixture.run_all() == ["d1", "d2"]

    async def test_goes_on_at_its_time(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        await fixture.queue.park(await fixture.take(), time.time() + 3600)
        assert await fixture.claim() is None
        await fixture.queue.wake("d1")
        await fixture.queue.park(await fixture.take(), time.time() - 1)

        assert await fixture.run_all() == ["d1"]

    async def test_lasts_over_restarts_for_a_week_unless_another_process_wakes_it(
        self, location: str, fixture: QueueFixture
    ) -> None:
        await fixture.submit("d1")
        await fixture.queue.park(await fixture.take(), time.time() + 7 * 86400)
        for _ in range(2):
            restarted = QueueFixture(open_database(location))
            assert await restarted.claim() is None
            restarted.database.close()

        woken = json.loads(_start("wake", location, "d1", "1").communicate(timeout=60)[0])

        lease = await fixture.take()
        assert (woken, lease.deployment, lease.attempts, lease.is_cancelled) == (True, "d1", 1, False)

    async def test_says_whether_its_time_has_come_or_it_was_woken(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        first = await fixture.take()
        await fixture.queue.park(first, time.time() - 1)
        due = await fixture.take()
        await fixture.queue.park(due, time.time() + 3600)
        await fixture.queue.wake("d1")

        assert [lease.is_due for lease in (first, due, await fixture.take())] == [False, True, False]

    @pytest.mark.parametrize("until", [None, 4e9], ids=["for ever", "until a time"])
    async def test_is_none_for_a_run_that_was_woken_before_it_was_parked(
        self, fixture: QueueFixture, until: float | None
    ) -> None:
        await fixture.submit("d1")
        lease = await fixture.take()

        assert (await fixture.queue.wake("d1"), await fixture.claim()) == (True, None)
        await fixture.queue.park(lease, until)

        assert await fixture.run_all() == ["d1"]

    async def test_is_no_attempt(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        for _ in range(3):
            await fixture.queue.park(await fixture.take(), None)
            await fixture.queue.wake("d1")

        assert (await fixture.take()).attempts == 1

    async def test_retries_before_later_requests(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        await fixture.submit("d2", priority=9)
        lease = await fixture.take()
        await fixture.queue.retry(lease, time.time() + 3600)
        assert (lease.deployment, await fixture.claim()) == ("d2", None)


class TestCancelling:
    async def test_ends_what_was_not_started(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")

        asked = await fixture.queue.cancel("d1", NewEvent("cancelled", "d1"))

        assert (asked, fixture.queue.list_runs()) == ("waiting", [])
        assert fixture.log() == ["requested d1", "cancelled d1"]

    async def test_is_seen_by_the_holder_with_its_next_renewal(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        await fixture.submit("d2")
        lease = await fixture.take()

        asked = await fixture.queue.cancel("d1", NewEvent("cancelled", "d1"))

        assert (asked, await fixture.queue.renew(lease, 60), await fixture.claim()) == ("running", True, None)
        assert fixture.log() == ["requested d1", "requested d2"]

    async def test_lets_a_parked_run_end_itself(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        await fixture.queue.park(await fixture.take(), None)

        asked = await fixture.queue.cancel("d1", NewEvent("cancelled", "d1"))

        assert (asked, (await fixture.take()).is_cancelled) == ("parked", True)

    async def test_does_nothing_for_unknown_and_ended_runs(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        await fixture.run_all()

        for name in ("d1", "unknown"):
            assert await fixture.queue.cancel(name, NewEvent("cancelled", name)) is None


def _start(task: str, location: str, *arguments: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[3]
    return subprocess.Popen([*_PROCESS, task, location, *arguments], stdout=subprocess.PIPE, text=True, cwd=root)
