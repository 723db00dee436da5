"""Translates HTTP into API Gateway events of payload format 2.0 and a function's results back into HTTP.

Observed on live HTTP APIs (and so done here): `rawPath` arrives decoded, `rawQueryString` as it was sent,
cookies apart from the headers, and a body of any other than a text type in base64.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlencode

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.infrastructure.function_runtimes.function_spec import EVENT_TOO_LARGE, Invocation
from semantest_iac.infrastructure.function_runtimes.routes import DEFAULT, RouteMatch

NOT_IN_HEADERS = frozenset({"cookie", "connection", "transfer-encoding", "keep-alive", "upgrade", "te"})
TEXT_TYPES = ("text/", "application/json", "application/xml", "application/javascript")
JSON_TYPE, TEXT_TYPE = "application/json", "text/plain;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class ApiIdentity:
    """The deployed API and stage whose name the events carry."""

    api_id: str
    domain_name: str
    account: str = "123456789012"
    stage: str = DEFAULT


@dataclass(frozen=True, slots=True)
class Arrival:
    """When, under which id and from where a request came in; `received_at` is aware."""

    request_id: str
    received_at: datetime
    source_ip: str = "127.0.0.1"


def event_for(request: HttpRequest, route: RouteMatch, api: ApiIdentity, arrival: Arrival) -> dict[str, Any]:
    """The event that the function receives; `request.path` is below the stage."""
    body, is_base64 = _event_body(request)
    path = unquote(request.path).partition("?")[0]
    path = path if api.stage == DEFAULT else f"/{api.stage}{path}"
    parts = {
        "cookies": [part.strip() for value in _values(request, "cookie") for part in value.split(";")],
        "queryStringParameters": _joined(request.query),
        "pathParameters": dict(route.path_parameters),
        "body": body,
    }
    return {
        "version": "2.0",
        "routeKey": route.route_key,
        "rawPath": path,
        "rawQueryString": urlencode(request.query),
        "headers": _event_headers(request, api, arrival),
        "requestContext": _request_context(route, api, arrival) | {"http": _call(request, path, arrival)},
        "isBase64Encoded": is_base64,
        **{name: value for name, value in parts.items() if value},
    }


def response_for(invocation: Invocation) -> HttpResponse:
    """What the client gets: the function's answer, 503 after a timeout, 500 for anything that is no answer."""
    if invocation.is_timed_out:
        return _message(503, "Service Unavailable")
    if invocation.error is not None:
        is_too_large = invocation.error.get("errorType") == EVENT_TOO_LARGE
        return _message(413, "Request Too Long") if is_too_large else internal_error()
    result = invocation.result
    if not isinstance(result, dict) or "statusCode" not in result:
        text = result if isinstance(result, str) else json.dumps(result)
        return HttpResponse(200, _with_length((("content-type", JSON_TYPE),), text.encode()), text.encode())
    try:
        return _explicit(result)
    except (ValueError, TypeError, binascii.Error):
        return internal_error()


def not_found() -> HttpResponse:
    """What API Gateway says where no route fits."""
    return _message(404, "Not Found")


def too_many_requests() -> HttpResponse:
    """What API Gateway says beyond its limits of calls."""
    return _message(429, "Too Many Requests")


def unauthorized() -> HttpResponse:
    """What API Gateway says to those without a valid token."""
    return _message(401, "Unauthorized")


def flat(claims: Mapping[str, Any]) -> dict[str, str]:
    """Claims as an event carries them: every value a text, a list in brackets without commas."""
    return {name: _claim(value) for name, value in claims.items()}


def internal_error() -> HttpResponse:
    """What API Gateway says when the function gave nothing usable."""
    return _message(500, "Internal Server Error")


def _event_headers(request: HttpRequest, api: ApiIdentity, arrival: Arrival) -> dict[str, str]:
    added = {
        "host": api.domain_name,
        "x-forwarded-for": ", ".join([*_values(request, "x-forwarded-for"), arrival.source_ip]),
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    sent = _joined(tuple((name.lower(), value) for name, value in request.headers))
    length = {"content-length": str(len(request.body))} if request.body else {}
    kept = {name: value for name, value in sent.items() if name not in NOT_IN_HEADERS}
    return dict(sorted({**kept, **length, **added}.items()))


def _request_context(route: RouteMatch, api: ApiIdentity, arrival: Arrival) -> dict[str, Any]:
    return {
        "accountId": api.account,
        "apiId": api.api_id,
        "domainName": api.domain_name,
        "domainPrefix": api.domain_name.partition(".")[0],
        "requestId": arrival.request_id,
        "routeKey": route.route_key,
        "stage": api.stage,
        "time": arrival.received_at.strftime("%d/%b/%Y:%H:%M:%S %z"),
        "timeEpoch": int(arrival.received_at.timestamp() * 1000),
    }


def _call(request: HttpRequest, path: str, arrival: Arrival) -> dict[str, str]:
    return {
        "method": request.method,
        "path": path,
        "protocol": "HTTP/1.1",
        "sourceIp": arrival.source_ip,
        "userAgent": ",".join(_values(request, "user-agent")),
    }


def _event_body(request: HttpRequest) -> tuple[str, bool]:
    content_type = next(iter(_values(request, "content-type")), JSON_TYPE).lower()
    if content_type.startswith(TEXT_TYPES):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode("ascii"), bool(request.body)


def _explicit(result: Mapping[str, Any]) -> HttpResponse:
    status, text = int(result["statusCode"]), result.get("body") or ""
    if not isinstance(text, str):
        raise ValueError("not a text")
    body = base64.b64decode(text, validate=True) if result.get("isBase64Encoded") else text.encode()
    headers = {name.lower(): _header_value(value) for name, value in dict(result.get("headers") or {}).items()}
    headers = {"content-type": TEXT_TYPE, **headers}
    cookies = tuple(("set-cookie", _header_value(cookie)) for cookie in result.get("cookies") or ())
    pairs = tuple((name, value) for name, value in headers.items() if name != "content-length")
    return HttpResponse(status, _with_length(pairs + cookies, body), body)


def _header_value(value: Any) -> str:
    if not isinstance(value, (str, int, float)):
        raise ValueError("not a header value")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _claim(value: Any) -> str:
    if isinstance(value, list):
        return f"[{' '.join(map(_claim, value))}]"
    return value if isinstance(value, str) else json.dumps(value)


def _message(status: int, message: str) -> HttpResponse:
    body = json.dumps({"message": message}, separators=(",", ":")).encode()
    return HttpResponse(status, _with_length((("content-type", JSON_TYPE),), body), body)


def _with_length(headers: Pairs, body: bytes) -> Pairs:
    return (*headers, ("content-length", str(len(body))))


def _values(request: HttpRequest, name: str) -> list[str]:
    return [value for header, value in request.headers if header.lower() == name]


def _joined(pairs: Pairs) -> dict[str, str]:
    """Repeated names become one value with commas, as in every map of format 2.0."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
