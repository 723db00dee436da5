"""What is written down while one request is carried out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from semantest_iac.application.attempt import identity_of
from semantest_iac.application.failures import told
from semantest_iac.application.message_bus import MessageBus
from semantest_iac.domain.deployment.journal import StepFailed, StepIntended, StepObserved
from semantest_iac_events.stack_event import StackEvent, StackRequest

Result = TypeVar("Result")


class Chronicle:
    """Every event as caused by the request, every step before and after it is taken."""

    def __init__(self, bus: MessageBus, request: StackRequest) -> None:
        self._bus = bus
        self._request = request
        self._about = identity_of(request)

    async def publish(self, event: StackEvent) -> None:
        """For everybody; durable when it returns."""
        await self._bus.publish(event.caused_by(self._request))

    async def note(self, entry: StackEvent) -> None:
        """For the ledger alone."""
        await self._bus.record(entry.caused_by(self._request))

    async def step(self, name: str, act: Callable[[], Awaitable[Result]]) -> Result:
        """Take a step; an intention without an observation is what a crash or a cancellation leaves."""
        await self.note(StepIntended(**self._about, step=name))
        try:
            result = await act()
        except Exception as error:
            await self.note(StepFailed(**self._about, **told(error), step=name))
            raise
        await self.note(StepObserved(**self._about, step=name))
        return result
