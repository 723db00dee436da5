"""Handles requests to destroy a stack."""

from __future__ import annotations

from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac_events.event import StackEvent
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested


async def destroy(process: DeploymentProcess, request: InfrastructureRemovalRequested) -> list[StackEvent]:
    """Destroy a stack of any component: that needs no blueprint."""
    return [await process.destroy(request)]
