"""CORS rules, token buckets and sliding windows of gateways."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.local_service.api_frontend import CorsRules, SlidingWindow, TokenBuckets
from semantest_iac.infrastructure.local_service.aws.api_frontend import read_stage_limits

ORIGIN = ("Origin", "https://app.example")
PREFLIGHT = (ORIGIN, ("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "x-a"))


class ManualClock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def settings(rate: float | None, burst: int | None, **more: Any) -> dict[str, Any]:
    return {"throttlingRateLimit": rate, "throttlingBurstLimit": burst, **more}


def count_accepted(buckets: TokenBuckets, route: str, calls: int) -> int:
    return sum(buckets.try_acquire(route) for _ in range(calls))


class TestPreflight:
    @pytest.mark.parametrize(
        "request_",
        [
            HttpRequest("GET", "/", headers=PREFLIGHT),
            HttpRequest("OPTIONS", "/", headers=(ORIGIN,)),
            HttpRequest("OPTIONS", "/", headers=PREFLIGHT[1:]),
        ],
        ids=["another method", "no requested method", "no origin"],
    )
    def test_needs_method_and_headers(self, request_: HttpRequest) -> None:
        assert CorsRules(["*"]).answer_preflight(request_) is None

    def test_allows_what_is_requested_if_nothing_is_listed(self) -> None:
        rules = CorsRules(["*"], allows_credentials=True)
        response = rules.answer_preflight(HttpRequest("OPTIONS", "/", headers=PREFLIGHT))

        assert response is not None
        assert dict(response.headers) == {
            "access-control-allow-origin": "*",
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "PUT",
            "access-control-allow-headers": "x-a",
        }


class TestResponseHeaders:
    def test_lose_the_functions_own_cors_headers(self) -> None:
        rules = CorsRules(["https://app.example"], exposed_headers=["x-a"])
        response = HttpResponse(200, (("access-control-allow-origin", "*"), ("x-a", "1")))

        assert rules.replace_headers(HttpRequest("GET", "/"), response).headers == (("x-a", "1"),)

    def test_expose_listed_headers_to_listed_origins(self) -> None:
        rules = CorsRules([ORIGIN[1]], exposed_headers=["x-a", "x-b"])

        response = rules.replace_headers(HttpRequest("GET", "/", headers=(ORIGIN,)), HttpResponse(200))

        assert dict(response.headers) == {
            "access-control-allow-origin": ORIGIN[1],
            "access-control-expose-headers": "x-a,x-b",
        }


class TestTokenBuckets:
    def test_accept_the_burst(self) -> None:
        buckets = TokenBuckets(read_stage_limits({"defaultRouteSettings": settings(10, 5)}), ManualClock())

        assert count_accepted(buckets, "GET /a", 8) == 5

    def test_refill_at_the_rate(self) -> None:
        clock = ManualClock()
        buckets = TokenBuckets(read_stage_limits({"defaultRouteSettings": settings(10, 5)}), clock)
        count_accepted(buckets, "GET /a", 5)

        clock.now = 0.25

        assert count_accepted(buckets, "GET /a", 8) == 2

    def test_never_hold_more_than_the_burst(self) -> None:
        clock = ManualClock()
        buckets = TokenBuckets(read_stage_limits({"defaultRouteSettings": settings(10, 5)}), clock)
        count_accepted(buckets, "GET /a", 1)

        clock.now = 3600

        assert count_accepted(buckets, "GET /a", 8) == 5

    def test_are_separate_for_each_route(self) -> None:
        buckets = TokenBuckets(read_stage_limits({"defaultRouteSettings": settings(10, 5)}), ManualClock())
        count_accepted(buckets, "GET /a", 5)

        assert buckets.try_acquire("GET /b")

    @pytest.mark.parametrize(
        ("stage", "accepted"),
        [
            (None, 9),
            ({"defaultRouteSettings": settings(None, None)}, 9),
            ({"defaultRouteSettings": settings(100, None)}, 0),
            ({"routeSettings": [settings(1, 2, routeKey="GET /a")]}, 2),
            ({"defaultRouteSettings": settings(1, 3), "routeSettings": [settings(1, 2, routeKey="GET /b")]}, 3),
        ],
        ids=["no stage", "no limits", "half a limit accepts nothing", "the route's own", "another route's"],
    )
    def test_follow_the_settings_of_the_stage(self, stage: dict[str, Any] | None, accepted: int) -> None:
        assert count_accepted(TokenBuckets(read_stage_limits(stage), ManualClock()), "GET /a", 9) == accepted


class TestSlidingWindow:
    def test_accepts_a_number_of_calls_in_any_period(self) -> None:
        clock = ManualClock()
        window, accepted = SlidingWindow(2, 10, clock), list[float]()
        for moment in (0, 4, 5, 9, 10, 13, 14):
            clock.now = moment
            if window.acquire_or_wait_s() == 0:
                accepted.append(moment)

        assert accepted == [0, 4, 10, 14]

    def test_returns_the_seconds_to_wait(self) -> None:
        clock = ManualClock()
        window = SlidingWindow(1, 10, clock)
        window.acquire_or_wait_s()
        clock.now = 4

        assert window.acquire_or_wait_s() == 6
