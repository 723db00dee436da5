from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionPool, PoolLimits
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.function_runtimes.host_process import LOWER_PRIORITY

Function = Callable[..., FunctionSpec]
PID = "import os, time\ndef handler(event, context):\n    time.sleep(event)\n    return os.getpid()"
BREAKS = "import os\ndef handler(event, context):\n    os._exit(1) if event else None\n    return os.getpid()"
EAGER_LIMITS = PoolLimits(max_processes=3, wait_before_start_s=0)


@asynccontextmanager
async def pool_of(spec: FunctionSpec, limits: PoolLimits) -> AsyncIterator[FunctionPool]:
    pool = FunctionPool(spec, limits)
    yield pool
    await pool.aclose()


async def results(pool: FunctionPool, *events: object) -> list[int]:
    return [call.result for call in await asyncio.gather(*map(pool.invoke, events))]


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def has_ended(pid: int) -> bool:
    for _ in range(100):
        if not is_running(pid):
            return True
        await asyncio.sleep(0.05)
    return False


class TestProcesses:
    async def test_are_kept_warm(self, python_function: Function) -> None:
        async with pool_of(python_function(PID), EAGER_LIMITS) as pool:
            first, second = await results(pool, 0), await results(pool, 0)

        assert first == second

    async def test_are_started_while_others_are_busy(self, python_function: Function) -> None:
        async with pool_of(python_function(PID), EAGER_LIMITS) as pool:
            assert len(set(await results(pool, 1, 1))) == 2

    async def test_beside_the_first_have_a_lower_priority(self, python_function: Function) -> None:
        body = "import os, time\ndef handler(event, context):\n    time.sleep(event)\n    return os.nice(0)"
        async with pool_of(python_function(body, timeout_s=20), EAGER_LIMITS) as pool:
            ours = os.nice(0)
            assert sorted(await results(pool, 1, 1)) == [ours, min(19, ours + LOWER_PRIORITY)]

    @pytest.mark.parametrize(("instances", "most"), [(0, 3), (2, 2), (9, 3)], ids=["open", "the cloud's", "ours"])
    async def test_do_not_exceed_the_limit(self, python_function: Function, instances: int, most: int) -> None:
        async with pool_of(python_function(PID, instances=instances, timeout_s=20), EAGER_LIMITS) as pool:
            assert len(set(await results(pool, *[0.5] * 8))) == most

    async def test_are_reused_for_quick_calls(self, python_function: Function) -> None:
        async with pool_of(python_function(PID), PoolLimits(wait_before_start_s=20)) as pool:
            assert len(set(await results(pool, *[0] * 20))) == 1

    async def test_are_replaced_after_a_crash(self, python_function: Function) -> None:
        async with pool_of(python_function(BREAKS), EAGER_LIMITS) as pool:
            broken = await pool.invoke(True)
            after = await pool.invoke(False)

        assert (broken.error is not None, after.error) == (True, None)

    async def test_end_when_idle(self, python_function: Function) -> None:
        async with pool_of(python_function(PID), PoolLimits(idle_s=0.01)) as pool:
            (pid,) = await results(pool, 0)

            assert await has_ended(pid)
            assert await results(pool, 0) != [pid]


class TestClosing:
    async def test_leaves_nothing_running(self, python_function: Function) -> None:
        async with pool_of(python_function(PID), EAGER_LIMITS) as pool:
            pids = await results(pool, 0.2, 0.2)

        assert [await has_ended(pid) for pid in pids] == [True, True]

    async def test_answers_earlier_calls_first(self, python_function: Function) -> None:
        pool = FunctionPool(python_function(PID, timeout_s=20), PoolLimits(max_processes=1))
        calls = [asyncio.create_task(pool.invoke(0.2)) for _ in range(3)]
        await asyncio.sleep(0.05)

        await pool.aclose()

        assert [call.error for call in await asyncio.gather(*calls)] == [None] * 3


class TestCancelledCall:
    @pytest.mark.parametrize("victim", [0, 1, 2])
    async def test_releases_its_process(self, python_function: Function, victim: int) -> None:
        async with pool_of(python_function(PID, timeout_s=20), PoolLimits(max_processes=1)) as pool:
            await pool.invoke(0)
            calls = [asyncio.create_task(pool.invoke(0.1)) for _ in range(4)]
            await asyncio.sleep(0.05)
            calls[victim].cancel()

            ended = await asyncio.gather(*calls, return_exceptions=True)

        assert [isinstance(call, asyncio.CancelledError) for call in ended] == [it == victim for it in range(4)]


class TestFunctionThatDoesNotStart:
    async def test_fails_every_call(self, python_function: Function) -> None:
        async with pool_of(python_function("raise ValueError('broken')"), PoolLimits(max_processes=1)) as pool:
            failed = await asyncio.gather(*(pool.invoke({}) for _ in range(5)))

        assert [it.failure for it in failed] == ["ValueError: broken"] * 5

    async def test_refuses_every_call_where_this_machine_cannot_run_it(self, python_function: Function) -> None:
        spec = replace(python_function(""), runtime="java21")
        async with pool_of(spec, PoolLimits(max_processes=1)) as pool:
            refused = await asyncio.gather(*(pool.invoke({}) for _ in range(5)), return_exceptions=True)

        assert [type(it) for it in refused] == [RuntimeFailedError] * 5

    async def test_may_start_later(self, python_function: Function, tmp_path: Path) -> None:
        body = "import os\nassert os.path.exists('there')\ndef handler(e, c):\n    return 1"
        async with pool_of(python_function(body), EAGER_LIMITS) as pool:
            assert (await pool.invoke({})).error
            (tmp_path / "there").touch()

            assert await results(pool, {}) == [1]

    def test_limits_processes_by_the_number_of_cpus(self) -> None:
        assert PoolLimits().max_processes >= 2 * (os.cpu_count() or 1)
