"""A worker on each database: who loses a lease stops, who ends leaves the stack."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from contextlib import suppress

import pytest

from semantest_iac.application import worker
from semantest_iac.application.ports.ledger import LedgerBusyError, NewEvent
from semantest_iac.application.ports.run_queue import RunHolder, RunLease
from semantest_iac.application.worker import Advance, Done, Park, Retry, Worker
from semantest_iac.domain.errors import StorageError
from semantest_iac.infrastructure.databases.database import Database
from tests.contract.run_queue.queue_process import LEASE_S
from tests.frozen_processes import freeze_process
from tests.run_queues import OTHER, STACK, QueueFixture, open_database


@pytest.fixture
def fixture(database: Database) -> QueueFixture:
    return QueueFixture(database)


def _worker(fixture: QueueFixture, advance: Advance, lease_s: float = 60.0) -> Worker:
    return Worker(fixture.queue, advance, fixture.holder, lease_s=lease_s)


class TestWorker:
    async def test_carries_on_each_run_once_in_order(self, fixture: QueueFixture) -> None:
        for name in ("d1", "d2"):
            await fixture.submit(name)
        await fixture.submit("e1", OTHER)
        order: list[str] = []

        async def advance(lease: RunLease) -> Done:
            order.append(lease.deployment)
            return Done()

        await _worker(fixture, advance).run_until_idle([STACK])

        assert order == ["d1", "d2"]
        assert [run.deployment for run in fixture.queue.list_runs()] == ["e1"]
        assert await _worker(fixture, advance).run_next([]) is None

    async def test_keeps_a_long_run_by_renewing_its_lease(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        taken: list[object] = []

        async def advance(lease: RunLease) -> Done:
            time.sleep(5.2)  # noqa: ASYNC251 - the event loop is busy for longer than the lease
            await asyncio.sleep(0.2)
            taken.append(await fixture.claim())
            return Done()

        await _worker(fixture, advance, lease_s=5.0).run_next()

        assert (taken, fixture.queue.list_runs()) == ([None], [])

    async def test_is_stopped_when_another_one_took_over(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        stopped: list[str] = []

        async def advance(lease: RunLease) -> Done:
            with fixture.database.change("write to") as connection:  # as after a pause of this process
                connection.execute("update runs set lease_end = 0")
            await fixture.queue.claim(RunHolder("worker-2", "host-2", 2), 60)
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                stopped.append(lease.deployment)
                raise
            return Done()

        await _worker(fixture, advance, lease_s=0.6).run_next()

        [run] = fixture.queue.list_runs()
        assert (stopped, run.state, run.holder and run.holder.worker) == (["d1"], "running", "worker-2")

    async def test_tells_when_a_run_does_not_stop_after_its_lease(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        may_end, begun = asyncio.Event(), asyncio.Event()

        async def advance(lease: RunLease) -> Done:
            begun.set()
            while not may_end.is_set():
                with suppress(asyncio.CancelledError):
                    await may_end.wait()
            return Done()

        worker = _worker(fixture, advance, lease_s=0.6)
        working = asyncio.create_task(worker.run_next())
        await begun.wait()
        before = worker.has_overdue_lease
        with fixture.database.change("write to") as connection:
            connection.execute("update runs set lease_end = 0")
        await fixture.queue.claim(RunHolder("worker-2", "host-2", 2), 60)
        async with asyncio.timeout(60):
            while not worker.has_overdue_lease:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        may_end.set()
        await working

        assert (before, worker.has_overdue_lease) == (False, False)

    async def test_is_stopped_while_the_database_does_not_answer(
        self, fixture: QueueFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await fixture.submit("d1")

        async def fail(*_: object) -> None:
            raise OSError("no connection")

        async def advance(lease: RunLease) -> Done:
            monkeypatch.setattr(fixture.queue, "renew", fail)
            await asyncio.sleep(30)
            return Done()

        begun = time.monotonic()
        await _worker(fixture, advance, lease_s=0.6).run_next()

        assert time.monotonic() - begun < 20

    @pytest.mark.parametrize("blocks_loop", [True, False])
    async def test_ends_its_process_where_a_run_goes_on_after_its_lease(
        self, fixture: QueueFixture, monkeypatch: pytest.MonkeyPatch, blocks_loop: bool
    ) -> None:
        await fixture.submit("d1")
        is_stuck = threading.Event()

        async def fail(*_: object) -> None:
            raise OSError("no connection")

        async def advance(lease: RunLease) -> Done:
            monkeypatch.setattr(fixture.queue, "renew", fail)
            if blocks_loop:
                assert is_stuck.wait(60)
            else:
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(60)
                await asyncio.to_thread(is_stuck.wait, 60)
            return Done()

        worker = Worker(fixture.queue, advance, fixture.holder, lease_s=0.6, on_stuck=is_stuck.set)
        await worker.run_next()

        assert is_stuck.is_set()

    async def test_cancels_a_run_that_is_to_end_and_frees_its_stack(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        stopped: list[str] = []

        async def advance(lease: RunLease) -> Done:
            await fixture.queue.cancel("d1", NewEvent("cancelled", "d1"))
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(30)
            stopped.append(lease.deployment)
            return Done()

        await _worker(fixture, advance, lease_s=6.0).run_next()

        assert (stopped, fixture.queue.list_runs()) == (["d1"], [])

    async def test_is_woken_by_what_other_processes_queue_and_free(
        self, location: str, fixture: QueueFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(worker, "LONGEST_QUEUE_PAUSE_S", 3600.0)  # so that only changes wake it
        other = QueueFixture(open_database(location), RunHolder("worker-2", "host-2", 2))
        await other.submit("d1")
        held = await other.take()
        done, stopped = [asyncio.Event(), asyncio.Event()], asyncio.Event()

        async def advance(lease: RunLease) -> Done:
            done[0 if lease.deployment == "d2" else 1].set()
            return Done()

        watched = Worker(fixture.queue, advance, fixture.holder, lease_s=60, open_watch=fixture.database.watch)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(watched.serve(1, stopped))
            await asyncio.sleep(0.3)
            await other.submit("e1", OTHER)
            await done[1].wait()
            await other.submit("d2")
            await other.queue.end(held)
            await done[0].wait()
            stopped.set()
        other.database.close()

        assert fixture.queue.list_runs() == []

    async def test_waits_for_a_run_of_another_worker_without_looking_all_the_time(
        self, location: str, fixture: QueueFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(worker, "LONGEST_QUEUE_PAUSE_S", 3600.0)
        other = QueueFixture(open_database(location), RunHolder("worker-2", "host-2", 2))
        await other.submit("d1")
        held = await other.take()

        async def advance(lease: RunLease) -> Done:
            raise AssertionError("the other worker has it")

        watched = Worker(fixture.queue, advance, fixture.holder, lease_s=60, open_watch=fixture.database.watch)
        shown: list[str] = []
        waiting = asyncio.create_task(
            watched.run_until_ended(STACK, "d1", lambda runs: shown.append(runs[-1].deployment))
        )
        await asyncio.sleep(0.5)
        await other.queue.end(held)
        async with asyncio.timeout(60):
            assert await waiting
        other.database.close()

        assert set(shown) == {"d1"}

    async def test_parks_and_retries_as_the_run_says(self, fixture: QueueFixture) -> None:
        for name in ("d1", "d2"):
            await fixture.submit(name, f"{STACK}.{name}")

        async def advance(lease: RunLease) -> Park | Retry:
            return Park() if lease.deployment == "d1" else Retry(time.time() + 3600)

        await _worker(fixture, advance).run_until_idle()

        assert [run.state for run in fixture.queue.list_runs()] == ["parked", "retrying"]

    async def test_leaves_a_failed_run_to_whoever_claims_next(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")

        async def advance(lease: RunLease) -> Done:
            raise RuntimeError("a defect")

        with pytest.raises(RuntimeError, match="a defect"):
            await _worker(fixture, advance, lease_s=0.3).run_next()
        await asyncio.sleep(0.4)

        assert (await fixture.take()).attempts == 2

    async def test_gives_back_at_once_what_it_has_lost_with_a_long_lease(
        self, fixture: QueueFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As after a lease that was renewed while the clock was an hour ahead."""
        await fixture.submit("d1")
        renew, attempts = fixture.queue.renew, list[int]()

        async def renew_for_an_hour(lease: RunLease, lease_s: float) -> bool | None:
            await renew(lease, 3600)
            return None

        async def advance(lease: RunLease) -> Done:
            attempts.append(lease.attempts)
            if lease.attempts == 1:
                await asyncio.sleep(30)
            return Done()

        monkeypatch.setattr(fixture.queue, "renew", renew_for_an_hour)
        worker = _worker(fixture, advance, lease_s=6.0)
        await worker.run_next()
        [left] = fixture.queue.list_runs()
        await worker.run_next()

        assert (left.state, attempts, fixture.queue.list_runs()) == ("running", [1, 2], [])

    async def test_gives_back_later_what_it_could_not_give_back(
        self, fixture: QueueFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await fixture.submit("d1")
        attempts: list[int] = []

        async def fail(*_: object, **__: object) -> bool:
            raise LedgerBusyError("the server does not answer")

        async def advance(lease: RunLease) -> Done:
            attempts.append(lease.attempts)
            if lease.attempts == 1:
                raise RuntimeError("a defect")
            return Done()

        worker = _worker(fixture, advance)
        with monkeypatch.context() as away:
            away.setattr(fixture.queue, "retry", fail)
            with pytest.raises(RuntimeError, match="a defect"):
                await worker.run_next()
            with pytest.raises(LedgerBusyError):
                await worker.run_next()
        with monkeypatch.context() as away:
            away.setattr(fixture.queue, "end", fail)
            with pytest.raises(LedgerBusyError):
                await worker.run_next()
        await worker.run_next()

        assert (attempts, fixture.queue.list_runs()) == ([1, 2, 3], [])

    async def test_counts_no_attempt_for_a_disk_that_is_full(self, fixture: QueueFixture) -> None:
        await fixture.submit("d1")
        attempts: list[int] = []

        async def advance(lease: RunLease) -> Done:
            attempts.append(lease.attempts)
            raise StorageError("Cannot begin: the disk is full.", "DISK_FULL")

        for _ in range(7):
            with pytest.raises(StorageError):
                await _worker(fixture, advance).run_next()

        assert (attempts, (await fixture.take()).attempts) == ([1] * 7, 1)

    async def test_serves_several_stacks_at_once_and_ends_its_runs_first(self, fixture: QueueFixture) -> None:
        for name in ("d1", "d2"):
            await fixture.submit(name, f"{STACK}.{name}")
        stopped, both = asyncio.Event(), asyncio.Barrier(2)

        async def advance(lease: RunLease) -> Done:
            await both.wait()
            stopped.set()
            await asyncio.sleep(0.05)
            return Done()

        async with asyncio.timeout(20):
            await _worker(fixture, advance).serve(2, stopped)

        assert fixture.queue.list_runs() == []


class TestPausedWorker:
    """Its process is stopped for longer than its lease, as by Ctrl-Z, and goes on."""

    @pytest.mark.parametrize("is_taken_over", [False, True])
    async def test_goes_on_unless_another_one_took_over(
        self, fixture: QueueFixture, location: str, is_taken_over: bool
    ) -> None:
        await fixture.submit("d1")
        command = [sys.executable, "-m", "tests.contract.run_queue.queue_process", "work", location, "-", "6"]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"begun\n"

        freeze_process(process.pid)
        await asyncio.sleep(LEASE_S + 0.5)
        taken = await fixture.queue.claim(RunHolder("worker-2", "host-2", 2), 60) if is_taken_over else None
        process.send_signal(signal.SIGCONT)
        printed = await process.stdout.read()
        await process.wait()

        [*runs] = fixture.queue.list_runs()
        assert (bool(taken), printed, [run.state for run in runs]) == (
            (True, b"", ["running"]) if is_taken_over else (False, b"ended\n", [])
        )
