"""Emits the events of a PythonEDA application to where requests are carried out and subscriptions are looked at."""

from __future__ import annotations

import logging
from typing import Any

from pythoneda.shared import Event as PythonedaEvent
from pythoneda.shared import EventEmitter
from pythoneda.shared.iac.events import InfrastructureRemovalRequested, InfrastructureUpdateRequested

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.pythoneda_bridge.bridge import find_open_bridge, require_open
from semantest_iac_events.event import Event, StackRequest
from semantest_iac_events.triggers import ServiceDeploymentNeeded

_LOG = logging.getLogger(__name__)
_REQUESTS = (
    StackRequest,
    ServiceDeploymentNeeded,
    InfrastructureUpdateRequested,
    InfrastructureRemovalRequested,
)


class InfrastructureRequestEmitter(EventEmitter):
    """Submits requests that the application emits, for any worker to carry out, and then tells the application.

    Other events of PythonEDA lead to what the subscriptions in `semantest.yaml` say, by the name of their class.
    Everything reaches the listeners of the application too, as from PythonEDA's other emitters: a request is delivered
    twice, and carried out once.
    """

    async def emit(self, event: Any) -> None:
        """Submit a request, or let subscriptions look at another event; then give it to the listeners."""
        bridge = find_open_bridge()
        try:
            if isinstance(event, _REQUESTS):
                await require_open(bridge).submit(event)
            elif bridge is not None and isinstance(event, PythonedaEvent) and not isinstance(event, Event):
                await bridge.receive_other_event(event)
        except DeploymentError as error:
            _LOG.error("Cannot submit %s %s: %s", type(event).__name__, event.id, error.reason)
        await super().emit(event)
