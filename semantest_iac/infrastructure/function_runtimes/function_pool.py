"""The warm processes of one deployed function: one event at a time in each, as many as are needed at once."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from semantest_iac.infrastructure.function_runtimes.function_process import FunctionProcess
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How many processes there are at most, how long one stays without work, and when waiting is worth another one.

    A start takes many times as long as most calls: who finds all processes busy waits `patience_s` first.
    """

    most: int = max(4, 2 * (os.cpu_count() or 1))
    idle_s: float = 600
    patience_s: float = 0.05


@dataclass(eq=False, slots=True)
class _Place:
    """Room for one process, which FunctionProcess itself replaces after a crash or a timeout."""

    function: FunctionProcess
    exits: AsyncExitStack
    expiry: asyncio.TimerHandle | None = field(default=None)


class FunctionPool:
    """Starts processes on demand, hands the one used last to the next call, and ends those without work."""

    def __init__(self, spec: FunctionSpec, limits: PoolLimits | None = None) -> None:
        self.spec = spec
        self._limits = limits or PoolLimits()
        self._most = min(self._limits.most, spec.instances or self._limits.most)
        self._alive = 0
        self._idle: list[_Place] = []
        self._waiting: deque[asyncio.Future[_Place | None]] = deque()
        self._ending: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._emptied = asyncio.Event()
        self.note = ""

    async def invoke(self, event: object) -> Invocation:
        """The event's invocation in the next free process; raises RuntimeFailedError where none starts."""
        place = await self._taken()
        try:
            return await place.function.invoke(event)
        finally:
            self._give_back(place)

    async def aclose(self) -> None:
        """End the processes: those without work now, the others once they and all who wait are served."""
        self._is_closing = True
        while self._idle:
            self._end(self._idle.pop())
        if self._alive:
            self._emptied.clear()
            await self._emptied.wait()

    async def _taken(self) -> _Place:
        if not self._idle:
            given = await self._turn() if self._alive else None
            return given or await self._start()
        place = self._idle.pop()
        if place.expiry:
            place.expiry.cancel()
        return place

    async def _turn(self) -> _Place | None:
        """The next place that is given back; None where there is room for another one."""
        turn: asyncio.Future[_Place | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            if self._alive < self._most:
                await asyncio.wait({turn}, timeout=self._limits.patience_s)
                if self._alive < self._most and turn.cancel():
                    return None
            return await turn
        except asyncio.CancelledError:
            if not turn.cancel() and not turn.cancelled():
                self._give_back(turn.result())
            raise

    async def _start(self) -> _Place:
        self._alive += 1
        exits = AsyncExitStack()
        try:
            function = await exits.enter_async_context(FunctionProcess.start(self.spec))
        except BaseException:
            self._forget()
            self._hand_on(None)  # who waits may try
            raise
        self.note = function.note
        return _Place(function, exits)

    def _give_back(self, place: _Place | None) -> None:
        if self._hand_on(place) or place is None:
            return
        if self._is_closing:
            self._end(place)
            return
        place.expiry = asyncio.get_running_loop().call_later(self._limits.idle_s, self._expire, place)
        self._idle.append(place)

    def _hand_on(self, place: _Place | None) -> bool:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(place)
                return True
        return False

    def _expire(self, place: _Place) -> None:
        self._idle.remove(place)
        self._end(place)

    def _end(self, place: _Place) -> None:
        if place.expiry:
            place.expiry.cancel()
        ending = asyncio.get_running_loop().create_task(self._ended(place))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _ended(self, place: _Place) -> None:
        try:
            await place.exits.aclose()
        finally:
            self._forget()

    def _forget(self) -> None:
        self._alive -= 1
        if not self._alive:
            self._emptied.set()
