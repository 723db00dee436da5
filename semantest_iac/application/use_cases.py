"""What people and programs ask of the application; the same for the command line and the Python API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from semantest_iac.application.deployment.context import DeploymentContext
from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac.application.intake.intake import Intake
from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader
from semantest_iac.application.ports.run_queue import LeaseHolder, OnWait
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.deployment_service import DeploymentService
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import LedgerError, NotFoundError
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.service_probe import ProbeAnswer, ServiceProbe
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested


def _ignore_wait(holder: LeaseHolder | None) -> None:
    """For callers that do not show who they wait for."""


class DeploymentUseCase:
    """Deploy, preview, destroy and call; every method raises DeploymentError for what is refused at the door.

    A deployment that was accepted and failed is an outcome, not an exception: look at the row's state and error.
    """

    def __init__(
        self,
        intake: Intake,
        process: DeploymentProcess,
        service: DeploymentService,
        probe: ServiceProbe,
        ledger: LedgerReader,
    ) -> None:
        self._intake = intake
        self._process = process
        self._service = service
        self._probe = probe
        self._ledger = ledger

    async def deploy(
        self,
        stack: Stack,
        configuration: Mapping[str, Any],
        *,
        by: str = "",
        of: str | None = None,
        on_wait: OnWait = _ignore_wait,
    ) -> DeploymentRow:
        """Bring the stack to its configuration and return how it ended.

        `of` is the correlation of what asked for several stacks at once.
        """
        request = DeploymentRequested(**asdict(stack), configuration=dict(configuration), requested_by=by)
        return await self._submitted(request.model_copy(update={"correlation_id": of}) if of else request, on_wait)

    async def preview(self, stack: Stack, configuration: Mapping[str, Any]) -> DeploymentContext:
        """Everything that a deployment would find out before it changes something; nothing is recorded."""
        request = DeploymentRequested(**asdict(stack), configuration=dict(configuration))
        return await self._process.plan(await self._intake.prepared(request))

    async def preview_destroy(self, stack: Stack) -> ChangePlan:
        """What `destroy` would delete; refused where `destroy` is."""
        await self._intake.admit(InfrastructureRemovalRequested(**asdict(stack)))
        return await self._service.provisioner.preview_destroy(stack)

    async def destroy(self, stack: Stack, *, by: str = "", on_wait: OnWait = _ignore_wait) -> DeploymentRow:
        """Delete everything of the stack and return how it ended."""
        return await self._submitted(InfrastructureRemovalRequested(**asdict(stack), requested_by=by), on_wait)

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        """Send one request through the stack's endpoint."""
        if not stack.is_service:
            raise NotFoundError(f"Cannot call '{stack}': nothing of it answers.")
        return await self._probe.call(stack, request)

    async def _submitted(self, request: StackRequest, on_wait: OnWait) -> DeploymentRow:
        await self._intake.submit(request, on_wait)
        row = self._ledger.deployment(request.deployment_id)
        if row is None:
            raise LedgerError(f"Cannot find deployment '{request.deployment_id}' in the ledger after it ended.")
        return row
