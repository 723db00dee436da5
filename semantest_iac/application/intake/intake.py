"""Accepts requests: each waits for its stack, is put on record, and is then carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from semantest_iac.application.attempt import Attempt
from semantest_iac.application.failures import called_off, interrupted
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.ports.run_queue import OnWait, RunQueue
from semantest_iac.application.preparation import Preparation
from semantest_iac.application.recorder import revived
from semantest_iac.domain.deployment.states import LIVE, DeploymentState
from semantest_iac.domain.guardrails.engine_choice import engine_for
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.stack_event import StackEvent, StackRequest

Ending = Callable[[StackRequest, DeploymentState], StackEvent | None]


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

    async def prepared(self, request: DeploymentRequested) -> Attempt:
        """A deployment with its settings and package; raises ValidationError, ArtifactError, RefusedError.

        RefusedError comes last: who asks for the wrong environment learns of the other faults first.
        """
        attempt = await self._preparation.prepare(request)
        engine_for(request.environment, self._engines)
        return attempt

    async def admit(self, request: StackRequest) -> None:
        """Raise what would stop the request before it changed anything, as `prepared` does."""
        if isinstance(request, DeploymentRequested):
            await self.prepared(request)
            return
        self._preparation.require_known(request)
        engine_for(request.environment, self._engines)

    async def submit(self, request: StackRequest, on_wait: OnWait) -> None:
        """Returns when the request has its terminal event; raises as `admit` does, before anything is written.

        A request that is cancelled from outside gets its terminal event too, if it was on record already.
        """
        await self.admit(request)
        async with self._queue.hold(request.stack, deployment=request.deployment_id, on_wait=on_wait):
            await self._close(request.stack, lambda opening, _: interrupted(opening))
            try:
                await self._bus.publish(request)
            except asyncio.CancelledError:
                await self._close(request.stack, called_off)
                raise

    async def _close(self, stack: str, ending: Ending) -> None:
        """Who holds the stack knows that nobody else works on it, and that all but its newest deployment ended."""
        unfinished = [row for row in self._ledger.deployments([stack], limit=1) if row.state in LIVE]
        for row in unfinished:
            for opened in self._ledger.log(row.position - 1, limit=1):
                request = revived(opened)
                if isinstance(request, StackRequest) and (end := ending(request, row.state)):
                    await self._bus.publish(end)
