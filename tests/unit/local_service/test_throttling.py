"""Buckets of tokens on a clock of their own."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.local_service.api_frontend import SlidingWindow, TokenBuckets, read_stage_limits


class Clock:
    """Stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def settings(rate: float | None, burst: int | None, **more: Any) -> dict[str, Any]:
    return {"throttlingRateLimit": rate, "throttlingBurstLimit": burst, **more}


def passed(throttles: TokenBuckets, route: str, calls: int) -> int:
    return sum(throttles.admits(route) for _ in range(calls))


class TestThrottles:
    def test_let_the_burst_through(self) -> None:
        throttles = TokenBuckets(read_stage_limits({"defaultRouteSettings": settings(10, 5)}), Clock())

        assert passed(throttles, "GET /a", 8) == 5

    def test_fill_up_again_at_the_rate(self) -> None:
        clock = Clock()
        throttles = TokenBuckets(read_stage_limits({"defaultRouteSettings": settings(10, 5)}), clock)
        passed(throttles, "GET /a", 5)

        clock.now = 0.25

        assert passed(throttles, "GET /a", 8) == 2

    def test_never_hold_more_than_the_burst(self) -> None:
        clock = Clock()
        throttles = TokenBuckets(read_stage_limits({"defaultRouteSettings": settings(10, 5)}), clock)
        passed(throttles, "GET /a", 1)

        clock.now = 3600

        assert passed(throttles, "GET /a", 8) == 5

    def test_are_each_routes_own(self) -> None:
        throttles = TokenBuckets(read_stage_limits({"defaultRouteSettings": settings(10, 5)}), Clock())
        passed(throttles, "GET /a", 5)

        assert throttles.admits("GET /b")

    @pytest.mark.parametrize(
        ("stage", "admitted"),
        [
            (None, 9),
            ({"defaultRouteSettings": settings(None, None)}, 9),
            ({"defaultRouteSettings": settings(100, None)}, 0),
            ({"routeSettings": [settings(1, 2, routeKey="GET /a")]}, 2),
            ({"defaultRouteSettings": settings(1, 3), "routeSettings": [settings(1, 2, routeKey="GET /b")]}, 3),
        ],
        ids=["no stage", "no limits", "half a limit lets nothing through", "the route's own", "another route's"],
    )
    def test_are_read_of_the_stage(self, stage: dict[str, Any] | None, admitted: int) -> None:
        assert passed(TokenBuckets(read_stage_limits(stage), Clock()), "GET /a", 9) == admitted


class TestWindow:
    def test_lets_so_many_through_in_any_period(self) -> None:
        clock = Clock()
        window, passed = SlidingWindow(2, 10, clock), list[float]()
        for moment in (0, 4, 5, 9, 10, 13, 14):
            clock.now = moment
            if window.wait() == 0:
                passed.append(moment)

        assert passed == [0, 4, 10, 14]

    def test_tells_how_long_to_wait(self) -> None:
        clock = Clock()
        window = SlidingWindow(1, 10, clock)
        window.wait()
        clock.now = 4

        assert window.wait() == 6
