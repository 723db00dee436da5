"""Chooses the function that answers a request and translates HTTP as the host of Azure Functions does.

As in the host's own source: header names in lower case, repeats joined with commas, the path decoded and encoded
again, empty query values left out; cookies are written by ASP.NET, which encodes values and adds a path.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.infrastructure.function_runtimes.function_spec import (
    EVENT_TOO_LARGE,
    MISSING_KEY,
    NO_ROUTE,
    TIMED_OUT,
    FunctionSpec,
    Invocation,
)

MAX_FUNCTIONS_REQUEST_BYTES = 100 * 1024 * 1024
MAX_FUNCTIONS_HEAD_BYTES = 64 * 1024
LOAD_BALANCER_TIMEOUT_S = 230
HOP_BY_HOP_HEADERS = frozenset({"connection", "transfer-encoding", "keep-alive", "upgrade", "te"})
SAFE_PATH_CHARACTERS = "/:@!$&'()*+,;=~"
ENCODED_BYTE = re.compile("(%[0-9a-fA-F]{2})")
ERROR_STATUSES = {EVENT_TOO_LARGE: 413, NO_ROUTE: 404, MISSING_KEY: 401, TIMED_OUT: 500}  # of answers without a body
_CLIENT_PORT = 50000  # App Service adds the client's port
_LITERAL, _CONSTRAINED, _VARIABLE, _GREEDY = range(4)
PARAMETER_PATTERN = re.compile(
    r"\{(?P<greedy>\*{0,2})(?P<name>\w+)(:(?P<constraint>[^?=}]+))?(=[^}]*)?(?P<optional>\?)?\}"
)
CONSTRAINT_PATTERNS = {
    "int": re.compile(r"-?\d+"),
    "long": re.compile(r"-?\d+"),
    "alpha": re.compile(r"[A-Za-z]+"),
    "bool": re.compile(r"(?i)true|false"),
    "guid": re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "decimal": re.compile(r"[+-]?\d+(\.\d+)?"),
    "double": re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?"),
    "float": re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?"),
}  # `datetime` and `regex(…)` are not checked here
_BOUNDED = re.compile(r"(minlength|maxlength|length|min|max|range)\((\d+)(?:,\s*(\d+))?\)")
FUNCTION_KEY_HEADER, FUNCTION_KEY_PARAMETER = "x-functions-key", "code"


def build_functions_event(request: HttpRequest, host: str, proxy_address: str = "") -> dict[str, Any]:
    """Return the request as the worker gets it, without route parameters.

    `proxy_address` is that of a proxy before us.
    """
    query = f"?{request.query_string}" if request.query_string else ""
    return {
        "method": request.method,
        "url": f"https://{host}{_normalize_path(request.path)}{query}",
        "headers": _worker_headers(request, host, proxy_address or _add_port(request.client)),
        "query": {name: value for name, value in _join_repeated(request.query).items() if value},
        "body": base64.b64encode(request.body).decode("ascii"),
    }


def build_functions_response(invocation: Invocation, timeout_status: int = 500, method: str = "GET") -> HttpResponse:
    """Return the function's answer as HTTP, or the host's own error, which never gives a reason."""
    if invocation.error is not None:
        return empty_response({**ERROR_STATUSES, TIMED_OUT: timeout_status}.get(invocation.error["errorType"], 500))
    if invocation.result is None:
        return empty_response(204)
    try:
        return _structured_response(invocation.result, method)
    except (KeyError, TypeError, ValueError):
        return empty_response(500)


def empty_response(status: int) -> HttpResponse:
    """Return an answer of the host without a body."""
    return HttpResponse(status, (("content-length", "0"),) if status != 204 else ())


def _normalize_path(path: str) -> str:
    """Decode and encode the path as ASP.NET does: `%2F` stays, and so does what looks encoded once it is decoded.

    Source: PathString.ToUriComponent. So `/100%25ab` reaches a function as `/100%ab`.
    """
    decoded = "%2F".join(unquote(part) for part in re.split("%2[fF]", path))
    return "".join(
        part if ENCODED_BYTE.fullmatch(part) else quote(part, safe=SAFE_PATH_CHARACTERS)
        for part in ENCODED_BYTE.split(decoded)
    )


def _add_port(address: str) -> str:
    return f"[{address}]:{_CLIENT_PORT}" if ":" in address else f"{address}:{_CLIENT_PORT}"


def _worker_headers(request: HttpRequest, host: str, caller: str) -> dict[str, str]:
    sent = _join_repeated(tuple((name.lower(), value) for name, value in request.headers))
    before = f"{sent['x-forwarded-for']}, " if "x-forwarded-for" in sent else ""
    length = {"content-length": str(len(request.body))} if request.body else {}
    added = {"host": host, "x-forwarded-for": before + caller, "x-forwarded-proto": "https"}
    return {**{name: value for name, value in sent.items() if name not in HOP_BY_HOP_HEADERS}, **length, **added}


def _structured_response(result: Mapping[str, Any], method: str) -> HttpResponse:
    body = base64.b64decode(result["body"])
    headers = tuple((name, value) for name, value in result["headers"].items() if name != "content-length")
    cookies = tuple(("set-cookie", "; ".join(_cookie_parts(cookie))) for cookie in result["cookies"])
    if method == "HEAD" and not body:
        given = tuple(pair for pair in result["headers"].items() if pair[0] == "content-length")
        return HttpResponse(result["status"], (*headers, *cookies, *given))
    length = (("content-length", str(len(body))),) if result["status"] not in (204, 304) else ()
    return HttpResponse(result["status"], (*headers, *cookies, *length), body)


def _cookie_parts(cookie: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts of a cookie in ASP.NET's order."""
    yield f"{cookie['name']}={quote(cookie['value'], safe='~')}"
    if cookie.get("expires") is not None:
        yield f"expires={format_datetime(datetime.fromtimestamp(cookie['expires'], UTC), usegmt=True)}"
    if cookie.get("maxAge") is not None:
        yield f"max-age={int(cookie['maxAge'])}"
    if cookie.get("domain"):
        yield f"domain={cookie['domain']}"
    yield f"path={cookie.get('path') or '/'}"
    if cookie.get("secure"):
        yield "secure"
    if cookie.get("sameSite"):
        yield f"samesite={cookie['sameSite']}"
    if cookie.get("httpOnly"):
        yield "httponly"


def _join_repeated(pairs: Pairs) -> dict[str, str]:
    """Join repeated names: cookies with semicolons, others with commas."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        between = "; " if name == "cookie" else ","
        joined[name] = f"{joined[name]}{between}{value}" if name in joined else value
    return joined


class RouteSegment(NamedTuple):
    """One segment of a route template: a literal text, or a parameter's name."""

    kind: int
    name: str
    constraint: str = ""
    is_optional: bool = False


def build_functions_call(
    spec: FunctionSpec, facts: Mapping[str, Any], event: Mapping[str, Any], request_id: str
) -> Mapping[str, Any]:
    """Return the request with the function that answers it, or the host's own error."""
    path = urlsplit(event["url"]).path
    prefix = _route_prefix(spec.package)
    matches = [
        (_specificity(segments), function, found)
        for function in facts["functions"]
        if function["isHttp"] and _accepts_method(function, event["method"])
        for segments in [_parse_template(f"{prefix}/{function.get('route') or function['name']}")]
        if (found := _match_segments(segments, [unquote(part) for part in path.split("/") if part])) is not None
    ]
    if not matches:
        return {"error": {"errorType": NO_ROUTE, "errorMessage": f"No function takes {event['method']} {path}."}}
    _, function, params = min(matches, key=lambda found: found[0])
    if function["authLevel"] != "anonymous" and not _has_key(event):
        return {
            "error": {
                "errorType": MISSING_KEY,
                "errorMessage": f"{function['name']} wants a key in {FUNCTION_KEY_HEADER}.",
            }
        }
    return {"function": function["name"], "http": {**event, "params": params}, "id": request_id}


def _accepts_method(function: Mapping[str, Any], method: str) -> bool:
    methods = [known.upper() for known in function.get("methods") or ()]
    return not methods or method.upper() in methods


def _has_key(event: Mapping[str, Any]) -> bool:
    return bool(event["headers"].get(FUNCTION_KEY_HEADER) or event["query"].get(FUNCTION_KEY_PARAMETER))


@cache
def _route_prefix(package: Path) -> str:
    """Return the prefix of every route; host.json was checked when the package was built, and `api` is the default."""
    try:
        settings = json.loads((package / "host.json").read_bytes())
        return str(settings["extensions"]["http"]["routePrefix"])
    except (OSError, ValueError, LookupError, TypeError):
        return "api"


def _parse_template(template: str) -> list[RouteSegment]:
    return [_parse_segment(part) for part in template.split("/") if part]


def _parse_segment(part: str) -> RouteSegment:
    match = PARAMETER_PATTERN.fullmatch(part)
    if match is None:
        return RouteSegment(_LITERAL, part.lower())
    constraint = match["constraint"] or ""
    kind = _GREEDY if match["greedy"] else _CONSTRAINED if constraint else _VARIABLE
    return RouteSegment(kind, match["name"], constraint, bool(match["optional"]))


def _match_segments(segments: list[RouteSegment], path: list[str]) -> dict[str, str] | None:
    params: dict[str, str] = {}
    for index, segment in enumerate(segments):
        if segment.kind == _GREEDY:
            return params | {segment.name: "/".join(path[index:])}
        if index >= len(path):
            return params if segment.is_optional else None
        if not _segment_matches(segment, path[index]):
            return None
        if segment.kind != _LITERAL:
            params[segment.name] = path[index]
    return params if len(path) <= len(segments) else None


def _segment_matches(segment: RouteSegment, value: str) -> bool:
    if segment.kind == _LITERAL:
        return value.lower() == segment.name
    return all(_constraint_accepts(constraint, value) for constraint in segment.constraint.split(":"))


def _constraint_accepts(constraint: str, value: str) -> bool:
    """Whether a constraint of an ASP.NET route template accepts a value."""
    if match := _BOUNDED.fullmatch(constraint):
        name, low, high = match[1], int(match[2]), int(match[3] or match[2])
        if "length" not in name and not re.fullmatch(r"-?\d+", value):
            return False
        size = len(value) if "length" in name else int(value)
        return (name.startswith("max") or size >= low) and (name.startswith("min") or size <= high)
    pattern = CONSTRAINT_PATTERNS.get(constraint)
    return pattern is None or pattern.fullmatch(value) is not None


def _specificity(segments: list[RouteSegment]) -> tuple[int, ...]:
    return tuple(segment.kind for segment in segments)
