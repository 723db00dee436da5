"""Carries out a claimed run from what the ledger says of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from semantest_iac.application.deployment.plan_approval import read_utc_now
from semantest_iac.application.deployment.recorder import require_deployment
from semantest_iac.application.deployment.recovery import (
    TerminalEventFor,
    approval_expired_event,
    cancelled_event,
    close_if_not_queued,
    find_terminal_event,
    process_died_event,
    too_many_attempts_event,
)
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.ports.run_queue import RunLease, RunQueue
from semantest_iac.application.ports.stack_locks import LockHolder, StackLocks
from semantest_iac.application.ports.stack_visibility import RequireVisible, take_for_visible
from semantest_iac.application.queries.history import find_owning_engine
from semantest_iac.application.worker import Done, Park, Retry
from semantest_iac.domain.delivery.canary import CHECK_INTERVAL_S
from semantest_iac.domain.deployment.deployment import Deployment
from semantest_iac.domain.deployment.status import TERMINAL_STATUSES, DeploymentStatus
from semantest_iac.domain.deployment.traffic_shifts import is_shifting, request_shift
from semantest_iac.domain.errors import RefusedError
from semantest_iac.domain.guardrails.engine_choice import EngineChoice, require_same_engine
from semantest_iac.domain.ports.provisioner import ReportProgress, WaitReporter, ignore_progress
from semantest_iac_events.event import StackRequest


@dataclass(frozen=True, slots=True)
class RunScope:
    """What is made for one run: its engine, and its bus, which records as long as the run has its lease."""

    bus: MessageBus
    engine: EngineChoice


MAX_ATTEMPTS = 5
"""So many workers may die during a run before a person has to look why."""

OpenRun = Callable[[RunLease, StackRequest], RunScope]


class RunExecutor:
    """Brings each run to its terminal event, or to where it waits for an approval.

    A run that somebody else had begun is closed as interrupted, as somebody has just requested what is to be instead;
    with `resumes`, or where it was requested here, it is carried out again, up to MAX_ATTEMPTS times. One that has
    waited goes on, whoever has begun it: its run before was not cut short.
    """

    def __init__(  # noqa: PLR0913  # one parameter for each thing that it asks
        self,
        open_run: OpenRun,
        queue: RunQueue,
        locks: StackLocks,
        ledger: LedgerReader,
        progress: ReportProgress = ignore_progress,
        *,
        resumes: bool = False,
        require_visible: RequireVisible = take_for_visible,
        read_now: Callable[[], datetime] = read_utc_now,
    ) -> None:
        self._read_now = read_now
        self._open_run = open_run
        self._queue = queue
        self._locks = locks
        self._ledger = ledger
        self._progress = progress
        self._resumes = resumes
        self._require_visible = require_visible
        self._adopted: set[str] = set()
        self._running: tuple[MessageBus, StackRequest] | None = None
        self._buses: dict[RunLease, MessageBus] = {}

    async def advance(self, lease: RunLease) -> Done | Park | Retry:
        """Carry out the run; one that is cancelled meanwhile is ended, and that is recorded.

        What the deployment is when the lease begins it still is when the stack is free: nobody else may record of it.
        """
        deployment = require_deployment(self._ledger, lease.deployment)
        scope = self._open_run(lease, deployment.request)
        self._buses[lease] = scope.bus
        try:
            async with self._hold_stack(lease):
                await close_if_not_queued(self._ledger, scope.bus, lease.stack, partial(self._list_queued, lease.stack))
                await self._execute(lease, deployment, scope)
            if self.waits_for_approval(lease.deployment):
                has_waited = deployment.status is DeploymentStatus.AWAITING_APPROVAL
                return await self._park_or_end(lease, scope.bus, is_over=has_waited and lease.is_due)
            return self._find_next_look(lease.deployment) or Done()
        except asyncio.CancelledError:
            if await self._request_return(lease, scope.bus):
                return Retry(at=0)
            await self._end(deployment, scope.bus, cancelled_event)
        finally:
            del self._buses[lease]
        return Done()

    async def _park_or_end(self, lease: RunLease, bus: MessageBus, *, is_over: bool) -> Done | Park:
        """Park what waits for an approval, unless its time is over, or a later request makes it needless."""
        deployment = require_deployment(self._ledger, lease.deployment)
        if is_over or deployment.approval_end <= self._read_now():
            await self._end(deployment, bus, approval_expired_event)
        elif successor := self._find_successor(lease):
            await self._end(deployment, bus, lambda waiting: waiting.supersede(successor))
        else:
            return Park(deployment.approval_end.timestamp())
        return Done()

    def _find_successor(self, lease: RunLease) -> str | None:
        """Return the queued request that states what the stack is to be instead, as this one does.

        One that comes later ends the parked run itself.
        """
        runs = [run for run in self._queue.list_runs([lease.stack]) if run.replaces_waiting]
        own = next((run for run in runs if run.deployment == lease.deployment), None)
        later = [run for run in runs if run.state == "waiting" and run.due is None]
        return later[-1].deployment if own and later and later[-1].position > own.position else None

    def _find_next_look(self, deployment: str) -> Park | None:
        """Return until when the traffic of a new version stays as it is; None where nothing is shifted."""
        row = self._ledger.deployment(deployment)
        if row is None or row.state in TERMINAL_STATUSES:  # as after nearly every run: its events need not be read
            return None
        current = require_deployment(self._ledger, deployment)
        if not (is_shifting(current) and current.shifted and current.shifted.until):
            return None
        next_look = self._read_now().timestamp() + CHECK_INTERVAL_S
        return Park(min(current.shifted.until.timestamp(), next_look))

    async def _request_return(self, lease: RunLease, bus: MessageBus) -> bool:
        """Record that a cancelled deployment returns its new version; False where it has no share of the traffic."""
        current = require_deployment(self._ledger, lease.deployment)
        if not is_shifting(current):
            return False
        await bus.record(request_shift(current, "return", "`cancel`", "the deployment was cancelled"))
        return True

    @contextmanager
    def adopt(self, deployment: str) -> Iterator[None]:
        """Carry this deployment on during the block, whoever had begun it: somebody waits here for its end."""
        self._adopted.add(deployment)
        try:
            yield
        finally:
            self._adopted.discard(deployment)

    def waits_for_approval(self, deployment: str) -> bool:
        """Whether nothing goes on with a deployment before a person has approved its plan."""
        row = self._ledger.deployment(deployment)
        return row is not None and row.state is DeploymentStatus.AWAITING_APPROVAL

    def forget(self, lease: RunLease) -> None:
        """Record nothing more of a run whose lease is lost: whoever has the next one goes on from what is recorded."""
        if bus := self._buses.get(lease):
            bus.seal()

    async def abandon(self) -> None:
        """Record that the running request was cancelled without waiting for its run, which records nothing more."""
        if self._running is not None:
            bus, request = self._running
            await bus.record_last(lambda: find_terminal_event(self._ledger, request, cancelled_event))

    async def _execute(self, lease: RunLease, deployment: Deployment, scope: RunScope) -> None:
        if deployment.has_ended:  # its worker died before it could say so
            return
        has_begun = lease.attempts > 1 or deployment.status is not DeploymentStatus.PENDING
        is_carried_on = self._resumes or lease.deployment in self._adopted or deployment.may_go_on
        if lease.is_cancelled and await self._request_return(lease, scope.bus):
            await self._handle(deployment, scope)
        elif lease.is_cancelled:
            await self._end(deployment, scope.bus, cancelled_event)
        elif deployment.status is DeploymentStatus.AWAITING_APPROVAL:
            return  # it is parked again, or ends
        elif has_begun and not is_carried_on:
            await self._end(deployment, scope.bus, process_died_event)
        elif lease.attempts > MAX_ATTEMPTS:
            await self._end(deployment, scope.bus, too_many_attempts_event)
        else:
            await self._handle(deployment, scope)

    async def _handle(self, deployment: Deployment, scope: RunScope) -> None:
        request = deployment.request
        try:
            require_same_engine(request.stack, scope.engine, find_owning_engine(self._ledger, request.stack))
            if deployment.is_removal:
                self._require_visible(request.stack)
        except RefusedError as error:
            await scope.bus.publish(deployment.reject(error))
            return
        self._running = scope.bus, request
        try:
            await scope.bus.handle(request)
        finally:
            self._running = None

    async def _end(self, deployment: Deployment, bus: MessageBus, terminal_event_for: TerminalEventFor) -> None:
        if event := find_terminal_event(self._ledger, deployment.request, terminal_event_for):
            await bus.publish(event)

    def _list_queued(self, stack: str) -> set[str]:
        return {run.deployment for run in self._queue.list_runs([stack])}

    @asynccontextmanager
    async def _hold_stack(self, lease: RunLease) -> AsyncIterator[None]:
        """Hold the stack on this machine for the block, where a killed run may have left programs that still end."""
        wait = WaitReporter(self._progress)

        def on_wait(holder: LockHolder | None) -> None:
            wait.report_holder(str(holder or "another run"))

        try:
            async with self._locks.hold(lease.stack, deployment=lease.deployment, on_wait=on_wait):
                wait.report_end("done")
                yield
        finally:
            wait.report_end("failed")
