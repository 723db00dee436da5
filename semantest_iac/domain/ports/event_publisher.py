"""The port through which the events of a deployment are published."""

from __future__ import annotations

from typing import Protocol

from semantest_iac_events.event import StackEvent


class EventPublisher(Protocol):
    """Publishes events of one stack in the order of the calls."""

    async def publish(self, event: StackEvent, /) -> None:
        """Record the event durably, then hand it to everything that handles it."""
        ...
