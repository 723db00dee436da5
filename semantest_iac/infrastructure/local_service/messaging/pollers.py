"""The loops that take messages and ticks and call functions with them, as the pollers and timers of the clouds do."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.compute.scheduled_calls import DueTick
from semantest_iac.domain.messaging.messages import DeliveredMessage
from semantest_iac.infrastructure.local_service.messaging.deployed_messaging import QueueTrigger, TimerTrigger
from semantest_iac.infrastructure.local_service.messaging.warm_functions import WarmFunctions
from semantest_iac.infrastructure.message_store.messages import MessageStore
from semantest_iac.infrastructure.message_store.ticks import TickStore

LARGEST_BATCH_BYTES = 5 * 1024 * 1024
"""Of the messages of one call, whose event has 6 MB at most. Source: Lambda's guide, batching behavior of queues."""

_LONGEST_WAIT_S, _SHORTEST_WAIT_S = 1.0, 0.05
_BLOCKED_WAIT_S = 0.2  # until another message of an ordered group may be free
_GRACE_S = 2.0  # for calls that run when `serve` ends


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """One call of a function with messages of a queue, with a tick of a schedule, or by another function."""

    stack: str
    source: str
    function: str
    messages: int
    failed: int
    seconds: float


ReportDelivery = Callable[[DeliveryReport], None]


class _Loop(ABC):
    """A loop in a task that can be woken, and ends when it has nothing in its hands."""

    def __init__(self) -> None:
        self.is_stopping = False
        self._woken = asyncio.Event()
        self._running: set[asyncio.Task[Any]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Run in the background."""
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Look again now: something has changed."""
        self._woken.set()

    async def stop(self, grace_s: float | None = None) -> None:
        """Take nothing more, and wait for running calls; after the grace they are ended."""
        self.is_stopping = True
        self.wake()
        tasks = {*self._running, *([self._task] if self._task else ())}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, *self._running, return_exceptions=True)

    @abstractmethod
    async def _run(self) -> None: ...

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(max(seconds, _SHORTEST_WAIT_S), _LONGEST_WAIT_S)):
                await self._woken.wait()
        self._woken.clear()

    def _do_beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task


class QueuePoller(_Loop):
    """Calls the function of one trigger with the messages of its queue."""

    def __init__(
        self, trigger: QueueTrigger, store: MessageStore, functions: WarmFunctions, report: ReportDelivery
    ) -> None:
        super().__init__()
        self._trigger = trigger
        self._holder = trigger.queue.holder
        self._store = store
        self._functions = functions
        self._report = report
        most = functions.limits.max_processes
        self._slots = asyncio.Semaphore(min(trigger.maximum or most, most))

    async def _run(self) -> None:
        while not self.is_stopping:
            await self._slots.acquire()  # a message is only taken where something can handle it
            if messages := await self._collect():
                self._do_beside(self._handle(messages)).add_done_callback(lambda _: self._slots.release())
            else:
                self._slots.release()

    async def _collect(self) -> list[DeliveredMessage]:
        """Return the messages of the next call, waiting for the first one; none where the loop is to end."""
        while not self.is_stopping:
            due = await asyncio.to_thread(self._store.find_next_time, self._holder)
            now = self._store.clock()
            if due is not None and due <= now:
                if messages := await self._receive(self._trigger.batch_size, LARGEST_BATCH_BYTES):
                    return await self._fill(messages)
                due = now + _BLOCKED_WAIT_S
            await self._wait(_LONGEST_WAIT_S if due is None else due - now)
        return []

    async def _receive(self, most: int, most_bytes: int) -> list[DeliveredMessage]:
        return await asyncio.to_thread(self._store.receive, self._holder, most, most_bytes=most_bytes)

    async def _fill(self, messages: list[DeliveredMessage]) -> list[DeliveredMessage]:
        """Collect further messages until the batch is full or its window over."""
        end = time.monotonic() + self._trigger.window_s
        while len(messages) < self._trigger.batch_size and not self.is_stopping:
            left_s = end - time.monotonic()
            if left_s <= 0:
                break
            await self._wait(left_s)
            size = sum(len(it.body.encode()) for it in messages)
            messages += await self._receive(self._trigger.batch_size - len(messages), LARGEST_BATCH_BYTES - size)
        return messages

    async def _handle(self, messages: Sequence[DeliveredMessage]) -> None:
        """Call the function; what it handled is removed, and the rest comes again."""
        began, receipts = time.perf_counter(), [it.receipt for it in messages]
        try:
            async with self._renew_locks(receipts):
                invocation = await self._functions.invoke(self._trigger.function, self._trigger.build_event(messages))
        except asyncio.CancelledError:
            self._store.change_lock(self._holder, receipts, 0)  # for whoever serves next
            raise
        failed = {*self._trigger.find_failed(invocation, messages)}
        await asyncio.to_thread(self._store.delete, self._holder, [it for it in receipts if it not in failed])
        if failed and self._trigger.gives_back:
            await asyncio.to_thread(self._store.change_lock, self._holder, failed, 0)
        queue = self._trigger.queue
        source = f"{queue.topic}/{queue.name}" if queue.topic else queue.name
        seconds = time.perf_counter() - began
        function = self._trigger.function.name
        self._report(DeliveryReport(self._holder.stack, source, function, len(messages), len(failed), seconds))

    @asynccontextmanager
    async def _renew_locks(self, receipts: Sequence[str]) -> AsyncIterator[None]:
        """Keep the messages locked as long as the block.

        One cloud's host does that. On the other a lock is longer than any call; here a process may start slowly.
        """
        renewing = asyncio.create_task(self._keep_renewing(receipts))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _keep_renewing(self, receipts: Sequence[str]) -> None:
        lock_s = self._holder.rules.lock_s
        while True:
            await asyncio.sleep(lock_s / 2)
            await asyncio.to_thread(self._store.change_lock, self._holder, receipts, lock_s)


class TimerLoop(_Loop):
    """Calls the function of one schedule when it is due."""

    def __init__(
        self,
        trigger: TimerTrigger,
        ticks: TickStore,
        functions: WarmFunctions,
        report: ReportDelivery,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._trigger = trigger
        self._ticks = ticks
        self._functions = functions
        self._report = report
        self._clock = clock

    async def _run(self) -> None:
        while not self.is_stopping:
            for tick in await asyncio.to_thread(self._ticks.take_due, self._trigger.schedule):
                self._do_beside(self._call(tick))
            due = await asyncio.to_thread(self._ticks.find_next_time, self._trigger.schedule)
            await self._wait(due - self._clock())

    async def run_due(self) -> int:
        """Call the function with all ticks that are due now, and return how many there were."""
        due = await asyncio.to_thread(self._ticks.take_due, self._trigger.schedule)
        await asyncio.gather(*map(self._call, due))
        return len(due)

    async def _call(self, tick: DueTick) -> None:
        began, schedule, function = time.perf_counter(), self._trigger.schedule, self._trigger.function
        invocation = await self._functions.invoke(function, self._trigger.build_event(tick))
        has_failed = invocation.error is not None
        await asyncio.to_thread(self._ticks.finish, schedule, tick, has_failed=has_failed)
        seconds = time.perf_counter() - began
        self._report(DeliveryReport(schedule.stack, "schedule", function.name, 1, int(has_failed), seconds))


async def stop_loops(loops: Sequence[_Loop], *, at_once: bool = False) -> None:
    """End loops side by side: after all of their running calls, or at once after a short grace."""
    await asyncio.gather(*(loop.stop(_GRACE_S if at_once else None) for loop in loops))
