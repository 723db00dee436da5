"""Virtual time: it moves when something is done or somebody says so, and nothing ever waits for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2026, 11, 20, tzinfo=UTC)
"""The moment at which every simulated cloud begins; it is fixed, so that runs can be compared."""

DAY: Final = 86_400.0


class Clock:
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
        return START + timedelta(seconds=self._seconds)

    def advance(self, seconds: float) -> None:
        """Let that much time pass."""
        self._seconds += max(seconds, 0.0)

    def reach(self, seconds: float) -> None:
        """Catch up with a clock that may be ahead."""
        self._seconds = max(self._seconds, seconds)
