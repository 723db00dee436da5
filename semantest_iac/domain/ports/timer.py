"""The port to elapsed time."""

from __future__ import annotations

from typing import Protocol


class Timer(Protocol):
    """Reads a monotonic clock and pauses; tests pass without waiting."""

    def read(self) -> float:
        """Return seconds since any fixed moment."""
        ...

    async def pause(self, seconds: float) -> None:
        """Return after so many seconds; cancelling ends the pause."""
        ...
