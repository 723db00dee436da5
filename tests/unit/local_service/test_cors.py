"""Which pages may call."""

from __future__ import annotations

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.local_service.api_frontend import CorsRules

ORIGIN = ("Origin", "https://app.example")
ASKED = (ORIGIN, ("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "x-a"))


class TestPreflight:
    @pytest.mark.parametrize(
        "request_",
        [
            HttpRequest("GET", "/", headers=ASKED),
            HttpRequest("OPTIONS", "/", headers=(ORIGIN,)),
            HttpRequest("OPTIONS", "/", headers=ASKED[1:]),
        ],
        ids=["another method", "nothing asked", "no origin"],
    )
    def test_is_nothing_else(self, request_: HttpRequest) -> None:
        assert CorsRules(["*"]).preflight(request_) is None

    def test_allows_what_is_asked_where_nothing_is_listed(self) -> None:
        response = CorsRules(["*"], credentials=True).preflight(HttpRequest("OPTIONS", "/", headers=ASKED))

        assert response is not None
        assert dict(response.headers) == {
            "access-control-allow-origin": "*",
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "PUT",
            "access-control-allow-headers": "x-a",
        }


class TestAnswer:
    def test_loses_the_functions_own_rules(self) -> None:
        response = HttpResponse(200, (("access-control-allow-origin", "*"), ("x-a", "1")))

        dressed = CorsRules(["https://app.example"], exposed=["x-a"]).dressed(HttpRequest("GET", "/"), response)

        assert dressed.headers == (("x-a", "1"),)

    def test_shows_listed_headers_to_listed_origins(self) -> None:
        rules, request = CorsRules([ORIGIN[1]], exposed=["x-a", "x-b"]), HttpRequest("GET", "/", headers=(ORIGIN,))

        dressed = rules.dressed(request, HttpResponse(200))

        assert dict(dressed.headers) == {
            "access-control-allow-origin": ORIGIN[1],
            "access-control-expose-headers": "x-a,x-b",
        }
