"""Positions of sources, in memory."""

from __future__ import annotations

from semantest_iac.domain.errors import LedgerError


class MemoryTransportPositions:
    """Keeps positions; a save fails as often as `failures` says."""

    def __init__(self) -> None:
        self.saved: dict[str, str] = {}
        self.failures = 0

    def read(self, transport: str) -> str | None:
        return self.saved.get(transport)

    async def save(self, transport: str, position: str) -> None:
        if self.failures:
            self.failures -= 1
            raise LedgerError("The disk is full.")
        self.saved[transport] = position
