"""Emits the requests of a PythonEDA application to where they are carried out."""

from __future__ import annotations

import logging
from typing import Any

from pythoneda.shared import EventEmitter
from pythoneda.shared.iac.events import InfrastructureRemovalRequested, InfrastructureUpdateRequested

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.pythoneda_bridge.bridge import find_open_bridge
from semantest_iac_events.event import StackRequest
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

    What was emitted reaches the listeners of the application too, as from PythonEDA's other emitters: a request is
    delivered twice, and carried out once.
    """

    async def emit(self, event: Any) -> None:
        """Submit a request; every other event is given to the listeners of the application alone."""
        if isinstance(event, _REQUESTS):
            await self._submit(event)
        await super().emit(event)

    async def _submit(self, event: Any) -> None:
        bridge = find_open_bridge()
        if bridge is None:
            _LOG.error("Nothing carries out %s %s: no bridge is open.", type(event).__name__, event.id)
            return
        try:
            await bridge.submit(event)
        except DeploymentError as error:
            _LOG.error("Cannot submit %s %s: %s", type(event).__name__, event.id, error.reason)
