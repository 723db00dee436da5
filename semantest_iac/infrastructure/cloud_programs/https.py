"""Requests to the services of real clouds."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse

_TIMEOUT_S = 600  # a package may be large and the connection slow
_MAX_BODY_BYTES = 10 * 1024 * 1024


def send_https(origin: str, request: HttpRequest) -> HttpResponse:
    """Return the response whatever its status; never follow a redirect, which would forward the token."""
    query = f"?{request.query_string}" if request.query_string else ""
    url = f"{origin}{request.path}{query}"
    outgoing = urllib.request.Request(url, request.body or None, dict(request.headers), method=request.method)  # noqa: S310 - origins are outputs of ours
    try:
        with _OPENER.open(outgoing, timeout=_TIMEOUT_S) as response:
            return _read_response(response.status, response)
    except urllib.error.HTTPError as error:
        with error:
            return _read_response(error.code, error)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: the token is for the original host only."""

    def redirect_request(self, *_: Any) -> None:
        """Return None, which makes the redirect itself the response."""


_OPENER = urllib.request.build_opener(_NoRedirects)


def _read_response(status: int, response: Any) -> HttpResponse:
    headers = tuple((name.lower(), value) for name, value in response.headers.items())
    return HttpResponse(status, headers, response.read(_MAX_BODY_BYTES))
