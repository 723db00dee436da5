"""Handles deployment requests for the platform and its layers."""

from __future__ import annotations

from semantest_iac.application.deployment.context import component_type_of
from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac.domain.environments.names import PLATFORM_TYPES
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackEvent


async def deploy_platform(process: DeploymentProcess, request: DeploymentRequested) -> list[StackEvent]:
    """Deploy the platform or one of its layers; requests for other types are left to their own handlers."""
    end = await process.deploy_or_watch(request) if component_type_of(request) in PLATFORM_TYPES else None
    return [end] if end else []
