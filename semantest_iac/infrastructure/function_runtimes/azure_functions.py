"""Chooses the function that answers a request and translates HTTP as the host of Azure Functions does.

As in the host's own source: header names in lower case, repeats joined with commas, the path decoded and encoded
again, empty query values left out; cookies are written by ASP.NET, which encodes values and adds a path.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs, StoredBody
from semantest_iac.infrastructure.function_runtimes.function_spec import (
    EVENT_TOO_LARGE,
    MISSING_KEY,
    NO_ROUTE,
    TIMED_OUT,
    FunctionSpec,
    Invocation,
    make_trace_parent,
)
from semantest_iac.infrastructure.function_runtimes.route_templates import (
    find_first_matching_function,
    find_route_fault,
)
from semantest_iac.infrastructure.nested_text import parse_json

MAX_FUNCTIONS_REQUEST_BYTES = 100 * 1024 * 1024
"""The default of BODY_LIMIT_SETTING. Source: azure-functions-host, HttpRequestSizeMiddleware, and the page of the app
settings; the page of service limits says 210 MB since 2025, without saying how."""

BODY_LIMIT_SETTING = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
MAX_FUNCTIONS_HEAD_BYTES = 64 * 1024
LOAD_BALANCER_TIMEOUT_S = 230
HOP_BY_HOP_HEADERS = frozenset({"connection", "transfer-encoding", "keep-alive", "upgrade", "te"})
SAFE_PATH_CHARACTERS = "/:@!$&'()*+,;=~"
ENCODED_BYTE = re.compile("(%[0-9a-fA-F]{2})")
_UNDECODED_BYTE = re.compile("[\udc80-\udcff]")
ERROR_STATUSES = {EVENT_TOO_LARGE: 413, NO_ROUTE: 404, MISSING_KEY: 401, TIMED_OUT: 500}  # of answers without a body
_BODILESS_STATUSES = (204, 205, 304)
_CLIENT_PORT = 50000  # App Service adds the client's port
FUNCTION_KEY_HEADER, FUNCTION_KEY_PARAMETER = "x-functions-key", "code"


def build_functions_event(request: HttpRequest, host: str, proxy_address: str = "") -> dict[str, Any]:
    """Return the request as the worker gets it, without route parameters.

    `proxy_address` is that of a proxy before us.
    """
    path, query = _decode_path(request.path), f"?{request.query_string}" if request.query_string else ""
    return {
        "method": request.method,
        "url": f"https://{host}{_encode_path(path)}{query}",
        "path": path,
        "headers": _worker_headers(request, host, proxy_address or _add_client_port(request.client)),
        "query": {name: value for name, value in _join_repeated(request.query).items() if value},
        "body": request.stored_body or base64.b64encode(request.body).decode("ascii"),
    }


def build_functions_response(invocation: Invocation, timeout_status: int = 500, method: str = "GET") -> HttpResponse:
    """Return the function's answer as HTTP, or the host's own error, which never gives a reason."""
    if invocation.error is not None:
        return empty_response({**ERROR_STATUSES, TIMED_OUT: timeout_status}.get(invocation.error["errorType"], 500))
    if invocation.result is None:
        return empty_response(204)
    try:
        return _structured_response(invocation.result, invocation.stored_body, method)
    except (KeyError, TypeError, ValueError):
        return empty_response(500)


def empty_response(status: int) -> HttpResponse:
    """Return an answer of the host without a body."""
    return HttpResponse(status, (("content-length", "0"),) if status != 204 else ())


def _decode_path(path: str) -> str:
    """Decode the path once as Kestrel does: `%2F` and what is not UTF-8 stay. Routes and parameters have this form."""
    decoded = "%2F".join(unquote(part, errors="surrogateescape") for part in re.split("%2[fF]", path))
    return _UNDECODED_BYTE.sub(lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", decoded)


def _encode_path(decoded: str) -> str:
    """Encode a decoded path again, but what looks encoded, so that `/100%25ab` reaches a function as `/100%ab`.

    Source: PathString.ToUriComponent.
    """
    return "".join(
        part if ENCODED_BYTE.fullmatch(part) else quote(part, safe=SAFE_PATH_CHARACTERS)
        for part in ENCODED_BYTE.split(decoded)
    )


def _add_client_port(address: str) -> str:
    return f"[{address}]:{_CLIENT_PORT}" if ":" in address else f"{address}:{_CLIENT_PORT}"


def _worker_headers(request: HttpRequest, host: str, caller: str) -> dict[str, str]:
    sent = _join_repeated(tuple((name.lower(), value) for name, value in request.headers))
    before = f"{sent['x-forwarded-for']}, " if "x-forwarded-for" in sent else ""
    length = {"content-length": str(request.body_size)} if request.body_size else {}
    added = {"host": host, "x-forwarded-for": before + caller, "x-forwarded-proto": "https"}
    return {**{name: value for name, value in sent.items() if name not in HOP_BY_HOP_HEADERS}, **length, **added}


def _structured_response(result: Mapping[str, Any], stored: StoredBody | None, method: str) -> HttpResponse:
    body = base64.b64decode(result["body"])
    headers = tuple((name, value) for name, value in result["headers"].items() if name != "content-length")
    cookies = tuple(("set-cookie", _format_cookie(cookie)) for cookie in result["cookies"])
    if method == "HEAD" and not (body or stored):
        given = tuple(pair for pair in result["headers"].items() if pair[0] == "content-length")
        return HttpResponse(result["status"], (*headers, *cookies, *given))
    if result["status"] in _BODILESS_STATUSES and (body or stored):
        raise ValueError("Kestrel writes no body with this status")
    size = stored.size if stored else len(body)
    length = (("content-length", str(size)),) if result["status"] not in _BODILESS_STATUSES else ()
    return HttpResponse(result["status"], (*headers, *cookies, *length), body, stored)


def _format_cookie(cookie: Mapping[str, Any] | str) -> str:
    """Write a cookie as ASP.NET does; a text comes from an app that streams, whose headers the host passes on."""
    return cookie if isinstance(cookie, str) else "; ".join(_cookie_parts(cookie))


def _cookie_parts(cookie: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts of a cookie in ASP.NET's order; raises ValueError for an age that it cannot write.

    The Python worker sets domain and path always, to an empty text if the cookie has none.
    """
    yield f"{cookie['name']}={quote(cookie['value'], safe='~')}"
    if cookie.get("expires") is not None:
        yield f"expires={format_datetime(datetime.fromtimestamp(cookie['expires'], UTC), usegmt=True)}"
    if cookie.get("maxAge") is not None:
        if cookie["maxAge"] < 0:
            raise ValueError("a negative age")
        yield f"max-age={int(cookie['maxAge'])}"
    if cookie.get("domain") is not None:
        yield f"domain={cookie['domain']}"
    yield f"path={'/' if cookie.get('path') is None else cookie['path']}"
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


def build_functions_call(
    spec: FunctionSpec, facts: Mapping[str, Any], event: Mapping[str, Any], request_id: str
) -> Mapping[str, Any]:
    """Return the request with the function that answers it, or the host's own error; of a message or tick the event.

    Those name their function.
    """
    if "path" not in event:
        return {**event, "id": request_id, "trace": {"parent": make_trace_parent(""), "state": ""}}
    path = event["path"]
    found = find_first_matching_function(facts["functions"], _route_prefix(spec.package), event["method"], path)
    if found is None:
        return {"error": {"errorType": NO_ROUTE, "errorMessage": f"No function takes {event['method']} {path}."}}
    function, params = found
    if function["authLevel"] != "anonymous" and not _has_key(event):
        return {
            "error": {
                "errorType": MISSING_KEY,
                "errorMessage": f"{function['name']} wants a key in {FUNCTION_KEY_HEADER}.",
            }
        }
    headers = event["headers"]
    trace = {"parent": make_trace_parent(headers.get("traceparent", "")), "state": headers.get("tracestate", "")}
    stored, http = event["body"], {**event, "params": params}
    call = {"function": function["name"], "http": http, "id": request_id, "trace": trace}
    if not isinstance(stored, StoredBody):
        return call
    return {**call, "http": {**http, "body": ""}, "stored": {"in": "http", "as": "bytes", "path": stored.path}}


def find_functions_fault(spec: FunctionSpec, facts: Mapping[str, Any]) -> str:
    """Return why the host would not start with the app's functions; empty if it would."""
    return find_route_fault(facts["functions"], _route_prefix(spec.package))


def _has_key(event: Mapping[str, Any]) -> bool:
    return bool(event["headers"].get(FUNCTION_KEY_HEADER) or event["query"].get(FUNCTION_KEY_PARAMETER))


@cache
def _route_prefix(package: Path) -> str:
    """Return the prefix of every route; host.json was checked when the package was built, and `api` is the default."""
    try:
        settings = parse_json((package / "host.json").read_bytes())
        return str(settings["extensions"]["http"]["routePrefix"])
    except (OSError, ValueError, LookupError, TypeError):
        return "api"
