"""A request for the WebSocket API: carry it out."""

from __future__ import annotations

from collections.abc import Sequence

from semantest_iac.application.deployment_process import DeploymentProcess
from semantest_iac.application.message_bus import Handler, listen
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import Event

COMPONENT = "websocket"


def deploy_websocket(process: DeploymentProcess) -> Handler:
    """The handler of deployment requests for this component; others' are left to their own handlers."""

    @listen(DeploymentRequested)
    async def handle(event: Event) -> Sequence[Event]:
        if not isinstance(event, DeploymentRequested) or event.component != COMPONENT:
            return []
        return [await process.deploy(event)]

    return handle
