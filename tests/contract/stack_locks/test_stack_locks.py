from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from semantest_iac.application.ports.stack_locks import LockHolder, StackLocks
from semantest_iac.domain.errors import StackBusyError
from semantest_iac.infrastructure.stack_locks.lock_files import StackLockFiles

STACK = "rest-api.aws.development.us-east-1"
OTHER = "rest-api.aws.development.eu-west-1"


class StackLocksContract:
    """What all stack locks guarantee; a subclass provides the `locks` to test."""

    async def test_lets_one_run_at_a_time_work_on_a_stack(self, locks: StackLocks) -> None:
        log: list[str] = []

        async def run(name: str) -> None:
            async with locks.hold(STACK, deployment=name):
                log.append(name)
                await asyncio.sleep(0)
                log.append(name)

        await asyncio.gather(run("d1"), run("d2"), run("d3"))

        assert [log[0], log[2], log[4]] == [log[1], log[3], log[5]]

    async def test_excludes_other_threads_of_the_process(self, locks: StackLocks) -> None:
        def other_thread() -> str:
            async def attempt() -> None:
                async with locks.hold(STACK, deployment="d2", timeout_s=0):
                    pass

            with pytest.raises(StackBusyError) as busy:
                asyncio.run(attempt())
            return busy.value.error_code

        async with locks.hold(STACK, deployment="d1"):
            assert await asyncio.to_thread(other_thread) == "STACK_BUSY"

    async def test_does_not_block_other_stacks(self, locks: StackLocks) -> None:
        async with locks.hold(STACK, deployment="d1"), locks.hold(OTHER, deployment="d2", timeout_s=0):
            pass

    async def test_reports_each_holder_once_while_waiting(self, locks: StackLocks) -> None:
        reported: list[LockHolder | None] = []

        async def wait() -> None:
            async with locks.hold(STACK, deployment="d2", on_wait=reported.append):
                pass

        async with locks.hold(STACK, deployment="d1"):
            waiting = asyncio.create_task(wait())
            await asyncio.sleep(0.35)
        await waiting

        assert [holder and holder.deployment for holder in reported] == ["d1"]

    @pytest.mark.parametrize("timeout_s", [0, 0.2], ids=["no wait", "a while"])
    async def test_names_the_holder_after_the_timeout(self, locks: StackLocks, timeout_s: float) -> None:
        async with locks.hold(STACK, deployment="d1"):
            with pytest.raises(StackBusyError, match=f"'{STACK}': deployment d1 .pid .* holds it") as busy:
                async with locks.hold(STACK, deployment="d2", timeout_s=timeout_s):
                    pass

        assert busy.value.retryable

    async def test_releases_the_stack_after_a_failed_run(self, locks: StackLocks) -> None:
        with pytest.raises(ValueError, match="broken"):
            async with locks.hold(STACK, deployment="d1"):
                raise ValueError("broken")

        async with locks.hold(STACK, deployment="d2", timeout_s=0):
            pass

    async def test_grants_nothing_to_a_cancelled_waiter(self, locks: StackLocks) -> None:
        async def wait() -> None:
            async with locks.hold(STACK, deployment="d2"):
                pass

        async with locks.hold(STACK, deployment="d1"):
            waiting = asyncio.create_task(wait())
            await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

        async with locks.hold(STACK, deployment="d3", timeout_s=0):
            pass


class TestStackLockFiles(StackLocksContract):
    @pytest.fixture
    def locks(self, home: Path) -> StackLocks:
        return StackLockFiles(home / "locks")
