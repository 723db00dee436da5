"""Named points in fakes at which a test can raise errors or stop the caller."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque


class ControlPoints:
    """Fakes pass named points; each error registered for a point is raised once, in order."""

    def __init__(self) -> None:
        self._errors: defaultdict[str, deque[BaseException | None]] = defaultdict(deque)
        self._held: dict[str, asyncio.Event] = {}

    def fail(self, point: str, *errors: BaseException | None) -> None:
        """Raise these errors at the next passes, one each; None lets one pass."""
        self._errors[point].extend(errors)

    def hold(self, point: str) -> asyncio.Event:
        """Block the next caller for ever; the event is set when it has arrived."""
        self._held[point] = asyncio.Event()
        return self._held[point]

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
            held.set()
            await asyncio.Event().wait()
