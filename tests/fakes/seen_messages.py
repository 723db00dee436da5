"""What was taken, in memory."""

from __future__ import annotations

from collections.abc import Collection

from semantest_iac.domain.errors import LedgerError


class FakeSeenMessages:
    """Keeps keys for good; raises where it was told to fail."""

    def __init__(self) -> None:
        self.keys = set[tuple[str, str]]()
        self.error: LedgerError | None = None

    async def has_any(self, transport: str, keys: Collection[str]) -> bool:
        return any((transport, key) in self.keys for key in keys)

    async def add(self, transport: str, keys: Collection[str], kept_s: float | None) -> None:
        if self.error:
            raise self.error
        self.keys.update((transport, key) for key in keys)
