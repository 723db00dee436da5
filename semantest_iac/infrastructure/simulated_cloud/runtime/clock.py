"""Virtual time: operations advance it and nothing waits for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

CLOCK_START: Final = datetime(2026, 11, 20, tzinfo=UTC)
"""The moment at which every simulated cloud begins; fixed, so that runs can be compared."""

SECONDS_PER_DAY: Final = 86_400.0


class VirtualClock:
    """Counts virtual seconds since CLOCK_START; it never runs backwards."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    @property
    def seconds(self) -> float:
        return self._seconds

    @property
    def now(self) -> datetime:
        return CLOCK_START + timedelta(seconds=self._seconds)

    def advance(self, seconds: float) -> None:
        self._seconds += max(seconds, 0.0)

    def catch_up(self, seconds: float) -> None:
        """Move forward to so many seconds, unless the clock is ahead already."""
        self._seconds = max(self._seconds, seconds)
