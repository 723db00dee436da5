"""Named points in fakes at which a test can raise errors or stop the caller."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque


class ControlPoints:
    """Fakes pass named points; each error registered for a point is raised once, in order."""

    def __init__(self) -> None:
        self._errors: defaultdict[str, deque[BaseException | None]] = defaultdict(deque)
        self._held: dict[str, tuple[asyncio.Event, asyncio.Event]] = {}

    def fail(self, point: str, *errors: BaseException | None) -> None:
        """Raise these errors at the next passes, one each; None lets one pass."""
        self._errors[point].extend(errors)

    def hold(self, point: str, released: asyncio.Event | None = None) -> asyncio.Event:
        """Block the next caller, for ever or until it is released; the event is set when it has arrived."""
        arrived = asyncio.Event()
        self._held[point] = arrived, released or asyncio.Event()
        return arrived

    def pass_by(self, point: str) -> None:
        """Pass the point without blocking."""
        error = self._errors[point].popleft() if self._errors[point] else None
        if error:
            raise error

    async def reach(self, point: str) -> None:
        """Pass the point, or block there if the test holds the next caller."""
        self.pass_by(point)
        held = self._held.pop(point, None)
        if held:
            arrived, released = held
            arrived.set()
            await released.wait()
