"""When a worker is ready, and when it should be started again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from semantest_iac.application.ports.run_queue import RunLease
from semantest_iac.application.worker import Done, Worker
from semantest_iac.application.worker_health import WorkerHealth
from semantest_iac.bootstrap.deployments import identify_worker
from semantest_iac.domain.errors import LedgerError, StorageError
from tests.fakes.memory_ledger import MemoryLedger
from tests.fakes.run_queue import FakeRunQueue


async def _finish(lease: RunLease) -> Done:
    return Done()


def _health(timeout_s: float = 5.0, **checks: Callable[[], Awaitable[None]]) -> WorkerHealth:
    worker = Worker(FakeRunQueue(MemoryLedger()), _finish, identify_worker())
    return WorkerHealth(worker, checks, timeout_s)


def _raise(error: Exception) -> Callable[[], Awaitable[None]]:
    async def check() -> None:
        raise error

    return check


class TestReadiness:
    async def test_names_each_failed_check_by_its_code_and_not_by_its_words(self) -> None:
        async def succeed() -> None: ...

        health = _health(
            ledger=_raise(LedgerError("Cannot read '/secret/place'.", "LEDGER_FULL")),
            disk=_raise(StorageError("no", "DISK_FULL")),
            queue=succeed,
            packages=_raise(RuntimeError("a defect at '/secret/place'")),
        )

        faults = await health.find_readiness_faults()

        assert [tuple(fault) for fault in faults] == [
            ("ledger", "LEDGER_FULL"),
            ("disk", "DISK_FULL"),
            ("packages", "CHECK_FAILED"),
        ]

    async def test_says_once_what_failed_and_once_that_it_succeeds_again(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("semantest_iac.application.worker_health._KEPT_S", -1.0)
        caplog.set_level("INFO")
        problems: list[Exception] = [LedgerError("It is locked.")]

        async def check() -> None:
            if problems:
                raise problems[0]

        health = _health(ledger=check)
        for _ in range(3):
            await health.find_readiness_faults()
        problems.clear()

        assert await health.find_readiness_faults() == []
        assert caplog.messages == [
            "This worker is not ready: ledger: It is locked.",
            "The check of the ledger succeeds again.",
        ]

    async def test_runs_a_check_that_hangs_once(self) -> None:
        begun: list[int] = []

        async def hang() -> None:
            begun.append(1)
            await asyncio.sleep(60)

        health = _health(timeout_s=0.01, ledger=hang)
        faults = [await health.find_readiness_faults() for _ in range(3)]

        assert faults == [[("ledger", "CHECK_TIMED_OUT")]] * 3
        assert begun == [1]

    async def test_ends_when_the_worker_drains(self) -> None:
        health = _health()
        before = await health.find_readiness_faults()
        health.drain()

        assert (before, await health.find_readiness_faults()) == ([], [("worker", "DRAINING")])
        assert health.find_liveness_faults() == []
