"""Handles deployment requests for the settings that an account has once."""

from __future__ import annotations

from semantest_iac.application.deployment.context import component_type_of
from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackEvent


async def deploy_account(process: DeploymentProcess, request: DeploymentRequested) -> list[StackEvent]:
    """Deploy the settings that an account has once; those for other types are left to their own handlers."""
    end = await process.deploy_or_watch(request) if component_type_of(request) == "account" else None
    return [end] if end else []
