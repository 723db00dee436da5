"""A run queue within one event loop."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from semantest_iac.application.ports.run_queue import LeaseHolder, OnWait
from semantest_iac.domain.errors import StackBusyError


@dataclass(frozen=True, slots=True)
class FakeLease:
    """A lease without a descriptor."""

    stack: str
    fence: int

    def fileno(self) -> int:
        raise OSError("a lease of this queue has no descriptor")


class FakeRunQueue:
    """Gives out one lease per stack at a time, in the order of the requests."""

    def __init__(self) -> None:
        self.holders: dict[str, LeaseHolder] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._fences = itertools.count(1)

    def is_held(self, stack: str) -> bool:
        return stack in self.holders

    @asynccontextmanager
    async def hold(
        self,
        stack: str,
        *,
        deployment: str,
        on_wait: OnWait | None = None,
        timeout_s: float | None = None,
    ) -> AsyncIterator[FakeLease]:
        if stack in self.holders and on_wait:
            on_wait(self.holders[stack])
        try:
            await asyncio.wait_for(self._locks[stack].acquire(), timeout_s)
        except TimeoutError as error:
            raise StackBusyError(f"Cannot work on stack '{stack}': {self.holders[stack]} holds it.") from error
        self.holders[stack] = LeaseHolder(deployment, 1, "here", "2026-01-01T12:00:00Z")
        try:
            yield FakeLease(stack, next(self._fences))
        finally:
            del self.holders[stack]
            self._locks[stack].release()
