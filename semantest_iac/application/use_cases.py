"""The use cases of the application; the command line and the Python API call the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from semantest_iac.application.deployment.context import DeploymentContext
from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac.application.intake.intake import Intake
from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.deployment_service import DeploymentService
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import LedgerError, NotFoundError
from semantest_iac.domain.guardrails.engine_choice import EngineChoice, read_engine_choice
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.service_probe import ProbeAnswer, ServiceProbe
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested


class DeploymentUseCase:
    """Deploy, preview, destroy and call; every method raises DeploymentError for a refused request.

    A deployment that was accepted and failed is returned, not raised: its row has the state and the error.
    """

    def __init__(
        self,
        intake: Intake,
        process: DeploymentProcess,
        service: DeploymentService,
        probe: ServiceProbe,
        ledger: LedgerReader,
        engine: EngineChoice,
    ) -> None:
        self._intake = intake
        self._process = process
        self._service = service
        self._probe = probe
        self._ledger = ledger
        self._engine = engine

    async def deploy(  # one parameter for each part of the request
        self,
        stack: Stack,
        configuration: Mapping[str, Any],
        *,
        settings: ComponentSettings | None = None,
        by: str = "",
        batch: str | None = None,
        keep_failed: bool = False,
    ) -> DeploymentRow:
        """Deploy the stack with this configuration and return how that ended.

        `settings` are those of a deployment spec, whose configuration is not validated again. `batch` is the
        correlation id that all stacks of one command share. `keep_failed` keeps a first deployment that fails.
        """
        values = dict(configuration)
        if read_engine_choice(stack.environment, values) != self._engine:  # recorded: the stack belongs to this engine
            values |= asdict(self._engine)
        request = DeploymentRequested(**asdict(stack), configuration=values, requested_by=by, keep_failed=keep_failed)
        request = request.model_copy(update={"correlation_id": batch}) if batch else request
        await self._intake.accept_deploy(request, settings)
        await self._intake.run(request)
        return self._row_of(request.deployment_id)

    async def preview(
        self, stack: Stack, configuration: Mapping[str, Any], *, settings: ComponentSettings | None = None
    ) -> DeploymentContext:
        """Take the read-only steps of a deployment; nothing is recorded."""
        request = DeploymentRequested(**asdict(stack), configuration=dict(configuration))
        return await self._process.plan(await self._intake.accept_deploy(request, settings))

    async def preview_destroy(self, stack: Stack) -> ChangePlan:
        """Return what `destroy` would delete; refuses what `destroy` refuses."""
        self._intake.accept_destroy(InfrastructureRemovalRequested(**asdict(stack)))
        return await self._process.plan_destroy(stack)

    async def destroy(self, stack: Stack, *, by: str = "") -> DeploymentRow:
        """Delete every resource of the stack and return how that ended."""
        request = InfrastructureRemovalRequested(**asdict(stack), requested_by=by)
        self._intake.accept_destroy(request)
        await self._intake.run(request)
        return self._row_of(request.deployment_id)

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        """Send one request through the stack's endpoint."""
        if not stack.is_service:
            raise NotFoundError(f"Cannot call '{stack}': it has no endpoint.")
        return await self._probe.call(stack, request)

    def _row_of(self, deployment: str) -> DeploymentRow:
        row = self._ledger.deployment(deployment)
        if row is None:
            raise LedgerError(f"Cannot find deployment '{deployment}' in the ledger after it ended.")
        return row
