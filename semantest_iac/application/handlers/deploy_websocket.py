"""Handles deployment requests for the WebSocket API."""

from __future__ import annotations

from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackEvent


async def deploy_websocket(process: DeploymentProcess, request: DeploymentRequested) -> list[StackEvent]:
    """Deploy the WebSocket API; requests for other components are left to their own handlers."""
    return [await process.deploy(request)] if request.component == "websocket" else []
