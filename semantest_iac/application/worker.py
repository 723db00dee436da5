"""Carries out queued requests, one at a time for each stack and several stacks at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from semantest_iac.application.lease_keeper import LeaseKeeper
from semantest_iac.application.ports.run_queue import RunHolder, RunLease, RunQueue

_LOG = logging.getLogger(__name__)
LEASE_S = 30.0
IDLE_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Done:
    """The run has its terminal event."""


@dataclass(frozen=True, slots=True)
class Park:
    """The run waits for a decision, or until a time in seconds since 1970; nothing of it is running."""

    until: float | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """The run is to go on at that time in seconds since 1970."""

    at: float


Advance = Callable[[RunLease], Awaitable[Done | Park | Retry]]
"""Carries a run on from what the ledger says of it. It is cancelled when the lease is lost or the run is to end."""


class Worker:
    """Takes runs from the queue; one that it cannot carry on stays claimed until its lease ends, for any worker."""

    def __init__(self, queue: RunQueue, advance: Advance, holder: RunHolder, *, lease_s: float = LEASE_S) -> None:
        self._queue = queue
        self._advance = advance
        self._holder = holder
        self._lease_s = lease_s

    async def run_next(self, stacks: Collection[str] | None = None) -> RunLease | None:
        """Carry on the next run of these stacks; returns its lease, or None where there is nothing to do.

        A run whose lease is lost meanwhile is left to its new holder.
        """
        lease = await self._queue.claim(self._holder, self._lease_s, stacks)
        if lease is not None:
            await self._carry_on(lease)
        return lease

    async def run_until_idle(self, stacks: Collection[str] | None = None) -> None:
        """Carry on runs of these stacks until none can start now."""
        while await self.run_next(stacks):
            pass

    async def serve(self, slots: int, stopped: asyncio.Event, pause_s: float = IDLE_PAUSE_S) -> None:
        """Carry on runs in so many slots until `stopped`; the runs in progress end first."""
        async with asyncio.TaskGroup() as group:
            for _ in range(slots):
                group.create_task(self._serve_slot(stopped, pause_s))

    async def _serve_slot(self, stopped: asyncio.Event, pause_s: float) -> None:
        while not stopped.is_set():
            try:
                found = await self.run_next()
            except Exception:
                _LOG.exception("A run was not carried on; it is tried again when its lease has ended.")
                found = None
            if found is None:
                await _wait(stopped, pause_s)

    async def _carry_on(self, lease: RunLease) -> None:
        running = asyncio.ensure_future(self._advance(lease))
        lost = False

        def lose() -> None:
            nonlocal lost
            lost = True
            running.cancel()

        with LeaseKeeper(self._queue, lease, self._lease_s, on_lost=lose, on_cancel=running.cancel):
            try:
                outcome = await running
            except asyncio.CancelledError:
                if not running.cancelled() or (task := asyncio.current_task()) is None or task.cancelling():
                    running.cancel()
                    await asyncio.wait([running])
                    raise
                outcome = Done()
        if not lost:
            await self._leave(lease, outcome)

    async def _leave(self, lease: RunLease, outcome: Done | Park | Retry) -> None:
        match outcome:
            case Done():
                await self._queue.end(lease)
            case Park(until):
                await self._queue.park(lease, until)
            case Retry(at):
                await self._queue.retry(lease, at)


async def _wait(stopped: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopped.wait()
    except TimeoutError:
        pass
