"""Stack locks within one event loop."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from semantest_iac.application.ports.stack_locks import LockHolder, OnWait
from semantest_iac.domain.errors import StackBusyError, StorageError


class FakeStackLocks:
    """Lets one run at a time hold a stack, in the order of the requests."""

    def __init__(self) -> None:
        self.holders: dict[str, LockHolder] = {}
        self.is_full = False
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def require_room(self) -> None:
        if self.is_full:
            raise StorageError("Cannot begin: the disk is full.", "DISK_FULL")

    @asynccontextmanager
    async def hold(
        self,
        stack: str,
        *,
        deployment: str,
        on_wait: OnWait | None = None,
        timeout_s: float | None = None,
    ) -> AsyncIterator[None]:
        if stack in self.holders and on_wait:
            on_wait(self.holders[stack])
        try:
            await asyncio.wait_for(self._locks[stack].acquire(), timeout_s)
        except TimeoutError as error:
            raise StackBusyError(f"Cannot work on stack '{stack}': {self.holders[stack]} holds it.") from error
        self.holders[stack] = LockHolder(deployment, 1, "here", "2026-01-01T12:00:00Z")
        try:
            yield
        finally:
            del self.holders[stack]
            self._locks[stack].release()
