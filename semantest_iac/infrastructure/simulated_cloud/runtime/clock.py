"""Virtual time: operations advance it and nothing waits for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

CLOCK_START: Final = datetime(2026, 11, 20, tzinfo=UTC)
"""The moment at which every simulated cloud begins; it is fixed, so that runs can be compared."""

SECONDS_PER_DAY: Final = 86_400.0


class VirtualClock:
    """Seconds since START; they never run backwards."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    @property
    def seconds(self) -> float:
        """Virtual seconds since START."""
        return self._seconds

    @property
    def now(self) -> datetime:
        """The virtual moment."""
        return CLOCK_START + timedelta(seconds=self._seconds)

    def advance(self, seconds: float) -> None:
        """Let that much time pass."""
        self._seconds += max(seconds, 0.0)

    def reach(self, seconds: float) -> None:
        """Catch up with a clock that may be ahead."""
        self._seconds = max(self._seconds, seconds)
