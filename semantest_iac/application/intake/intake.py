"""Accepts or refuses requests, and has the accepted ones carried out one after the other for each stack."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from semantest_iac.application.deployment.context import DeploymentContext
from semantest_iac.application.deployment.preparation import Preparation
from semantest_iac.application.deployment.recovery import cancelled_event, close_unfinished, process_died_event
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.ports.run_queue import OnWait, RunQueue
from semantest_iac.application.queries.history import find_owning_engine
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.guardrails.engine_choice import EngineChoice, require_default_engine, require_same_engine
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested


class Intake:
    """Accepts requests; a refused request is raised to the caller and leaves nothing in the ledger."""

    def __init__(
        self,
        preparation: Preparation,
        queue: RunQueue,
        bus: MessageBus,
        ledger: LedgerReader,
        engines: Collection[str],
        engine: EngineChoice,
    ) -> None:
        self._preparation = preparation
        self._queue = queue
        self._bus = bus
        self._ledger = ledger
        self._engines = engines
        self._engine = engine

    async def accept_deploy(
        self, request: DeploymentRequested, settings: ComponentSettings | None = None
    ) -> DeploymentContext:
        """Validate the request and build its package; raises ValidationError, ArtifactError, RefusedError.

        `settings` are those of a configuration that was validated before. RefusedError comes last, so that all
        faults of the configuration are reported first.
        """
        context = await self._preparation.prepare(request, settings)
        require_default_engine(request.environment, self._engines)
        return context

    def accept_destroy(self, request: InfrastructureRemovalRequested) -> None:
        """Raise ValidationError for an unknown stack, RefusedError for an environment without its engine."""
        self._preparation.require_valid_stack(request)
        require_default_engine(request.environment, self._engines)

    async def run(self, request: StackRequest, on_wait: OnWait) -> None:
        """Wait for the stack and return when the accepted request has its terminal event.

        Raises RefusedError if another engine has changed the stack meanwhile. A request that is cancelled gets its
        terminal event too, if it was recorded already.
        """
        async with self._queue.hold(request.stack, deployment=request.deployment_id, on_wait=on_wait):
            await close_unfinished(self._ledger, self._bus, request.stack, process_died_event)
            require_same_engine(request.stack, self._engine, find_owning_engine(self._ledger, request.stack))
            try:
                await self._bus.publish(request)
            except asyncio.CancelledError:
                await close_unfinished(self._ledger, self._bus, request.stack, cancelled_event)
                raise
