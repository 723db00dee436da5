"""Handles deployment requests for one component."""

from __future__ import annotations

from collections.abc import Sequence

from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac.application.message_bus import Handler, listen
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import Event


def deploy_component(component: str, process: DeploymentProcess) -> Handler:
    """The handler of deployment requests for this component; others' are left to their own handlers."""

    @listen(DeploymentRequested)
    async def handle(event: Event) -> Sequence[Event]:
        if not isinstance(event, DeploymentRequested) or event.component != component:
            return []
        return [await process.deploy(event)]

    return handle
