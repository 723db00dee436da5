from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.function_runtimes.api_gateway import (
    ApiIdentity,
    RequestMetadata,
    RouteMatch,
    add_jwt_claims,
    api_not_found_response,
    build_api_event,
    build_api_response,
    is_decodable,
    match_route,
)
from semantest_iac.infrastructure.function_runtimes.function_spec import PROCESS_EXITED, TIMED_OUT, Invocation

ROUTES = (
    "$default",
    "ANY /{proxy+}",
    "GET /pets/{proxy+}",
    "GET /pets/dog/{id}",
    "GET /pets/dog/1",
    "ANY /pets/cat",
    "POST /pets/cat",
)


class TestMatchRoute:
    @pytest.mark.parametrize(
        ("method", "path", "route", "parameters"),
        [
            ("GET", "/pets/dog/1", "GET /pets/dog/1", {}),
            ("GET", "/pets/dog/2", "GET /pets/dog/{id}", {"id": "2"}),
            ("GET", "/pets/dog/a%20b", "GET /pets/dog/{id}", {"id": "a b"}),
            ("GET", "/pets/fish/1", "GET /pets/{proxy+}", {"proxy": "fish/1"}),
            ("PUT", "/pets/cat", "ANY /pets/cat", {}),
            ("POST", "/pets/cat", "POST /pets/cat", {}),
            ("GET", "/pets", "ANY /{proxy+}", {"proxy": "pets"}),
            ("GET", "/", "$default", {}),
        ],
    )
    def test_returns_the_most_specific_route(
        self, method: str, path: str, route: str, parameters: dict[str, str]
    ) -> None:
        match = match_route(ROUTES, method, path)

        assert match is not None
        assert (match.route_key, match.path_parameters) == (route, parameters)

    @pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/health"), ("GET", "/health/live")])
    def test_returns_none_if_no_route_matches(self, method: str, path: str) -> None:
        assert match_route(["GET /health"], method, path) is None

    @pytest.mark.parametrize("path", ["/items/", "//items", "/items//", "/items/7/"])
    def test_counts_empty_segments(self, path: str) -> None:
        """Reported of HTTP APIs: `/metrics/` does not reach the route `/metrics`, `/metrics/{proxy+}` takes it."""
        match = match_route(["GET /items", "GET /items/{id}"], "GET", path)
        rest = match_route(["GET /items/{proxy+}"], "GET", "/items/")

        assert (match, rest and rest.path_parameters) == (None, {"proxy": ""})

    def test_does_not_depend_on_the_order_of_routes(self) -> None:
        match = match_route(reversed(ROUTES), "GET", "/pets/dog/1")

        assert match is not None
        assert match.route_key == "GET /pets/dog/1"


TRACE_ROOT = "Root=1-67fd88a4-127eb8e773d2bb6f7df47ab6"
METADATA = RequestMetadata("req-1", datetime(2026, 3, 12, 19, 3, 58, tzinfo=UTC), "203.0.113.7", TRACE_ROOT)
HOST = "abc123.execute-api.eu-west-1.amazonaws.com"
JSON = (("content-type", "application/json"),)


def event_of(request: HttpRequest, stage: str = "$default") -> dict[str, Any]:
    route = RouteMatch("ANY /{proxy+}", {"proxy": "x"})
    return build_api_event(request, route, ApiIdentity("abc123", HOST, stage=stage), METADATA)


def respond(result: Any, answer: str | None = None) -> HttpResponse:
    return build_api_response(Invocation(result, None, "", 1, answer=answer))


def headers_of(response: HttpResponse) -> dict[str, str]:
    return dict(response.headers)


class TestBuildApiEvent:
    def test_has_the_shape_of_format_2_0(self) -> None:
        query = (("a", "1"), ("a", "2"), ("b", "x y"))

        event = event_of(HttpRequest("GET", "/items", query, (("User-Agent", "curl"),)))

        assert event == {
            "version": "2.0",
            "routeKey": "ANY /{proxy+}",
            "rawPath": "/items",
            "rawQueryString": "a=1&a=2&b=x+y",
            "headers": {
                "content-length": "0",
                "host": HOST,
                "user-agent": "curl",
                "x-amzn-trace-id": TRACE_ROOT,
                "x-forwarded-for": "203.0.113.7",
                "x-forwarded-port": "443",
                "x-forwarded-proto": "https",
            },
            "queryStringParameters": {"a": "1,2", "b": "x y"},
            "pathParameters": {"proxy": "x"},
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "abc123",
                "domainName": HOST,
                "domainPrefix": "abc123",
                "http": {
                    "method": "GET",
                    "path": "/items",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "203.0.113.7",
                    "userAgent": "curl",
                },
                "requestId": "req-1",
                "routeKey": "ANY /{proxy+}",
                "stage": "$default",
                "time": "12/Mar/2026:19:03:58 +0000",
                "timeEpoch": 1773342238000,
            },
            "isBase64Encoded": False,
        }

    def test_prefixes_the_path_with_a_named_stage(self) -> None:
        event = event_of(HttpRequest("GET", "/items"), stage="live")

        assert (event["rawPath"], event["requestContext"]["http"]["path"]) == ("/live/items", "/live/items")

    @pytest.mark.parametrize(
        ("sent", "received"),
        [
            ("/a%20b/%C3%A9", "/a b/é"),
            ("/question%3Fvalue", "/question"),
            ("/slash%2Fvalue", "/slash/value"),
            ("/literal%252Fvalue", "/literal/value"),
            ("/literal%253Fvalue", "/literal?value"),
            ("/literal%2525value", "/literal%value"),
        ],
    )
    def test_decodes_the_path_twice(self, sent: str, received: str) -> None:
        """Source: captures of live HTTP APIs, as in the table of translation cases."""
        assert event_of(HttpRequest("GET", sent))["rawPath"] == received

    @pytest.mark.parametrize("path", ["/percent%25done", "/100%", "/100%2", "/100%25"])
    def test_refuses_paths_that_cannot_be_decoded(self, path: str) -> None:
        assert not is_decodable(path)

    def test_moves_cookies_out_of_the_headers(self) -> None:
        event = event_of(HttpRequest("GET", "/", headers=(("Cookie", "a=1; b=2"),)))

        assert event["cookies"] == ["a=1", "b=2"]
        assert "cookie" not in event["headers"]

    def test_joins_repeated_headers(self) -> None:
        event = event_of(HttpRequest("GET", "/", headers=(("X-A", "1"), ("x-a", "2"))))

        assert event["headers"]["x-a"] == "1,2"

    def test_keeps_the_root_of_the_clients_trace(self) -> None:
        sent = f"Self=1-67fd88a4-000000000000000000000000;{TRACE_ROOT};Sampled=1"
        plain = event_of(HttpRequest("GET", "/", headers=(("X-Amzn-Trace-Id", "my own"),)))

        event = event_of(HttpRequest("GET", "/", headers=(("X-Amzn-Trace-Id", sent),)))
        assert (event["headers"]["x-amzn-trace-id"], plain["headers"]["x-amzn-trace-id"]) == (TRACE_ROOT, TRACE_ROOT)

    def test_encodes_a_body_of_unknown_type(self) -> None:
        """As the report on ministack (766) measured on HTTP APIs of AWS: a missing type counts as binary."""
        event = event_of(HttpRequest("POST", "/", body=b"a"))

        assert (event["body"], event["isBase64Encoded"]) == ("YQ==", True)

    @pytest.mark.parametrize(
        ("content_type", "body", "expected"),
        [
            ("application/json", b'{"a":1}', ('{"a":1}', False)),
            ("text/plain; charset=utf-8", "é".encode(), ("é", False)),
            ("application/x-www-form-urlencoded", b"a=1", ("YT0x", True)),
            ("image/png", b"\x89PNG", ("iVBORw==", True)),
            ("text/plain", b"\xff", ("/w==", True)),
        ],
    )
    def test_encodes_binary_bodies(self, content_type: str, body: bytes, expected: tuple[str, bool]) -> None:
        event = event_of(HttpRequest("POST", "/", headers=(("Content-Type", content_type),), body=body))

        assert (event["body"], event["isBase64Encoded"]) == expected


class TestFormat1:
    """Source: the developer guide, payload format 1.0 of HTTP APIs."""

    def test_event_has_the_shape_of_the_guide(self) -> None:
        request = HttpRequest(
            "GET", "/a%20b", (("a", "1"), ("a", "2")), (("User-Agent", "curl"), ("X-A", "1"), ("x-a", "2"))
        )
        route = RouteMatch("ANY /{proxy+}", {"proxy": "items"})

        event = build_api_event(request, route, ApiIdentity("abc123", HOST), METADATA, "1.0")

        headers = {"Host": HOST, "User-Agent": "curl", "x-a": "2", "X-Forwarded-For": "203.0.113.7"}
        added = {"Content-Length": "0", "X-Amzn-Trace-Id": TRACE_ROOT, "X-Forwarded-Port": "443"}
        context = event.pop("requestContext")
        assert event.pop("headers") == {**headers, **added, "X-Forwarded-Proto": "https"}
        assert event.pop("multiValueHeaders")["x-a"] == ["1", "2"]
        assert event == {
            "version": "1.0",
            "resource": "/{proxy+}",
            "path": "/a%20b",
            "httpMethod": "GET",
            "queryStringParameters": {"a": "2"},
            "multiValueQueryStringParameters": {"a": ["1", "2"]},
            "pathParameters": {"proxy": "items"},
            "stageVariables": None,
            "body": None,
            "isBase64Encoded": False,
        }
        assert {name for name, value in context["identity"].items() if value} == {"sourceIp", "userAgent"}
        assert context.pop("identity")["sourceIp"] == "203.0.113.7"
        assert context == {
            "accountId": "123456789012",
            "apiId": "abc123",
            "authorizer": {"claims": None, "scopes": None},
            "domainName": HOST,
            "domainPrefix": "abc123",
            "extendedRequestId": "req-1",
            "httpMethod": "GET",
            "path": "/a b",
            "protocol": "HTTP/1.1",
            "requestId": "req-1",
            "requestTime": "12/Mar/2026:19:03:58 +0000",
            "requestTimeEpoch": 1773342238000,
            "resourceId": "ANY /{proxy+}",
            "resourcePath": "/{proxy+}",
            "stage": "$default",
        }

    def test_event_has_the_header_names_of_recorded_events(self) -> None:
        """Sources: recorded events of Postman, python-requests 2.29, curl 7.58 and Chrome, 2020 to 2023."""
        sent = ("postman-token", "Postman-Token", "Accept", "Accept-Encoding", "content-type", "sec-ch-ua", "Origin")
        request = HttpRequest("POST", "/", (), tuple((name, "1") for name in sent), b"x")

        event = build_api_event(request, RouteMatch("$default"), ApiIdentity("a", HOST), METADATA, "1.0")

        names = {"Content-Length", "Content-Type", "Host", "X-Amzn-Trace-Id"}
        names |= {"X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"}
        assert {*event["headers"]} == names | {"Postman-Token", "accept", "accept-encoding", "sec-ch-ua", "Origin"}

    def test_event_has_the_claims_of_a_token(self) -> None:
        event = build_api_event(
            HttpRequest("GET", "/"), RouteMatch("$default"), ApiIdentity("a", HOST), METADATA, "1.0"
        )

        add_jwt_claims(event, {"sub": "ann", "roles": ["a", "b"], "admin": True})

        claims = {"sub": "ann", "roles": "[a b]", "admin": "true"}
        assert event["requestContext"]["authorizer"] == {"claims": claims, "scopes": None}

    def test_response_merges_headers_with_several_values(self) -> None:
        multi = {"Set-Cookie": ["a=1", "b=2"], "X-A": ["1", "2"]}
        result = {"statusCode": 201, "headers": {"X-A": "1", "x-b": 3}, "multiValueHeaders": multi, "body": "made"}

        response = build_api_response(Invocation(result, None, "", 1), "GET", "1.0")

        assert (response.status, response.body) == (201, b"made")
        assert [pair for pair in response.headers if pair[0] != "content-type"] == [
            ("x-a", "1"),
            ("x-a", "2"),
            ("x-b", "3"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("content-length", "4"),
        ]

    @pytest.mark.parametrize(
        "result",
        [
            {"a": 1},
            "text",
            None,
            {"statusCode": 200, "multiValueHeaders": {"a": "b"}},
            {"statusCode": 200, "multiValueHeaders": {"a": [["b"]]}},
        ],
        ids=json.dumps,
    )
    def test_response_of_another_form_is_an_internal_server_error(self, result: Any) -> None:
        response = build_api_response(Invocation(result, None, "", 1), "GET", "1.0")

        assert (response.status, response.body) == (500, b'{"message":"Internal Server Error"}')


class TestBuildApiResponse:
    @pytest.mark.parametrize(
        ("result", "answer"),
        [
            ({"a": 1}, '{"a": 1}'),
            ({"a": 1}, '{"a":1}'),
            ({"a": 1e21}, '{"a":1e+21}'),
            ("Hello", None),
            (None, "null"),
            ([1, 2], "[1, 2]"),
            (None, '{"name": "John Doe", "age":'),
            (None, '{"statusCode":200}\0\0\0\0\0\0\0\0Hello'),
        ],
        ids=str,
    )
    def test_passes_on_what_was_sent_without_a_status(self, result: Any, answer: str | None) -> None:
        """Source: answers of live HTTP APIs, recorded by aws-lambda-dotnet's test tool in April 2025.

        They contradict the developer guide, which speaks of JSON only.
        """
        response = respond(result, answer)

        assert (response.status, response.body.decode()) == (200, answer or result)
        assert headers_of(response)["content-type"] == "application/json"

    def test_passes_status_headers_and_cookies(self) -> None:
        """Source of the content type: answers of HTTP APIs to results with a status and without it (2020).

        Function URLs, which this tool does not deploy, answer application/json there.
        """
        response = respond(
            {"statusCode": 201, "headers": {"X-A": 1, "Content-Length": "9"}, "cookies": ["a=1", "b=2"], "body": "é"}
        )

        assert response.status == 201
        assert response.headers == (
            ("content-type", "text/plain;charset=UTF-8"),
            ("x-a", "1"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("content-length", "2"),
        )

    @pytest.mark.parametrize("status", [204, 304])
    def test_has_no_body_where_http_allows_none(self, status: int) -> None:
        response = respond({"statusCode": status, "headers": {"content-length": "1", "etag": "x"}, "body": "lost"})

        assert (response.status, response.body, "content-length" in headers_of(response)) == (status, b"", False)
        assert headers_of(response)["etag"] == "x"

    def test_decodes_binary_bodies(self) -> None:
        assert respond({"statusCode": 200, "body": "iVBORw==", "isBase64Encoded": True}).body == b"\x89PNG"

    @pytest.mark.parametrize(
        "result",
        [
            {"statusCode": "many"},
            {"statusCode": 99},
            {"statusCode": 101},
            {"statusCode": 200, "headers": {"a b": "c"}},
            {"statusCode": None},
            {"statusCode": 0},
            {"statusCode": 200.5},
            {"statusCode": 200, "body": {"a": 1}},
            {"statusCode": 200, "body": "%%%", "isBase64Encoded": True},
            {"statusCode": 200, "headers": {"a": ["b"]}},
            {"statusCode": 200, "headers": {"a": "b\r\nSet-Cookie: c"}},
            {"statusCode": 200, "headers": ["a"]},
        ],
        ids=json.dumps,
    )
    def test_is_an_internal_server_error_for_an_invalid_result(self, result: Any) -> None:
        response = respond(result)

        assert (response.status, response.body) == (500, b'{"message":"Internal Server Error"}')

    @pytest.mark.parametrize(("kind", "status"), [(TIMED_OUT, 503), (PROCESS_EXITED, 500), ("ValueError", 500)])
    def test_hides_the_reason_of_a_failure(self, kind: str, status: int) -> None:
        response = build_api_response(Invocation(None, {"errorType": kind, "errorMessage": "secret"}, "", 1))

        assert response.status == status
        assert b"secret" not in response.body


class TestApiNotFoundResponse:
    def test_equals_that_of_api_gateway(self) -> None:
        assert (api_not_found_response().status, api_not_found_response().body) == (404, b'{"message":"Not Found"}')
