"""Translates HTTP into what Azure's host tells its worker, and the worker's answers back into HTTP.

As the host's own source does it: names in lower case, repeats joined with commas, the path decoded and encoded anew,
empty query values left out; cookies are written by ASP.NET, which encodes values and adds a path.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote, unquote, urlencode

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.infrastructure.function_runtimes.function_spec import (
    EVENT_TOO_LARGE,
    NO_KEY,
    NO_ROUTE,
    TIMED_OUT,
    Invocation,
)

LARGEST_REQUEST = 100 * 1024 * 1024
LOAD_BALANCER_S = 230
HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "keep-alive", "upgrade", "te"})
KEPT_IN_PATHS = "/:@!$&'()*+,;=~"
STATUSES = {EVENT_TOO_LARGE: 413, NO_ROUTE: 404, NO_KEY: 401, TIMED_OUT: 500}  # of answers without a body
_PORT = 50000  # App Service tells the port, too


def event_for(request: HttpRequest, host: str, caller: str = "") -> dict[str, Any]:
    """The request as the worker gets it, but for the route's parameters; `caller` is who stands before the client."""
    query = f"?{urlencode(request.query)}" if request.query else ""
    return {
        "method": request.method,
        "url": f"https://{host}{_normalised(request.path)}{query}",
        "headers": _headers(request, host, caller or _with_port(request.client)),
        "query": {name: value for name, value in _joined(request.query).items() if value},
        "body": base64.b64encode(request.body).decode("ascii"),
    }


def response_for(invocation: Invocation, timed_out: int = 500) -> HttpResponse:
    """What the client gets: the function's answer, or the host's own, which never says why."""
    if invocation.error is not None:
        return empty({**STATUSES, TIMED_OUT: timed_out}.get(invocation.error["errorType"], 500))
    if invocation.result is None:
        return empty(204)
    try:
        return _explicit(invocation.result)
    except (KeyError, TypeError, ValueError):
        return empty(500)


def empty(status: int) -> HttpResponse:
    """An answer of the host without a body."""
    return HttpResponse(status, (("content-length", "0"),) if status != 204 else ())


def _normalised(path: str) -> str:
    """The path as ASP.NET hands it on: encoded anew, an encoded slash left alone."""
    parts = path.replace("%2f", "%2F").split("%2F")
    return "%2F".join(quote(unquote(part), safe=KEPT_IN_PATHS) for part in parts)


def _with_port(address: str) -> str:
    return f"[{address}]:{_PORT}" if ":" in address else f"{address}:{_PORT}"


def _headers(request: HttpRequest, host: str, caller: str) -> dict[str, str]:
    sent = _joined(tuple((name.lower(), value) for name, value in request.headers))
    before = f"{sent['x-forwarded-for']}, " if "x-forwarded-for" in sent else ""
    length = {"content-length": str(len(request.body))} if request.body else {}
    added = {"host": host, "x-forwarded-for": before + caller, "x-forwarded-proto": "https"}
    return {**{name: value for name, value in sent.items() if name not in HOP_BY_HOP}, **length, **added}


def _explicit(result: Mapping[str, Any]) -> HttpResponse:
    body = base64.b64decode(result["body"])
    headers = tuple((name, value) for name, value in result["headers"].items() if name != "content-length")
    cookies = tuple(("set-cookie", "; ".join(_cookie(cookie))) for cookie in result["cookies"])
    length = (("content-length", str(len(body))),) if result["status"] not in (204, 304) else ()
    return HttpResponse(result["status"], (*headers, *cookies, *length), body)


def _cookie(cookie: Mapping[str, Any]) -> Iterator[str]:
    """The parts of a cookie in ASP.NET's order."""
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


def _joined(pairs: Pairs) -> dict[str, str]:
    """Repeated names become one value; cookies are joined as cookies are."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        between = "; " if name == "cookie" else ","
        joined[name] = f"{joined[name]}{between}{value}" if name in joined else value
    return joined
