"""Handles what deployment requests say about their environments."""

from __future__ import annotations

from semantest_iac.application.deployment.environment_configuration import (
    ConfiguredEnvironment,
    EnvironmentConfigurator,
)
from semantest_iac.domain.environments.names import ACCOUNT_COMPONENT
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import Event


async def configure_environment(environments: EnvironmentConfigurator, request: DeploymentRequested) -> list[Event]:
    """Publish the settings of the request's environment if they are new; registered before what deploys with them.

    The settings of an account belong to no environment.
    """
    if request.component == ACCOUNT_COMPONENT:
        return []
    environment = ConfiguredEnvironment(
        request.environment, request.provider, request.region, request.project, request.base_environment
    )
    await environments.configure(environment, request.configuration, request)
    return []
