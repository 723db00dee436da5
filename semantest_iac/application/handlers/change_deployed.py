"""Handles requests to roll back and to scale what is deployed."""

from __future__ import annotations

from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac.application.deployment.resolved_requests import ChangeRequest
from semantest_iac_events.event import StackEvent


async def change_deployed(process: DeploymentProcess, request: ChangeRequest) -> list[StackEvent]:
    """Deploy what the request asks for, of a component of any type."""
    return [await process.change_deployed(request)]
