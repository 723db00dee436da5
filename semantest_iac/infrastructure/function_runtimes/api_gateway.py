"""Chooses the route of an HTTP API and translates HTTP to events of payload format 2.0 or 1.0, and results to HTTP.

As captured from live HTTP APIs (hotsock/voker, July 2026): the path is decoded twice and cut at a `?` that the first
decoding gives, a path that cannot be decoded is refused with 400, `rawQueryString` arrives as it was sent. Cookies are
apart from the headers in format 2.0, and a body of any other than a text type is in base64.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs, StoredBody, group_values
from semantest_iac.infrastructure.function_runtimes.function_spec import (
    EVENT_TOO_LARGE,
    Invocation,
    find_trace_root,
    make_trace_root,
)

MAX_API_HEAD_BYTES = 10_240  # request line and header values; source: quotas of HTTP APIs
MAX_API_BODY_BYTES = 10 * 1024 * 1024  # "Payload size: 10 MB"; the same source
DEFAULT_ROUTE = DEFAULT_STAGE = "$default"
PAYLOAD_1, PAYLOAD_2 = "1.0", "2.0"
_MALFORMED_ESCAPE = re.compile("%(?![0-9a-fA-F]{2})")
HEADER_NAMES_1 = {
    name.lower(): name
    for name in (
        *("Content-Length", "Content-Type", "Host", "User-Agent", "X-Amzn-Trace-Id"),
        *("X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "accept", "accept-encoding"),
    )
}
"""The names of headers in events of format 1.0, by those in lower case; others have the name that the client sent.

The developer guide says that all names are in lower case; events that people recorded from HTTP APIs from 2020 to 2023
(of curl, Postman, python-requests and browsers) have these names, and `Postman-Token` as it was sent.
"""
_EMPTY_IDENTITY = (
    *("accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType"),
    *("cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "user", "userArn"),
)
_LITERAL, _VARIABLE, _GREEDY = range(3)
EXCLUDED_HEADERS = frozenset({"connection", "transfer-encoding", "keep-alive", "upgrade", "te"})
TEXT_CONTENT_TYPES = ("text/", "application/json", "application/xml", "application/javascript")
JSON_CONTENT_TYPE, TEXT_CONTENT_TYPE = "application/json", "text/plain;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """The route that matches a request, with its decoded path parameters."""

    route_key: str
    path_parameters: Mapping[str, str] = field(default_factory=dict)


def match_route(route_keys: Iterable[str], method: str, path: str) -> RouteMatch | None:
    """Return the most specific route: exact segments before variables before greedy ones, a method before ANY."""
    matches = [match for key in route_keys if (match := _match_route_key(key, method, path)) is not None]
    return min(matches, key=_specificity, default=None)


def _match_route_key(route_key: str, method: str, path: str) -> RouteMatch | None:
    if route_key == DEFAULT_ROUTE:
        return RouteMatch(DEFAULT_ROUTE)
    wanted_method, _, template = route_key.partition(" ")
    if wanted_method not in (method, "ANY"):
        return None
    parameters = _match_path(_split_path(template), _split_path(path))
    return None if parameters is None else RouteMatch(route_key, parameters)


def _match_path(template: Sequence[str], path: Sequence[str]) -> Mapping[str, str] | None:
    parameters: dict[str, str] = {}
    for index, segment in enumerate(template):
        kind, name = _segment_kind(segment), segment.strip("{+}")
        if index >= len(path) or (kind == _LITERAL and segment != unquote(path[index])):
            return None
        if kind == _GREEDY:
            return parameters | {name: unquote("/".join(path[index:]))}
        if kind == _VARIABLE and not path[index]:
            return None
        if kind == _VARIABLE:
            parameters[name] = unquote(path[index])
    return parameters if len(path) == len(template) else None


def _specificity(match: RouteMatch) -> tuple[tuple[int, ...], bool]:
    if match.route_key == DEFAULT_ROUTE:
        return (_GREEDY + 1,), True
    method, _, template = match.route_key.partition(" ")
    return tuple(_segment_kind(segment) for segment in _split_path(template)), method == "ANY"


def _segment_kind(segment: str) -> int:
    if not segment.startswith("{"):
        return _LITERAL
    return _GREEDY if segment.endswith("+}") else _VARIABLE


@lru_cache
def _split_path(path: str) -> Sequence[str]:
    """Split a path; an empty segment is one: no route `/items` takes `/items/` or `//items`."""
    return () if path in ("", "/") else tuple(path.split("/")[1:])


@dataclass(frozen=True, slots=True)
class ApiIdentity:
    """The API and stage that events name."""

    api_id: str
    domain_name: str
    account: str = "123456789012"
    stage: str = DEFAULT_STAGE


@dataclass(frozen=True, slots=True)
class RequestMetadata:
    """The id, time (aware) and client address of a request."""

    request_id: str
    received_at: datetime
    source_ip: str = "127.0.0.1"
    trace_root: str = field(default_factory=make_trace_root)


def decode_api_path(path: str) -> str:
    """Decode a path as HTTP APIs do; raises ValueError for one that they refuse with 400."""
    return _decode_escapes(_decode_escapes(path).partition("?")[0])


def is_decodable(path: str) -> bool:
    try:
        decode_api_path(path)
    except ValueError:
        return False
    return True


def _decode_escapes(text: str) -> str:
    if _MALFORMED_ESCAPE.search(text):
        raise ValueError("a percent sign is not followed by two hexadecimal digits")
    return unquote(text)


def build_api_event(
    request: HttpRequest,
    route: RouteMatch,
    api: ApiIdentity,
    metadata: RequestMetadata,
    payload_format: str = PAYLOAD_2,
) -> dict[str, Any]:
    """Return the event for the function; `request.path` is below the stage. Raises as `decode_api_path`."""
    path = decode_api_path(request.path)
    path = f"{_stage_prefix(api)}{path}"
    build = _build_event_1 if payload_format == PAYLOAD_1 else _build_event_2
    return build(request, path, route, api, metadata)


def _stage_prefix(api: ApiIdentity) -> str:
    return "" if api.stage == DEFAULT_STAGE else f"/{api.stage}"


def _build_event_2(
    request: HttpRequest, path: str, route: RouteMatch, api: ApiIdentity, metadata: RequestMetadata
) -> dict[str, Any]:
    body, is_base64 = _event_body(request)
    headers = _header_lists(request, api, metadata)
    parts = {
        "cookies": [part.strip() for value in headers.pop("cookie", ()) for part in value.split(";")],
        "queryStringParameters": _join_repeated(request.query),
        "pathParameters": dict(route.path_parameters),
        "body": body,
    }
    return {
        "version": PAYLOAD_2,
        "routeKey": route.route_key,
        "rawPath": path,
        "rawQueryString": request.query_string,
        "headers": {name: ",".join(values) for name, values in headers.items()},
        "requestContext": _request_context(route, api, metadata) | {"http": _http_context(request, path, metadata)},
        "isBase64Encoded": is_base64,
        **{name: value for name, value in parts.items() if value},
    }


def _build_event_1(
    request: HttpRequest, path: str, route: RouteMatch, api: ApiIdentity, metadata: RequestMetadata
) -> dict[str, Any]:
    """Build an event of format 1.0, as aws-lambda-dotnet and others recorded it from HTTP APIs.

    `path` is encoded as it was sent, other than in the context; of repeated parameters the single-value map has the
    last. That of repeated headers is the last too, as captured from REST APIs.
    """
    body, is_base64 = _event_body(request)
    sent_names = {name.lower(): name for name, _ in request.headers} | HEADER_NAMES_1
    lists, query = _header_lists(request, api, metadata), group_values(request.query)
    headers = {sent_names.get(name, name): values for name, values in lists.items()}
    return {
        "version": PAYLOAD_1,
        "resource": _resource_of(route),
        "path": f"{_stage_prefix(api)}{request.path}",
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "requestContext": _request_context_1(request, path, route, api, metadata),
        "pathParameters": dict(route.path_parameters) or None,
        "stageVariables": None,
        "body": body or None,
        "isBase64Encoded": is_base64,
    }


def _resource_of(route: RouteMatch) -> str:
    return route.route_key.partition(" ")[2] or route.route_key


def _request_context_1(
    request: HttpRequest, path: str, route: RouteMatch, api: ApiIdentity, metadata: RequestMetadata
) -> dict[str, Any]:
    caller = {"sourceIp": metadata.source_ip, "userAgent": ",".join(_header_values(request, "user-agent"))}
    return {
        "accountId": api.account,
        "apiId": api.api_id,
        "authorizer": {"claims": None, "scopes": None},
        "domainName": api.domain_name,
        "domainPrefix": api.domain_name.partition(".")[0],
        "extendedRequestId": metadata.request_id,
        "httpMethod": request.method,
        "identity": {**dict.fromkeys(_EMPTY_IDENTITY), **caller},
        "path": path,
        "protocol": "HTTP/1.1",
        "requestId": metadata.request_id,
        "requestTime": metadata.received_at.strftime("%d/%b/%Y:%H:%M:%S %z"),
        "requestTimeEpoch": int(metadata.received_at.timestamp() * 1000),
        "resourceId": route.route_key,
        "resourcePath": _resource_of(route),
        "stage": api.stage,
    }


def add_jwt_claims(event: dict[str, Any], claims: Mapping[str, Any]) -> None:
    """Add the claims of a checked token, every value a text; a list stands in brackets without commas."""
    jwt = {"claims": {name: _format_claim(value) for name, value in claims.items()}, "scopes": None}
    event["requestContext"]["authorizer"] = jwt if event["version"] == PAYLOAD_1 else {"jwt": jwt}


def build_api_response(invocation: Invocation, method: str = "GET", payload_format: str = PAYLOAD_2) -> HttpResponse:
    """Return the function's answer as HTTP: 503 after a timeout, 500 for anything that is no answer.

    Format 1.0 requires a status code; format 2.0 infers one, and passes on what the runtime sent, be it JSON or not.
    Source: answers of live APIs that aws-lambda-dotnet recorded in April 2025 (its test tool, Snapshots).
    An answer to HEAD has the length that the function gives, or none, unless it has a body (RFC 9110, 8.6).
    """
    if invocation.is_timed_out:
        return _message_response(503, "Service Unavailable")
    if invocation.error is not None:
        is_too_large = invocation.error.get("errorType") == EVENT_TOO_LARGE
        return api_body_too_large_response() if is_too_large else api_internal_error_response()
    result = invocation.result
    if not isinstance(result, dict) or "statusCode" not in result:
        if payload_format == PAYLOAD_1:
            return api_internal_error_response()
        return _respond_with(
            200, (("content-type", JSON_CONTENT_TYPE),), _infer_body(invocation), invocation.stored_body
        )
    try:
        return _structured_response(result, invocation.stored_body, method, payload_format)
    except (ValueError, TypeError, binascii.Error):
        return api_internal_error_response()


def _infer_body(invocation: Invocation) -> bytes:
    if invocation.stored_body:
        return b""
    if invocation.answer is not None:
        return invocation.answer.encode()
    return (invocation.result if isinstance(invocation.result, str) else json.dumps(invocation.result)).encode()


def api_head_too_large_response() -> HttpResponse:
    """The status of RFC 6585; which one API Gateway answers is not documented."""
    return _message_response(431, "Request Header Fields Too Large")


def api_body_too_large_response() -> HttpResponse:
    return _message_response(413, "Request Entity Too Large")


def api_bad_request_response() -> HttpResponse:
    return _message_response(400, "Bad Request")


def api_not_found_response() -> HttpResponse:
    return _message_response(404, "Not Found")


def api_too_many_requests_response() -> HttpResponse:
    return _message_response(429, "Too Many Requests")


def api_unauthorized_response() -> HttpResponse:
    return _message_response(401, "Unauthorized")


def api_internal_error_response() -> HttpResponse:
    return _message_response(500, "Internal Server Error")


def _header_lists(request: HttpRequest, api: ApiIdentity, metadata: RequestMetadata) -> dict[str, list[str]]:
    """Return the values of each header in lower case, with what API Gateway adds."""
    sent = group_values(tuple((name.lower(), value) for name, value in request.headers))
    added = {
        "content-length": [str(request.body_size)],
        "host": [api.domain_name],
        "x-amzn-trace-id": [find_trace_root(sent.get("x-amzn-trace-id", ())) or metadata.trace_root],
        "x-forwarded-for": [", ".join([*sent.get("x-forwarded-for", ()), metadata.source_ip])],
        "x-forwarded-port": ["443"],
        "x-forwarded-proto": ["https"],
    }
    forwarded = {name: values for name, values in sent.items() if name not in EXCLUDED_HEADERS}
    return dict(sorted({**forwarded, **added}.items()))


def _request_context(route: RouteMatch, api: ApiIdentity, metadata: RequestMetadata) -> dict[str, Any]:
    return {
        "accountId": api.account,
        "apiId": api.api_id,
        "domainName": api.domain_name,
        "domainPrefix": api.domain_name.partition(".")[0],
        "requestId": metadata.request_id,
        "routeKey": route.route_key,
        "stage": api.stage,
        "time": metadata.received_at.strftime("%d/%b/%Y:%H:%M:%S %z"),
        "timeEpoch": int(metadata.received_at.timestamp() * 1000),
    }


def _http_context(request: HttpRequest, path: str, metadata: RequestMetadata) -> dict[str, str]:
    return {
        "method": request.method,
        "path": path,
        "protocol": "HTTP/1.1",
        "sourceIp": metadata.source_ip,
        "userAgent": ",".join(_header_values(request, "user-agent")),
    }


def _event_body(request: HttpRequest) -> tuple[str | StoredBody, bool]:
    content_type = request.header("content-type").lower()  # without one: in base64
    if request.stored_body:
        is_text = content_type.startswith(TEXT_CONTENT_TYPES) and request.stored_body.json_bytes is not None
        return request.stored_body, not is_text
    if content_type.startswith(TEXT_CONTENT_TYPES):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode("ascii"), bool(request.body)


def _structured_response(
    result: Mapping[str, Any], stored: StoredBody | None, method: str, payload_format: str
) -> HttpResponse:
    status, text = result["statusCode"], result.get("body") or ""
    if isinstance(status, (bool, float)) or not isinstance(text, str):
        raise ValueError("no status code, or a body that is not a text")
    status = int(status)
    body = base64.b64decode(text, validate=True) if result.get("isBase64Encoded") else text.encode()
    headers = {name.lower(): [_format_header_value(value)] for name, value in dict(result.get("headers") or {}).items()}
    if payload_format == PAYLOAD_1:
        headers = _merge_multi_values(headers, result.get("multiValueHeaders") or {})
    else:
        cookies = [_format_header_value(cookie) for cookie in result.get("cookies") or ()]
        headers |= {"set-cookie": [*headers.get("set-cookie", ()), *cookies]}
    given = {"content-type": [TEXT_CONTENT_TYPE], **headers}
    pairs = tuple((name, value) for name, values in given.items() for value in values)
    if status in (204, 304):  # without a body, and without its length (RFC 9110, 8.6)
        return HttpResponse(status, tuple(pair for pair in pairs if pair[0] != "content-length"))
    if method == "HEAD" and not body and not stored:
        return HttpResponse(status, pairs)
    return _respond_with(status, tuple(pair for pair in pairs if pair[0] != "content-length"), body, stored)


def _merge_multi_values(headers: Mapping[str, list[str]], more: Mapping[str, Any]) -> dict[str, list[str]]:
    """Merge both maps of format 1.0; a pair that stands in both counts once (the guide for REST APIs)."""
    merged = dict(headers)
    for name, values in dict(more).items():
        if not isinstance(values, list):
            raise ValueError("not a list of header values")
        texts = [_format_header_value(value) for value in values]
        before = [value for value in merged.get(name.lower(), ()) if value not in texts]
        merged[name.lower()] = before + texts
    return merged


def _format_header_value(value: Any) -> str:
    if not isinstance(value, (str, int, float)):
        raise ValueError("not a header value")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _format_claim(value: Any) -> str:
    if isinstance(value, list):
        return f"[{' '.join(map(_format_claim, value))}]"
    return value if isinstance(value, str) else json.dumps(value)


def _message_response(status: int, message: str) -> HttpResponse:
    body = json.dumps({"message": message}, separators=(",", ":")).encode()
    return _respond_with(status, (("content-type", JSON_CONTENT_TYPE),), body)


def _respond_with(status: int, headers: Pairs, body: bytes, stored: StoredBody | None = None) -> HttpResponse:
    """Add the length of the body, which may be in a file instead."""
    size = stored.size if stored else len(body)
    return HttpResponse(status, (*headers, ("content-length", str(size))), body, stored)


def _header_values(request: HttpRequest, name: str) -> list[str]:
    return [value for header, value in request.headers if header.lower() == name]


def _join_repeated(pairs: Pairs) -> dict[str, str]:
    """Join repeated names with commas, as in every map of format 2.0."""
    return {name: ",".join(values) for name, values in group_values(pairs).items()}
