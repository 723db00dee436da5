"""A clock that the test moves."""

from __future__ import annotations


class FakeTimer:
    """Pauses move its time; so does every read by `per_read`, which lets deadlines pass at once."""

    def __init__(self, per_read: float = 0.0) -> None:
        self.pauses: list[float] = []
        self._now = 0.0
        self._per_read = per_read

    def read(self) -> float:
        self._now += self._per_read
        return self._now

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._now += seconds
