"""Listens to requests in a PythonEDA application; importing this module makes the listeners known to PythonEDA.

PythonEDA dispatches by the exact class of an event, and stops at a listener that raises: these return their failures.
"""

from __future__ import annotations

import logging
from typing import Any

from pythoneda.shared import Event as PythonedaEvent
from pythoneda.shared import EventListener, listen
from pythoneda.shared.iac import events as iac_events

from semantest_iac.domain.errors import DeploymentError, RefusedError
from semantest_iac.infrastructure.pythoneda_bridge.bridge import find_open_bridge, require_open
from semantest_iac.infrastructure.pythoneda_bridge.messages import (
    PythonedaRequest,
    build_answer,
    describe_failed_submission,
    read_request,
)
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import Event
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested
from semantest_iac_events.triggers import ServiceDeploymentNeeded

_LOG = logging.getLogger(__name__)

PythonedaEvent.register(Event)


class InfrastructureRequestListener(EventListener):
    """Answers PythonEDA's own requests for infrastructure."""

    @classmethod
    @listen(iac_events.InfrastructureUpdateRequested)
    async def listen_update_requested(cls, event: PythonedaRequest) -> list[Any]:
        """Return InfrastructureUpdated or InfrastructureUpdateFailed once the deployment has ended."""
        return await answer_pythoneda_request(event)

    @classmethod
    @listen(iac_events.InfrastructureRemovalRequested)
    async def listen_removal_requested(cls, event: PythonedaRequest) -> list[Any]:
        """Return InfrastructureRemoved or InfrastructureRemovalFailed once the stack is destroyed."""
        return await answer_pythoneda_request(event)


class DeploymentRequestListener(EventListener):
    """Carries out requests in the form of this package's own events."""

    @classmethod
    @listen(DeploymentRequested)
    async def listen_deployment_requested(cls, event: DeploymentRequested) -> list[Event]:
        """Return the terminal event of the deployment."""
        return await _carry_out(event)

    @classmethod
    @listen(InfrastructureRemovalRequested)
    async def listen_own_removal_requested(cls, event: InfrastructureRemovalRequested) -> list[Event]:
        """Return the terminal event of the removal."""
        return await _carry_out(event)

    @classmethod
    @listen(ServiceDeploymentNeeded)
    async def listen_service_deployment_needed(cls, event: ServiceDeploymentNeeded) -> list[Event]:
        """Return the terminal event of the deployment of that service."""
        return await _carry_out(event)


async def answer_pythoneda_request(event: PythonedaRequest) -> list[Any]:
    """Return the answer to a request of PythonEDA; without an open bridge it is that nothing was done."""
    try:
        return await require_open(find_open_bridge()).answer(event)
    except RefusedError as error:
        received = read_request(event)
        return [build_answer(received, describe_failed_submission(received, error), iac_events)]


async def _carry_out(request: Event) -> list[Event]:
    try:
        return await require_open(find_open_bridge()).carry_out(request)
    except DeploymentError as error:
        _LOG.error("Cannot submit %s %s: %s", request.type_name, request.id, error.reason)
        return []
