"""Carries out queued requests, one at a time for each stack and several stacks at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from time import time
from typing import Literal

from semantest_iac.application.lease_keeper import LeaseKeeper, go_on
from semantest_iac.application.ports.ledger import LedgerWatch
from semantest_iac.application.ports.run_queue import QueuedRun, RunHolder, RunLease, RunQueue
from semantest_iac.domain.errors import DeploymentError, LedgerError, StorageError

_LOG = logging.getLogger(__name__)
LEASE_S = 30.0
LONGEST_QUEUE_PAUSE_S = 1.0
"""How long nobody looks at the queue of which no change was seen: what is planned for a time changes nothing."""
SHORTEST_QUEUE_PAUSE_S = 0.05
OpenWatch = Callable[[], AbstractAsyncContextManager[LedgerWatch]]
"""Opens a watch on the database of the queue."""


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


Outcome = Done | Park | Retry
Advance = Callable[[RunLease], Awaitable[Outcome]]
"""Carries a run on from what the ledger says of it.

It is cancelled when the lease is lost, which OnLost has learned before, or when the run is to end: then it ends the
run and returns. A run of which it raises an error is carried on by whoever comes next.
"""

OnLost = Callable[[RunLease], object]
"""Learns that a lease is lost: the run belongs to whoever claims it next, and nothing more may be recorded of it."""

ReportWait = Callable[[Sequence[QueuedRun]], None]
"""Learns for which runs of a stack is waited: the one that is carried out comes first, the own one last."""


RunEnd = Literal["ended", "held", "waiting"]
"""What became of a run: `held` is one whose stack is, `waiting` one that waits for a person."""

RunChange = Literal["claimed", "ended", "parked", "retried", "failed", "lost"]
ReportRun = Callable[[RunLease, RunChange], None]
"""Learns what a worker does with a run: `failed` is one that raised, `lost` one whose lease another worker has."""


def report_nothing(lease: RunLease, change: RunChange) -> None:
    """Tell nobody."""


class QueueChanges:
    """Tells whoever waits for the queue that something was committed, from one watch on its database.

    Without a watch, every wait lasts its whole time.
    """

    def __init__(self, open_watch: OpenWatch | None = None) -> None:
        self.are_watched = False
        self._open_watch = open_watch
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[None]:
        """Look for changes during the block."""
        self.are_watched = True
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    def next_change(self) -> asyncio.Event:
        """Return what is set at the next change: taken before the queue is looked at, it misses none."""
        return self._changed

    async def _watch(self) -> None:
        if self._open_watch is None:
            return
        async with self._open_watch() as watch:
            while True:
                await watch.wait(LONGEST_QUEUE_PAUSE_S)
                self._changed.set()
                self._changed = asyncio.Event()


class Worker:
    """Takes runs from the queue; one that loses its lease goes on elsewhere.

    One that raises goes on with the next claim, after `retry_pause_s` for each time that it was carried on; a time at
    which the disk was full or the ledger took no events is none of these. `on_stuck` must end the process: a run goes
    on in it whose lease is lost, so that another worker may begin with it.
    """

    def __init__(  # noqa: PLR0913  # one parameter for each thing that differs between processes
        self,
        queue: RunQueue,
        advance: Advance,
        holder: RunHolder,
        *,
        lease_s: float = LEASE_S,
        retry_pause_s: float = 0,
        report: ReportRun = report_nothing,
        on_lost: OnLost = lambda lease: None,
        on_stuck: Callable[[], object] = go_on,
        open_watch: OpenWatch | None = None,
    ) -> None:
        self._open_watch = open_watch
        self._on_stuck = on_stuck
        self._report = report
        self._retry_pause_s = retry_pause_s
        self._on_lost = on_lost
        self._queue = queue
        self._advance = advance
        self._holder = holder
        self._lease_s = lease_s
        self._keepers = set[LeaseKeeper]()
        self._left_behind: list[RunLease] = []
        self._failure = ""

    @property
    def has_overdue_lease(self) -> bool:
        """Whether a run goes on although its lease has ended: it was told to stop, and has not."""
        return any(keeper.is_overdue for keeper in tuple(self._keepers))

    async def run_next(self, stacks: Collection[str] | None = None) -> RunLease | None:
        """Carry on the next run of these stacks; returns its lease, or None where there is nothing to do.

        A run whose lease is lost meanwhile is left to its new holder.
        """
        lease = await self._claim(stacks)
        if lease is not None:
            await self._carry_on(lease)
        return lease

    async def run_until_idle(self, stacks: Collection[str] | None = None) -> None:
        """Carry on runs of these stacks until none can start now."""
        while await self.run_next(stacks):
            pass

    async def run_until_ended(
        self,
        stack: str,
        deployment: str,
        report_wait: ReportWait,
        waits_for_person: Callable[[], bool] = lambda: False,
    ) -> RunEnd:
        """Carry on runs of the stack until this one has ended, whoever carries it out, or nobody can for now.

        `waits_for_person` says of a parked one whether it goes on before a person has decided.
        """
        changes = QueueChanges(self._open_watch)
        async with AsyncExitStack() as watching:
            while True:
                changed = changes.next_change()
                lease = await self._claim([stack])
                has_ended = lease is not None and await self._carry_on(lease)
                if lease is not None and lease.deployment != deployment:
                    continue
                if has_ended:
                    return "ended"
                runs = await asyncio.to_thread(self._queue.list_runs, [stack])
                own = next((run for run in runs if run.deployment == deployment), None)
                if own is None or own.held_by:
                    return "ended" if own is None else "held"
                if own.state == "parked" and await asyncio.to_thread(waits_for_person):
                    return "waiting"
                report_wait(_order_until(runs, deployment))
                if not changes.are_watched:
                    await watching.enter_async_context(changes.watch())
                await _pause(changed)

    async def serve(self, slots: int, stopped: asyncio.Event) -> None:
        """Carry on runs in so many slots until `stopped`; the runs in progress end first."""
        changes = QueueChanges(self._open_watch)
        async with changes.watch(), asyncio.TaskGroup() as group:
            for _ in range(slots):
                group.create_task(self._serve_slot(stopped, changes))

    async def _serve_slot(self, stopped: asyncio.Event, changes: QueueChanges) -> None:
        while not stopped.is_set():
            changed = changes.next_change()
            try:
                found, self._failure = await self.run_next(), ""
                if found is None:
                    await _pause(changed, stopped)
            except Exception as error:
                self._log_failure(error)
                await wait_until_set(stopped, LONGEST_QUEUE_PAUSE_S)

    def _log_failure(self, error: Exception) -> None:
        """Log why a run was not carried on, which may be the same for as long as a database is away."""
        reason = error.reason if isinstance(error, DeploymentError) else f"{type(error).__name__}: {error}"
        if reason != self._failure:
            self._failure = reason
            unexpected = None if isinstance(error, DeploymentError) else error
            _LOG.warning("A run was not carried on, and is tried again: %s", reason, exc_info=unexpected)

    async def _claim(self, stacks: Collection[str] | None) -> RunLease | None:
        await self._give_back()
        claiming = asyncio.ensure_future(self._queue.claim(self._holder, self._lease_s, stacks))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            if lease := await claiming:
                await self._queue.retry(lease, at=0)
            raise

    async def _give_back(self) -> None:
        """Give back what is not carried on here any more, and still counts as carried on: its lease may be long.

        The database did not answer when it was lost or had ended. Of what another worker has by now nothing changes.
        """
        while self._left_behind:
            lease = self._left_behind.pop()
            try:
                await self._queue.retry(lease, at=0)
            except BaseException:
                self._left_behind.append(lease)
                raise

    async def _carry_on(self, lease: RunLease) -> bool:
        """Carry on the run, and return whether it has ended and left the queue."""
        self._report(lease, "claimed")
        running = asyncio.ensure_future(self._advance(lease))
        lost = False

        def lose() -> None:
            nonlocal lost
            lost = True
            self._on_lost(lease)
            running.cancel()

        cancel = go_on if lease.is_cancelled else running.cancel  # a cancelled run is ended, and that takes its time
        with self._keep(lease, lose, cancel):
            try:
                await asyncio.wait([running])
            except asyncio.CancelledError:  # this worker is to stop: the run ends itself first
                running.cancel()
                await asyncio.wait([running])
                raise
            finally:
                error = None if running.cancelled() or lost else running.exception()
                await self._leave_or_remember(lease, running, lost=lost)
        if error is not None:
            raise error
        return not lost and not running.cancelled() and isinstance(running.result(), Done)

    @contextmanager
    def _keep(self, lease: RunLease, on_lost: Callable[[], object], on_cancel: Callable[[], object]) -> Iterator[None]:
        keeper = LeaseKeeper(
            self._queue, lease, self._lease_s, on_lost=on_lost, on_cancel=on_cancel, on_stuck=self._on_stuck
        )
        self._keepers.add(keeper)
        try:
            with keeper:
                yield
        finally:
            self._keepers.discard(keeper)

    async def _leave_or_remember(self, lease: RunLease, ended: asyncio.Future[Outcome], *, lost: bool) -> None:
        """Give the run back, or remember to do so before the next claim; an error of the run itself comes first."""
        if lost:
            self._left_behind.append(lease)
            self._report(lease, "lost")
            return
        try:
            await self._leave(lease, ended)
        except BaseException as error:
            self._left_behind.append(lease)
            has_failed = ended.cancelled() or ended.exception() is not None
            if not (has_failed and isinstance(error, Exception)):
                raise

    async def _leave(self, lease: RunLease, ended: asyncio.Future[Outcome]) -> None:
        """Give the run back as its end says; one that raised or was cut short is carried on by whoever comes next."""
        if ended.cancelled() or ended.exception() is not None:
            pause_s = self._retry_pause_s * lease.attempts
            is_counted = ended.cancelled() or not isinstance(ended.exception(), LedgerError | StorageError)
            self._report(lease, "failed")
            await self._queue.retry(lease, at=time() + pause_s if pause_s else 0, is_counted=is_counted)
            return
        match ended.result():
            case Done():
                await self._queue.end(lease)
                self._report(lease, "ended")
            case Park(until):
                await self._queue.park(lease, until)
                self._report(lease, "parked")
            case Retry(at):
                await self._queue.retry(lease, at)
                self._report(lease, "retried")


def _order_until(runs: Sequence[QueuedRun], deployment: str) -> Sequence[QueuedRun]:
    """Return the runs that come before a deployment, and itself: what is carried out, then by priority."""
    ordered = sorted(runs, key=lambda run: (run.state == "waiting", -run.priority, run.position))
    names = [run.deployment for run in ordered]
    return ordered[: names.index(deployment) + 1]


async def _pause(*events: asyncio.Event) -> None:
    """Return soon after one of the events is set, or after the longest pause."""
    await asyncio.sleep(SHORTEST_QUEUE_PAUSE_S)  # what many commit is looked at once
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=LONGEST_QUEUE_PAUSE_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


async def wait_until_set(stopped: asyncio.Event, seconds: float) -> None:
    """Return when the event is set, or after so long."""
    try:
        async with asyncio.timeout(seconds):
            await stopped.wait()
    except TimeoutError:
        pass
