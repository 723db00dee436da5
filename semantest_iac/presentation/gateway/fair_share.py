"""Shares the event loop between stacks: while another one is active, the work of a stack begins piece after piece.

Otherwise as many pieces of a busy stack as it has clients would run before one of the other stack. A stack that is
alone is never slowed, and neither are calls of a stack whose calls took little of the last second.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

ACTIVE_S = 1.0
"""How long a stack counts as active after a piece of its work has begun."""

LONGEST_TURN_S = 0.02
"""After so long the next call of a stack begins, also while the one before waits for its function."""

UNLIMITED_S = 0.1
"""So much of the last second the calls of a stack may take before they begin one after the other."""


class FairShare:
    """When calls of functions and parts of bodies may begin, in a line each for every stack."""

    def __init__(self) -> None:
        self._active: dict[str, float] = {}  # when work of each stack began last, the latest at the end
        self._calls = defaultdict[str, _Line](_Line)
        self._parts = defaultdict[str, _Line](_Line)

    @asynccontextmanager
    async def begin_call(self, stack: str) -> AsyncIterator[None]:
        """Wait until the call before has ended or taken LONGEST_TURN_S; the call lasts as long as the block."""
        loop, line = asyncio.get_running_loop(), self._calls[stack]
        is_limited = self._mark_active(stack) and line.used_s(loop.time()) > UNLIMITED_S
        turn = await line.begin_turn(is_limited=is_limited)
        began = loop.time()
        timer = loop.call_later(LONGEST_TURN_S, self._end_call, stack, turn)
        try:
            yield
        finally:
            timer.cancel()
            line.add_use(min(loop.time() - began, LONGEST_TURN_S), loop.time())
            self._end_call(stack, turn)

    async def begin_part(self, stack: str) -> None:
        """Wait until a part of a body may be handled: one of each stack in each pass of the event loop."""
        if self._mark_active(stack):
            line = self._parts[stack]
            turn = await line.begin_turn(is_limited=True)
            asyncio.get_running_loop().call_soon(line.end_turn, turn)

    def _end_call(self, stack: str, turn: object) -> None:
        self._calls[stack].end_turn(turn, lets_all=not self._is_shared(stack))

    def _mark_active(self, stack: str) -> bool:
        """Note that work of a stack begins, and return whether another one is active."""
        self._active.pop(stack, None)
        self._active[stack] = asyncio.get_running_loop().time()
        return self._is_shared(stack)

    def _is_shared(self, stack: str) -> bool:
        oldest = asyncio.get_running_loop().time() - ACTIVE_S
        while self._active and (first := next(iter(self._active.items())))[1] < oldest:
            del self._active[first[0]]
        return len(self._active) > (stack in self._active)


class _Line:
    """Turns in the order in which they were asked for; when the last that began has ended, the next one begins."""

    def __init__(self) -> None:
        self._current: object = None
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._used_s, self._counted_at = 0.0, 0.0

    def used_s(self, now: float) -> float:
        """The seconds that turns took; what is a second ago counts a third."""
        return self._used_s * math.exp(self._counted_at - now)

    def add_use(self, seconds: float, now: float) -> None:
        self._used_s, self._counted_at = self.used_s(now) + seconds, now

    async def begin_turn(self, *, is_limited: bool) -> object:
        """Return the turn; a limited one waits for those before it."""
        if not is_limited or self._current is None:
            self._current = turn = object()
            return turn
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            self.end_turn(waiter)
            raise
        return waiter

    def end_turn(self, turn: object, *, lets_all: bool = False) -> None:
        """Begin the next turn, or all that wait; a turn after which another has begun decides nothing."""
        if turn is not self._current:
            return
        self._current = None
        while self._waiters and (lets_all or self._current is None):
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._current = waiter
                waiter.set_result(None)
