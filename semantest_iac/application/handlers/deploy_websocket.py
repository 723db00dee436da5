"""Handles deployment requests for the WebSocket API."""

from __future__ import annotations

from semantest_iac.application.deployment.context import component_type_of
from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackEvent


async def deploy_websocket(process: DeploymentProcess, request: DeploymentRequested) -> list[StackEvent]:
    """Deploy a WebSocket API; requests for components of other types are left to their own handlers."""
    end = await process.deploy_or_watch(request) if component_type_of(request) == "websocket" else None
    return [end] if end else []
