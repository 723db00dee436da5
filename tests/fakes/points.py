"""Places in fakes where a test can make something happen."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque


class Points:
    """Named places that fakes come by: each error waiting there is raised once, in order."""

    def __init__(self) -> None:
        self._errors: defaultdict[str, deque[Exception | None]] = defaultdict(deque)
        self._held: dict[str, asyncio.Event] = {}

    def fail(self, point: str, *errors: Exception | None) -> None:
        """Raise these errors at the next visits, one each; None lets a visitor pass."""
        self._errors[point].extend(errors)

    def hold(self, point: str) -> asyncio.Event:
        """Let the next visitor wait for ever; the event says that it has come."""
        self._held[point] = asyncio.Event()
        return self._held[point]

    def pass_by(self, point: str) -> None:
        """Come by without waiting."""
        error = self._errors[point].popleft() if self._errors[point] else None
        if error:
            raise error

    async def reach(self, point: str) -> None:
        """Come by, and stay if somebody is to be held here."""
        self.pass_by(point)
        held = self._held.pop(point, None)
        if held:
            held.set()
            await asyncio.Event().wait()
