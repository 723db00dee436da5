"""Where a child works: its run, what it is told of the outside, and the providers beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.pulumi_engine.conversation import Child
from semantest_iac.infrastructure.pulumi_engine.runs import Run

PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Workplace:
    """A child and all it needs; after `leave` nothing of it is there any more."""

    run: Run
    child: Child
    environment: Mapping[str, str]
    providers: str
    leave: Callable[[], Awaitable[None]]


class Waiting:
    """Workplaces that are kept for the next order about their stack; left after a while, or with their event loop."""

    def __init__(self) -> None:
        self._kept: dict[Stack, tuple[Workplace, asyncio.Task[None]]] = {}

    def keep(self, stack: Stack, place: Workplace) -> None:
        """Nobody is at work there now."""
        self._kept[stack] = place, asyncio.create_task(self._wait(stack, place))

    async def taken(self, stack: Stack) -> Workplace | None:
        """The one that waits for this stack, if its child still lives."""
        place, end = self._kept.pop(stack, (None, None))
        if place is None or end is None:
            return None
        end.cancel()
        if place.child.is_alive:
            return place
        await place.leave()
        return None

    async def _wait(self, stack: Stack, place: Workplace) -> None:
        try:
            await asyncio.sleep(PATIENCE_S)
        finally:
            if self._kept.get(stack, (None, None))[0] is place:
                del self._kept[stack]
                await place.leave()
