"""Translates between Azure's HTTP trigger and API Gateway's payload format 2.0, so that one handler runs on both."""

from __future__ import annotations

import base64
import json
import re
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from http.cookies import CookieError, SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import azure.functions as func

MAIN, EVERY_PATH = "semantest", "{*path}"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
GREEDY_PARAMETER = re.compile(r"\{(\w+)\+\}$")
TEXT_TYPES = ("text/", "application/json", "application/xml", "application/javascript")
RETRY_AFTER_S = 10
LONGEST_ANSWER_S = 230  # Azure's load balancer waits no longer
GATEWAY_HEADER, HOST_HEADER = "x-semantest-gateway", "x-forwarded-host"
ENCODED_BYTES = re.compile(r"(?:%[0-9a-fA-F]{2})+")
BODILESS_STATUSES = (204, 205, 304)
NEGATIVE_AGE = re.compile(r"^(max-age)\s*=\s*-\d+$", re.IGNORECASE)  # the host fails on one
COOKIE_ATTRIBUTES = ("domain", "path", "expires", "max-age", "secure", "httponly", "samesite")
ADDRESS_WITH_PORT = re.compile(r"^\[(?P<six>.*)\](:\d+)?$|^(?P<four>[\d.]+):\d+$")


class Context:
    """The part of Lambda's context that handlers use."""

    def __init__(self, aws_request_id: str, function_name: str, timeout_s: float = LONGEST_ANSWER_S) -> None:
        self.aws_request_id = aws_request_id
        self.function_name = function_name
        self._end = time.monotonic() + timeout_s

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the load balancer gives up on a request, or the host on a function."""
        return max(0, int((self._end - time.monotonic()) * 1000))


def build_unavailable_response(settings: list[str]) -> func.HttpResponse:
    """Build the refusal of a request that came before the app can read its secrets."""
    reason = f"Key Vault has not given these settings yet: {', '.join(settings)}"
    print(json.dumps({"event": "unavailable", "reason": reason}))
    body = json.dumps({"message": "Service Unavailable", "reason": reason})
    headers = {"content-type": "application/json", "retry-after": str(RETRY_AFTER_S)}
    return func.HttpResponse(body, status_code=503, headers=headers)


class Trigger(NamedTuple):
    """A function that Azure's host shows and calls, for one path of ours."""

    name: str
    route: str
    methods: list[str]


def list_triggers(routes: list[str] | dict[str, list[str]]) -> list[Trigger]:
    """List the triggers of an app: one for every path, or of several functions one for each of their paths.

    The host may try routes in any order, so each trigger may get requests that are those of another function.
    """
    if not isinstance(routes, dict):
        return [Trigger(MAIN, EVERY_PATH, METHODS)]
    taken = {key for keys in routes.values() for key in keys}
    triggers = []
    for name, keys in routes.items():
        for index, path in enumerate(dict.fromkeys(key.partition(" ")[2] for key in keys), start=1):
            any_of = METHODS if f"ANY {path}" in keys else []
            exact = [method for method in METHODS if f"{method} {path}" in keys]
            methods = exact + [method for method in any_of if f"{method} {path}" not in taken]
            if methods:
                function = f"{name or MAIN}_{index}" if index > 1 else name or MAIN
                triggers.append(Trigger(function, build_route_template(path), methods))
    return triggers


def build_route_template(path: str) -> str:
    """Build ASP.NET's template; for the root the one of every path, because an empty one means the function's name."""
    return GREEDY_PARAMETER.sub(r"{*\1}", path[1:]) or EVERY_PATH


def match_event_route(route_keys: Sequence[str], method: str, path: str) -> tuple[str, dict[str, str]]:
    """Find the most specific route of an encoded path, as API Gateway does, with its path parameters."""
    segments = [part for part in path.split("/") if part]
    found = []
    for key in route_keys:
        wanted, _, template = key.partition(" ")
        parts = [part for part in template.split("/") if part]
        parameters = _match_route_segments(parts, segments) if wanted in (method, "ANY") else None
        if parameters is not None:
            found.append(([_segment_rank(part) for part in parts], wanted == "ANY", key, parameters))
    if not found:
        return "$default", {}
    *_, key, parameters = min(found, key=lambda match: match[:2])
    return key, parameters


def _match_route_segments(parts: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    parameters = {}
    for index, part in enumerate(parts):
        rank, name = _segment_rank(part), part.strip("{+}")
        if index >= len(segments) or (rank == 0 and _decode_path(segments[index]) != part):
            return None
        if rank == 2:
            return {**parameters, name: _decode_path("/".join(segments[index:]))}
        if rank == 1:
            parameters[name] = _decode_path(segments[index])
    return parameters if len(parts) == len(segments) else None


def _segment_rank(part: str) -> int:
    """0 for a literal, 1 for a parameter, 2 for one that takes the rest."""
    return 0 if not part.startswith("{") else 2 if part.endswith("+}") else 1


def build_event(
    request: func.HttpRequest, context: Context, hops: int = 0, route_keys: Sequence[str] = ()
) -> dict[str, Any]:
    """Build the event of a request; `hops` is the number of our gateways between client and App Service."""
    url, headers = urlsplit(request.url), {**request.headers}
    headers.pop(GATEWAY_HEADER, None)
    host = (hops and headers.pop(HOST_HEADER, "")) or url.netloc  # only our gateway is believed
    headers["host"] = host
    cookies = [part.strip() for part in headers.pop("cookie", "").split(";") if part.strip()]
    client = _take_client_address(headers, hops)
    body, is_base64 = _encode_body(request.get_body() or b"", headers.get("content-type", "").lower())
    parts: dict[str, Any] = {
        "cookies": cookies,
        "queryStringParameters": _join_values(parse_qsl(url.query, True)),
        "body": body,
    }
    path = _decode_path(url.path) or "/"
    route_key, path_parameters = match_event_route(route_keys, request.method, url.path)
    parts["pathParameters"] = path_parameters
    call = {"method": request.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": client}
    return {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": url.query,
        "headers": headers,
        "requestContext": _request_context(host, context, route_key)
        | {"http": call | {"userAgent": headers.get("user-agent", "")}},
        "isBase64Encoded": is_base64,
        **{name: value for name, value in parts.items() if value},
    }


def build_response(result: Any, method: str = "GET") -> func.HttpResponse:
    """Build the response that API Gateway would send for a result; one to HEAD keeps the length that it gives."""
    if not isinstance(result, dict) or "statusCode" not in result:
        text = result if isinstance(result, str) else encode_json(result)
        return func.HttpResponse(text, mimetype="application/json")
    status, text = result["statusCode"], result.get("body") or ""
    if isinstance(status, float):
        raise ValueError(f"statusCode {status} is no whole number")
    body = base64.b64decode(text, validate=True) if result.get("isBase64Encoded") else text
    headers = {name.lower(): _header_value(value) for name, value in (result.get("headers") or {}).items()}
    if int(status) in BODILESS_STATUSES:  # the host fails on a body there
        body = ""
    if method != "HEAD" or body:
        headers.pop("content-length", None)
    headers.setdefault("content-type", "text/plain;charset=UTF-8")
    response = func.HttpResponse(body, status_code=int(status), headers=headers)
    for cookie in result.get("cookies") or ():
        response.headers.add("Set-Cookie", _encode_for_host(cookie))
    return response


def encode_json(result: Any) -> str:
    """Encode a result as Lambda's runtime does: characters as they are, and decimal numbers as numbers."""
    return json.dumps(result, ensure_ascii=sys.version_info < (3, 12), default=_encode_decimal)


def _encode_decimal(value: Any) -> float | int:
    if not isinstance(value, Decimal):
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
    return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)


def _decode_path(path: str) -> str:
    """Decode what is UTF-8, and keep the rest: the host sends `100%25ab` as `100%ab`."""
    return ENCODED_BYTES.sub(_decode_if_utf8, path)


def _decode_if_utf8(encoded: re.Match[str]) -> str:
    try:
        return unquote(encoded[0], errors="strict")
    except UnicodeDecodeError:
        return encoded[0]


def _take_client_address(headers: dict[str, str], hops: int) -> str:
    """Find the client's address without the port that App Service adds, and drop our gateways from the header.

    Earlier entries are claims of the client.
    """
    entries = [entry.strip() for entry in headers.get("x-forwarded-for", "").split(",")]
    *claims, last = entries[: max(1, len(entries) - hops)]
    match = ADDRESS_WITH_PORT.match(last)
    client = (match["six"] or match["four"]) if match else last
    if client:
        headers["x-forwarded-for"] = ", ".join([*claims, client])
    return client


def _request_context(host: str, context: Context, route_key: str) -> dict[str, Any]:
    return {
        "accountId": "azure",
        "apiId": context.function_name,
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "requestId": context.aws_request_id,
        "routeKey": route_key,
        "stage": "$default",
        "timeEpoch": int(time.time() * 1000),
    }


def _encode_body(body: bytes, content_type: str) -> tuple[str, bool]:
    if content_type.startswith(TEXT_TYPES):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode("ascii"), bool(body)


def _join_values(pairs: list[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _header_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _encode_for_host(cookie: str) -> str:
    """Decode the value of a cookie, and quote it if needed, because the host encodes it again.

    Attributes that the host does not know, such as Partitioned, are dropped: it would take them for cookies.
    """
    pair, *attributes = str(cookie).split(";")
    known = [NEGATIVE_AGE.sub(r"\1=0", attribute.strip()) for attribute in attributes if _is_known_attribute(attribute)]
    name, _, value = pair.partition("=")
    try:
        quoted = SimpleCookie({name.strip(): unquote(value.strip())}).output(header="").strip()
    except CookieError:
        quoted = pair.strip()
    return "; ".join([quoted, *known])


def _is_known_attribute(attribute: str) -> bool:
    name, _, value = attribute.strip().partition("=")
    if name.lower() == "max-age":
        return re.fullmatch(r"-?\d+", value.strip()) is not None
    return name.lower() in COOKIE_ATTRIBUTES
