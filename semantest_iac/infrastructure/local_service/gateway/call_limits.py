"""Counts calls against rates and quotas, exactly: of calls at the same moment as many pass as are left."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from semantest_iac.infrastructure.local_service.api_frontend import RateLimit, SlidingWindow, TokenBuckets
from semantest_iac.infrastructure.local_service.gateway.rules import CallQuota, CallRate

Clock = Callable[[], float]
_FIRST_MONDAY: Final = datetime(1, 1, 1, tzinfo=UTC).timestamp()


class CallLimits:
    """The calls that were counted, by limit and caller; they outlive a deployment that leaves a limit as it is."""

    def __init__(self, clock: Clock = time.monotonic, wall_clock: Clock = time.time) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._rates: dict[tuple[str, str, CallRate], SlidingWindow | TokenBuckets] = {}
        self._quotas: dict[tuple[str, str, CallQuota], tuple[float, int]] = {}  # end of the period, calls in it

    def count_against_rate(self, name: str, caller: str, rate: CallRate) -> float:
        """Count a call and return 0, or return the seconds until the next one may pass."""
        key = (name, caller, rate)
        counter = self._rates.get(key)
        if counter is None:
            counter = self._rates[key] = self._create_counter(rate)
        return counter.acquire_or_wait_s()

    def count_against_quota(self, name: str, caller: str, quota: CallQuota) -> float:
        """Count a call and return 0, or return the seconds until the next period begins."""
        key, now = (name, caller, quota), self._wall_clock()
        end, used = self._quotas.get(key, (0.0, 0))
        if now >= end:
            end, used = _find_end_of_period(quota, now), 0
        if used >= quota.calls:
            return end - now
        self._quotas[key] = end, used + 1
        return 0

    def _create_counter(self, rate: CallRate) -> SlidingWindow | TokenBuckets:
        if not rate.is_bucket:
            return SlidingWindow(rate.calls, rate.seconds, self._clock)
        limit = RateLimit(rate.calls / rate.seconds, rate.burst or rate.calls)
        return TokenBuckets(lambda _: limit, self._clock)


def _find_end_of_period(quota: CallQuota, now: float) -> float:
    if quota.is_month:
        moment = datetime.fromtimestamp(now, UTC)
        year, month = divmod(moment.year * 12 + moment.month, 12)
        return datetime(year, month + 1, 1, tzinfo=UTC).timestamp()
    passed = (now - _FIRST_MONDAY) // quota.seconds
    return _FIRST_MONDAY + (passed + 1) * quota.seconds
