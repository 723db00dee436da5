"""Accepts or refuses requests, and has the accepted ones carried out one after the other for each stack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from semantest_iac.application.deployment.context import DeploymentContext, component_type_of, stack_of
from semantest_iac.application.deployment.preparation import Preparation
from semantest_iac.application.deployment.recovery import (
    cancelled_event,
    close_newest_if_unfinished,
    find_terminal_event,
    process_died_event,
)
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.ports.stack_locks import LockHolder, StackLocks
from semantest_iac.application.queries.history import find_deployed_type, find_owning_engine
from semantest_iac.domain.deployment.events import PackageBuilt
from semantest_iac.domain.deployment.stack import require_same_type
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.guardrails.engine_choice import EngineChoice, require_default_engine, require_same_engine
from semantest_iac.domain.ports.provisioner import ReportProgress, WaitReporter, ignore_progress
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested


class Intake:
    """Accepts requests; a refused request is raised to the caller and leaves nothing in the ledger."""

    def __init__(  # noqa: PLR0913  # one parameter for each thing that it asks
        self,
        preparation: Preparation,
        locks: StackLocks,
        bus: MessageBus,
        ledger: LedgerReader,
        engines: Collection[str],
        engine: EngineChoice,
        progress: ReportProgress = ignore_progress,
    ) -> None:
        self._preparation = preparation
        self._locks = locks
        self._bus = bus
        self._ledger = ledger
        self._engines = engines
        self._engine = engine
        self._progress = progress
        self._running: StackRequest | None = None

    async def accept_deploy(
        self,
        request: DeploymentRequested,
        settings: ComponentSettings | None = None,
        package: PackageBuilt | None = None,
    ) -> DeploymentContext:
        """Validate the request and build its package; raises ValidationError, ArtifactError, RefusedError.

        `settings` are those of a configuration that was validated before, `package` is one that was recorded, which is
        fetched instead of building one (ArtifactStoreError). RefusedError comes last, so that all
        faults of the configuration are reported first.
        """
        deployed_type = find_deployed_type(self._ledger, request.stack)
        require_same_type(stack_of(request), component_type_of(request), deployed_type)
        context = await self._preparation.prepare(request, settings, package)
        require_default_engine(request.built_in_environment, self._engines, request.environment)
        return context

    def accept_destroy(self, request: InfrastructureRemovalRequested) -> None:
        """Raise ValidationError for an unknown stack, RefusedError for an environment without its engine."""
        self._preparation.require_valid_stack(request)
        require_default_engine(request.built_in_environment, self._engines, request.environment)

    async def run(self, request: StackRequest) -> None:
        """Wait for the stack and return when the accepted request has its terminal event.

        Raises RefusedError if another engine has changed the stack meanwhile. A request that is cancelled gets its
        terminal event too, if it was recorded already.
        """
        async with self._hold_stack(request):
            await close_newest_if_unfinished(self._ledger, self._bus, request.stack, process_died_event)
            require_same_engine(request.stack, self._engine, find_owning_engine(self._ledger, request.stack))
            self._running = request
            try:
                await self._bus.publish(request)
            except asyncio.CancelledError:
                await close_newest_if_unfinished(self._ledger, self._bus, request.stack, cancelled_event)
                raise
            finally:
                self._running = None

    async def abandon(self) -> None:
        """Record that the running request was cancelled without waiting for its run, which records nothing more."""
        request = self._running
        await self._bus.record_last(lambda: find_terminal_event(self._ledger, request, cancelled_event))

    @asynccontextmanager
    async def _hold_stack(self, request: StackRequest) -> AsyncIterator[None]:
        """Hold the stack for the block; waiting for another run is a step that names its deployment."""
        wait = WaitReporter(self._progress)

        def on_wait(holder: LockHolder | None) -> None:
            wait.report_holder(str(holder or "another run"))

        try:
            async with self._locks.hold(request.stack, deployment=request.deployment_id, on_wait=on_wait):
                wait.report_end("done")
                yield
        finally:
            wait.report_end("failed")
