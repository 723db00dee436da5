"""The port to what a cloud measures of a version that has a share of the traffic."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from semantest_iac.domain.delivery.canary import TrafficObservation
from semantest_iac.domain.deployment.stack import Stack


class TrafficObserver(Protocol):
    """Tells how the new version of a stack does; raises ProviderError where the cloud does not say."""

    async def prepare(self, stack: Stack) -> None:
        """Get ready for two versions; called before the second one is deployed, perhaps more than once."""
        ...

    async def observe(self, stack: Stack, since: datetime) -> TrafficObservation:
        """Return the requests to the new version since that time, and the alarms that are raised now."""
        ...
