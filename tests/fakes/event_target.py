"""A target of events in memory, which the test lets fail, and what a relay remembers beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from semantest_iac.application.ports.event_transports import (
    DeadLetter,
    PublishedMessage,
    PublishMessage,
    UnreachableTransportError,
)
from semantest_iac.application.ports.relay_leases import RelayLease
from semantest_iac.domain.errors import NotFoundError

DecideFate = Callable[[PublishedMessage], Exception | None]
"""Returns the error that a message is answered with."""


class FakeEventTarget:
    """Takes messages, unless `is_down` or `decide` says otherwise; `after` sees each message that it has taken."""

    def __init__(self, name: str = "nats", decide: DecideFate = lambda message: None) -> None:
        self.name = name
        self.decide = decide
        self.is_down = False
        self.connections = 0
        self.taken: list[PublishedMessage] = []
        self.after: Callable[[PublishedMessage], None] = lambda message: None
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[PublishMessage]:
        if self.is_down:
            raise UnreachableTransportError(f"Cannot reach '{self.name}'.")
        self.connections += 1
        yield self._publish

    async def wait_for(self, count: int) -> list[PublishedMessage]:
        """Return what it has taken once that are so many messages."""
        async with asyncio.timeout(60):
            while len(self.taken) < count:
                await self._changed.wait()
                self._changed.clear()
        return self.taken

    async def _publish(self, message: PublishedMessage) -> None:
        if self.is_down:
            raise UnreachableTransportError(f"Cannot reach '{self.name}'.")
        error = self.decide(message)
        if error is not None:
            raise error
        self.taken.append(message)
        self._changed.set()
        self.after(message)


class MemoryRelayLeases:
    """Leases and positions in memory, with an end that the test sets by `expire`."""

    def __init__(self) -> None:
        self.positions: dict[str, str] = {}
        self.saves: list[str] = []
        self._fences: dict[str, int] = {}
        self._held: dict[str, int] = {}

    async def claim(self, target: str, holder: str, lease_s: float) -> RelayLease | None:
        if target in self._held:
            return None
        self._fences[target] = self._held[target] = self._fences.get(target, 0) + 1
        return RelayLease(target, self._fences[target])

    async def renew(self, lease: RelayLease, lease_s: float, position: str | None = None) -> bool:
        if self._held.get(lease.target) != lease.fence:
            return False
        if position is not None:
            self.positions[lease.target] = position
            self.saves.append(position)
        return True

    async def release(self, lease: RelayLease) -> None:
        if self._held.get(lease.target) == lease.fence:
            del self._held[lease.target]

    def read_position(self, target: str) -> str | None:
        return self.positions.get(target)

    def expire(self, target: str) -> None:
        """End the lease, as if its time had come."""
        self._held.pop(target, None)


class MemoryDeadLetters:
    """Dead letters in memory."""

    def __init__(self) -> None:
        self.letters: dict[str, DeadLetter] = {}

    async def add(self, letter: DeadLetter) -> None:
        self.letters[letter.id] = letter

    def list(self) -> list[DeadLetter]:
        return sorted(self.letters.values(), key=lambda letter: letter.failed_at)

    def get(self, prefix: str) -> DeadLetter:
        found = [letter for id_, letter in self.letters.items() if id_.startswith(prefix)]
        if len(found) != 1:
            raise NotFoundError(f"Cannot find dead letter '{prefix}'.")
        return found[0]

    async def remove(self, id_: str) -> None:
        self.letters.pop(id_, None)
