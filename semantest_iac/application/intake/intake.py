"""Accepts requests: each waits for its stack, is put on record, and is then carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from semantest_iac.application.deployment.context import DeploymentContext
from semantest_iac.application.deployment.failures import cancelled_event, process_died
from semantest_iac.application.deployment.preparation import Preparation
from semantest_iac.application.deployment.recorder import decode_event
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.ports.run_queue import OnWait, RunQueue
from semantest_iac.domain.deployment.status import ACTIVE_STATUSES, DeploymentStatus
from semantest_iac.domain.guardrails.engine_choice import find_default_engine
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackEvent, StackRequest

TerminalEventFor = Callable[[StackRequest, DeploymentStatus], StackEvent | None]


class Intake:
    """The one door for requests. What is refused here leaves no trace: it was never accepted."""

    def __init__(
        self,
        preparation: Preparation,
        queue: RunQueue,
        bus: MessageBus,
        ledger: LedgerReader,
        engines: Collection[str],
    ) -> None:
        self._preparation = preparation
        self._queue = queue
        self._bus = bus
        self._ledger = ledger
        self._engines = engines

    async def prepared(self, request: DeploymentRequested) -> DeploymentContext:
        """A deployment with its settings and package; raises ValidationError, ArtifactError, RefusedError.

        RefusedError comes last: who asks for the wrong environment learns of the other faults first.
        """
        attempt = await self._preparation.prepare(request)
        find_default_engine(request.environment, self._engines)
        return attempt

    async def admit(self, request: StackRequest) -> None:
        """Raise what would stop the request before it changed anything, as `prepared` does."""
        if isinstance(request, DeploymentRequested):
            await self.prepared(request)
            return
        self._preparation.require_known(request)
        find_default_engine(request.environment, self._engines)

    async def submit(self, request: StackRequest, on_wait: OnWait) -> None:
        """Returns when the request has its terminal event; raises as `admit` does, before anything is written.

        A request that is cancelled from outside gets its terminal event too, if it was on record already.
        """
        await self.admit(request)
        async with self._queue.hold(request.stack, deployment=request.deployment_id, on_wait=on_wait):
            await self._close(request.stack, lambda opening, _: process_died(opening))
            try:
                await self._bus.publish(request)
            except asyncio.CancelledError:
                await self._close(request.stack, cancelled_event)
                raise

    async def _close(self, stack: str, ending: TerminalEventFor) -> None:
        """Who holds the stack knows that nobody else works on it, and that all but its newest deployment ended."""
        unfinished = [row for row in self._ledger.deployments([stack], limit=1) if row.state in ACTIVE_STATUSES]
        for row in unfinished:
            for opened in self._ledger.log(row.position - 1, limit=1):
                request = decode_event(opened)
                if isinstance(request, StackRequest) and (end := ending(request, row.state)):
                    await self._bus.publish(end)
