"""When the work of a stack may begin beside that of another one, on an event loop whose time passes at once."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Iterator

import pytest

from semantest_iac.presentation.gateway.fair_share import ACTIVE_S, LONGEST_TURN_S, FairShare

BUSY, OTHER = "busy", "other"
Begun = list[tuple[float, str]]


class TimelessSelector(selectors.SelectSelector):
    """Never waits; notes for how long it would have."""

    waited_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.waited_s += timeout or 0
        return super().select(0)


class TimelessLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is the sum of its waits."""

    def __init__(self) -> None:
        self._timeless = TimelessSelector()
        super().__init__(self._timeless)

    def time(self) -> float:
        return self._timeless.waited_s


@pytest.fixture
def run() -> Iterator[Callable[[Awaitable[None]], None]]:
    loop = TimelessLoop()
    yield lambda work: loop.run_until_complete(work)
    loop.close()


def now() -> float:
    return asyncio.get_running_loop().time()


async def call(share: FairShare, stack: str, seconds: float, begun: Begun) -> None:
    """Make one call, and note when it began after the wait."""
    async with share.begin_call(stack):
        begun.append((now(), stack))
        await asyncio.sleep(seconds)


async def keep_active(share: FairShare, stack: str) -> None:
    while True:
        await call(share, stack, 0, [])
        await asyncio.sleep(ACTIVE_S / 4)


async def call_together(share: FairShare, stack: str, number: int, seconds: float) -> list[float]:
    """Make calls at once, and return when each began, in seconds since then."""
    begun, start = Begun(), now()
    await asyncio.gather(*(call(share, stack, seconds, begun) for _ in range(number)))
    return [at - start for at, _ in begun]


async def use_up(share: FairShare, stack: str) -> None:
    """Make calls that take more of the last second than is free of limits."""
    await call_together(share, stack, 10, LONGEST_TURN_S)


class TestCalls:
    def test_of_a_stack_that_is_alone_begin_at_once(self, run: Callable[[Awaitable[None]], None]) -> None:
        async def work() -> None:
            share = FairShare()
            await use_up(share, BUSY)

            assert await call_together(share, BUSY, 50, 0.01) == [0] * 50

        run(work())

    def test_of_a_busy_stack_begin_one_after_the_other_beside_another_stack(
        self, run: Callable[[Awaitable[None]], None]
    ) -> None:
        async def work() -> None:
            share = FairShare()
            other = asyncio.create_task(keep_active(share, OTHER))
            await use_up(share, BUSY)

            assert await call_together(share, BUSY, 4, 0.01) == pytest.approx([0, 0.01, 0.02, 0.03])
            other.cancel()

        run(work())

    def test_wait_no_longer_for_a_slow_one(self, run: Callable[[Awaitable[None]], None]) -> None:
        async def work() -> None:
            share = FairShare()
            other = asyncio.create_task(keep_active(share, OTHER))
            await use_up(share, BUSY)

            begun = await call_together(share, BUSY, 4, 10)
            assert begun == pytest.approx([0, LONGEST_TURN_S, 2 * LONGEST_TURN_S, 3 * LONGEST_TURN_S])
            other.cancel()

        run(work())

    def test_of_a_stack_that_has_done_little_begin_at_once(self, run: Callable[[Awaitable[None]], None]) -> None:
        async def work() -> None:
            share = FairShare()
            other = asyncio.create_task(keep_active(share, OTHER))
            await call_together(share, BUSY, 4, 10)
            await asyncio.sleep(1)

            assert await call_together(share, BUSY, 6, 0.1) == [0] * 6
            other.cancel()

        run(work())

    def test_begin_at_once_when_the_other_stack_is_silent_again(self, run: Callable[[Awaitable[None]], None]) -> None:
        async def work() -> None:
            share = FairShare()
            await call(share, OTHER, 0, [])
            await use_up(share, BUSY)
            await asyncio.sleep(ACTIVE_S)

            assert await call_together(share, BUSY, 20, 0.01) == [0] * 20

        run(work())

    def test_that_wait_begin_together_when_the_other_stack_is_silent(
        self, run: Callable[[Awaitable[None]], None]
    ) -> None:
        async def work() -> None:
            share = FairShare()
            await use_up(share, BUSY)
            await call(share, OTHER, 0, [])

            begun = await call_together(share, BUSY, 200, LONGEST_TURN_S)
            last, turns = begun[-1], round(ACTIVE_S / LONGEST_TURN_S)
            assert last <= ACTIVE_S + 2 * LONGEST_TURN_S
            assert begun[: turns // 2] == pytest.approx([index * LONGEST_TURN_S for index in range(turns // 2)])

        run(work())

    def test_do_not_wait_for_one_that_was_cancelled(self, run: Callable[[Awaitable[None]], None]) -> None:
        async def work() -> None:
            share, begun = FairShare(), Begun()
            other = asyncio.create_task(keep_active(share, OTHER))
            await use_up(share, BUSY)
            start = now()
            calls = [asyncio.create_task(call(share, BUSY, 0.01, begun)) for _ in range(4)]
            await asyncio.sleep(0.005)
            calls[0].cancel()
            calls[1].cancel()
            await asyncio.gather(*calls, return_exceptions=True)

            assert [at - start for at, _ in begun] == pytest.approx([0, 0.005, 0.015])
            other.cancel()

        run(work())

    def test_of_other_stacks_never_wait_for_a_busy_one(self, run: Callable[[Awaitable[None]], None]) -> None:
        async def work() -> None:
            share = FairShare()
            await use_up(share, BUSY)
            await call(share, OTHER, 0, [])
            busy = asyncio.create_task(call_together(share, BUSY, 50, 0.01))
            await asyncio.sleep(0)

            assert await call_together(share, OTHER, 4, 0.001) == [0] * 4
            await busy

        run(work())


class TestPartsOfBodies:
    def test_of_all_clients_of_a_stack_begin_one_in_each_pass_beside_another_stack(
        self, run: Callable[[Awaitable[None]], None]
    ) -> None:
        async def work() -> None:
            share, passes, most = FairShare(), [0], 0
            await call(share, OTHER, 0, [])

            async def handle_parts() -> None:
                for _ in range(5):
                    await share.begin_part(BUSY)
                    passes[-1] += 1

            clients = asyncio.gather(*(handle_parts() for _ in range(6)))
            while not clients.done():
                await asyncio.sleep(0)
                passes.append(0)
            most = max(passes)
            assert (sum(passes), most) == (30, 1)

        run(work())

    def test_of_a_stack_that_is_alone_begin_at_once(self, run: Callable[[Awaitable[None]], None]) -> None:
        async def work() -> None:
            share = FairShare()
            for _ in range(3):
                begin = share.begin_part(BUSY)
                with pytest.raises(StopIteration):  # it ends without a wait
                    begin.send(None)

        run(work())
