"""Accepts requests: each waits for its stack, is put on record, and is then carried out."""

from __future__ import annotations

from collections.abc import Collection

from semantest_iac.application.attempt import Attempt
from semantest_iac.application.failures import INTERRUPTED, failure_of
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.ports.run_queue import OnWait, RunQueue
from semantest_iac.application.preparation import Preparation
from semantest_iac.application.recorder import revived
from semantest_iac.domain.deployment.states import LIVE, OPENING
from semantest_iac.domain.guardrails.engine_choice import engine_for
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.stack_event import StackRequest


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

    async def admit(self, request: StackRequest) -> None:
        """Raise what would stop the request before it changed anything: ValidationError, ArtifactError, RefusedError.

        RefusedError comes last: who asks for the wrong environment learns of the other faults first.
        """
        if isinstance(request, DeploymentRequested):
            await self._preparation.prepare(Attempt(request))
        engine_for(request.environment, self._engines)

    async def submit(self, request: StackRequest, on_wait: OnWait) -> None:
        """Returns when the request has its terminal event; raises as `admit` does, before anything is written."""
        await self.admit(request)
        async with self._queue.hold(request.stack, deployment=request.deployment_id, on_wait=on_wait):
            await self._close_interrupted(request.stack)
            await self._bus.publish(request)

    async def _close_interrupted(self, stack: str) -> None:
        """Who holds the stack knows that nobody else works on it: what is unfinished now was killed."""
        unfinished = {row.deployment for row in self._ledger.deployments([stack]) if row.state in LIVE}
        if not unfinished:
            return
        for recorded in self._ledger.stream(stack):
            if recorded.type in OPENING and (opening := revived(recorded)) and _deployment(opening) in unfinished:
                failure = failure_of(opening, INTERRUPTED)
                if failure:
                    await self._bus.publish(failure)


def _deployment(event: object) -> str:
    return str(getattr(event, "deployment_id", ""))
