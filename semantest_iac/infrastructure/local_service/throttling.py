"""Limits of calls: buckets of tokens, as API Gateway keeps one for each route, and API Management's sliding window."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Throttle:
    """`rate` calls a second, and `burst` at once after silence."""

    rate: float
    burst: int


class Throttles:
    """What each route still lets through; a route without a limit lets everything through."""

    def __init__(self, limit_of: Callable[[str], Throttle | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_of = limit_of
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}  # tokens, and when they were counted

    def admits(self, route: str) -> bool:
        """Whether one more call may pass now; one that passes is counted."""
        limit = self._limit_of(route)
        if limit is None:
            return True
        now = self._clock()
        left, counted = self._left.get(route, (float(limit.burst), now))
        left = min(float(limit.burst), left + (now - counted) * limit.rate)
        self._left[route] = (left - 1 if left >= 1 else left, now)
        return left >= 1


class Window:
    """So many calls in any period of so many seconds."""

    def __init__(self, calls: int, period_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._times: deque[float] = deque(maxlen=calls)
        self._period_s = period_s
        self._clock = clock

    def wait(self) -> float:
        """Seconds until one more call may pass; one that passes now is counted."""
        now, is_full = self._clock(), len(self._times) == self._times.maxlen
        left = self._times[0] + self._period_s - now if is_full else 0.0
        if left > 0:
            return left
        self._times.append(now)
        return 0


@dataclass(frozen=True, slots=True)
class StageLimits:
    """The limit of each route; without one of its own a route has the stage's."""

    default: Throttle | None
    own: Mapping[str, Throttle | None]

    def __call__(self, route: str) -> Throttle | None:
        return self.own.get(route) or self.default


def stage_limits(stage: Mapping[str, Any] | None) -> StageLimits:
    """The limits by a deployed stage."""
    stage = stage or {}
    own = {str(it["routeKey"]): _limit(it) for it in stage.get("routeSettings") or ()}
    return StageLimits(_limit(stage.get("defaultRouteSettings") or {}), own)


def _limit(settings: Mapping[str, Any]) -> Throttle | None:
    rate, burst = settings.get("throttlingRateLimit"), settings.get("throttlingBurstLimit")
    return None if rate is None and burst is None else Throttle(float(rate or 0), int(burst or 0))
