"""Handles requests to destroy a stack."""

from __future__ import annotations

from collections.abc import Sequence

from semantest_iac.application.deployment.process import DeploymentProcess
from semantest_iac.application.message_bus import Handler, listen
from semantest_iac_events.event import Event
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested


def destroy(process: DeploymentProcess) -> Handler:
    """The handler of removal requests, of every component: a removal needs no blueprint."""

    @listen(InfrastructureRemovalRequested)
    async def handle(event: Event) -> Sequence[Event]:
        return [await process.destroy(event)] if isinstance(event, InfrastructureRemovalRequested) else []

    return handle
