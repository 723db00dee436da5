from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.function_runtimes.azure_functions import (
    build_functions_call,
    build_functions_event,
    build_functions_response,
)
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation


def respond(result: Any = None, error: str = "") -> HttpResponse:
    problem = {"errorType": error, "errorMessage": "not shown to the client"} if error else None
    return build_functions_response(Invocation(result, problem, "", 1))


def set_cookie(**parts: Any) -> str:
    result = {"status": 200, "headers": {}, "cookies": [{"name": "a", "value": "1", **parts}], "body": ""}
    return dict(respond(result).headers)["set-cookie"]


class TestBuildFunctionsEvent:
    @pytest.mark.parametrize(
        ("path", "normalized"),
        [("/a%20b", "/a%20b"), ("/%7Ea%2fb", "/~a%2Fb"), ("/%C3%BC", "/%C3%BC"), ("/a:b@c", "/a:b@c")],
        ids=["space", "slash", "umlaut", "signs"],
    )
    def test_normalizes_the_path(self, path: str, normalized: str) -> None:
        assert (
            build_functions_event(HttpRequest("GET", path), "app.example")["url"] == f"https://app.example{normalized}"
        )

    def test_joins_repeats_and_drops_empty_query_values(self) -> None:
        request = HttpRequest("GET", "/", (("q", "1"), ("q", "2"), ("e", "")), (("X-A", "1"), ("x-a", "2")))

        event = build_functions_event(request, "app.example")

        assert (event["query"], event["headers"]["x-a"]) == ({"q": "1,2"}, "1,2")
        assert event["url"].endswith("?q=1&q=2&e=")

    def test_appends_the_client_to_forwarded_addresses(self) -> None:
        request = HttpRequest("GET", "/", headers=(("X-Forwarded-For", "203.0.113.9"),))

        assert (
            build_functions_event(request, "app.example")["headers"]["x-forwarded-for"]
            == "203.0.113.9, 127.0.0.1:50000"
        )


class TestBuildFunctionsResponse:
    @pytest.mark.parametrize(
        ("error", "status"),
        [
            ("Sandbox.Timedout", 500),
            ("Function.RequestTooLarge", 413),
            ("Host.NoRoute", 404),
            ("Host.NoKey", 401),
            ("ValueError", 500),
        ],
    )
    def test_hides_the_reason_of_a_failure(self, error: str, status: int) -> None:
        response = respond(error=error)

        assert (response.status, response.body) == (status, b"")

    @pytest.mark.parametrize(
        "result",
        [
            {"status": 200},
            "text",
            {"status": 200, "headers": {}, "body": "%"},
            {"status": 200, "headers": {"x-a": "1\r\nset-cookie: a=1"}, "cookies": [], "body": ""},
            {"status": 101, "headers": {}, "cookies": [], "body": ""},
            {"status": 204, "headers": {}, "cookies": [], "body": "eA=="},
            {"status": 200, "headers": {}, "cookies": [{"name": "a", "value": "1", "maxAge": -1}], "body": ""},
        ],
        ids=["incomplete", "text", "body", "split-header", "no-answer", "body-of-204", "negative-age"],
    )
    def test_is_an_error_for_an_unknown_form(self, result: Any) -> None:
        assert respond(result).status == 500

    def test_has_no_content_for_no_result(self) -> None:
        assert respond().status == 204

    @pytest.mark.parametrize(
        ("parts", "header"),
        [
            ({}, "a=1; path=/"),
            ({"value": "x y"}, "a=x%20y; path=/"),
            (
                {"path": "/p", "domain": "d", "maxAge": 5, "secure": True, "sameSite": "none", "httpOnly": True},
                "a=1; max-age=5; domain=d; path=/p; secure; samesite=none; httponly",
            ),
            ({"expires": 1e9}, "a=1; expires=Sun, 09 Sep 2001 01:46:40 GMT; path=/"),
            ({"domain": "", "path": ""}, "a=1; domain=; path="),
        ],
        ids=["bare", "encoded", "full", "expiring", "of the Python worker"],
    )
    def test_writes_cookies_as_aspnet_does(self, parts: dict[str, Any], header: str) -> None:
        assert set_cookie(**parts) == header


def select_route(
    tmp_path: Path, routes: list[str], path: str, method: str = "GET", prefix: str = '""'
) -> tuple[str, dict[str, str]]:
    """Return the selected route and its parameters, or the error type."""
    host = f'{{"extensions": {{"http": {{"routePrefix": {prefix}}}}}}}' if prefix else "{}"
    (tmp_path / "host.json").write_text(host)
    functions = [
        {"name": route, "isHttp": True, "route": route, "methods": ["get"], "authLevel": "anonymous"}
        for route in routes
    ]
    event = build_functions_event(HttpRequest(method, path), "app.example")
    call = build_functions_call(FunctionSpec(tmp_path, "", "python3.11"), {"functions": functions}, event, "id")
    return (call["error"]["errorType"], {}) if "error" in call else (call["function"], call["http"]["params"])


class TestBuildFunctionsCall:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("/items/7", ("items/{id:int}", {"id": "7"})),
            ("/items/a%20b", ("items/{name}", {"name": "a b"})),
            ("/items/a%2Fb", ("items/{name}", {"name": "a%2Fb"})),
            ("/items/%2541", ("items/{name}", {"name": "%41"})),
            ("/items/%E9", ("items/{name}", {"name": "%E9"})),
        ],
    )
    def test_passes_the_values_of_a_route(
        self, tmp_path: Path, path: str, expected: tuple[str, dict[str, str]]
    ) -> None:
        """Kestrel decodes a path once, but neither `%2F` nor what is not UTF-8 (its UrlDecoder)."""
        assert select_route(tmp_path, ["items/{name}", "items/{id:int}"], path) == expected

    @pytest.mark.parametrize(
        ("prefix", "path"), [("", "/api/x"), ('"v1/rest"', "/v1/rest/x"), ('""', "/x")], ids=["default", "own", "none"]
    )
    def test_applies_the_route_prefix_of_the_host(self, tmp_path: Path, prefix: str, path: str) -> None:
        assert select_route(tmp_path, ["x"], path, prefix=prefix)[0] == "x"
        assert select_route(tmp_path, ["x"], f"/elsewhere{path}", prefix=prefix)[0] == "Host.NoRoute"

    def test_matches_the_method(self, tmp_path: Path) -> None:
        assert select_route(tmp_path, ["x"], "/x", "POST")[0] == "Host.NoRoute"
