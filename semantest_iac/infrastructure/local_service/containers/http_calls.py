"""Sends requests to processes of this machine, as the ingress of a cloud passes them on to containers."""

from __future__ import annotations

import http.client
from contextlib import closing
from pathlib import Path

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs

LARGEST_ANSWER = 64 * 1024 * 1024
_HOP_HEADERS = frozenset(
    ("connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
)


def send_to_port(port: int, request: HttpRequest, timeout_s: float) -> HttpResponse:
    """Send a request and return the whole answer; blocks.

    Raises OSError, HTTPException, and ValueError for an answer that cannot be passed on.
    """
    query = f"?{request.query_string}" if request.query_string else ""
    body = Path(request.stored_body.path).read_bytes() if request.stored_body else request.body
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    with closing(connection):
        connection.putrequest(
            request.method, f"{request.path or '/'}{query}", skip_host=True, skip_accept_encoding=True
        )
        for name, value in _list_headers(request, port):
            connection.putheader(name, _encode_value(value))
        if body or request.method not in ("GET", "HEAD", "OPTIONS"):
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        content = answer.read(LARGEST_ANSWER + 1)
    if len(content) > LARGEST_ANSWER:
        raise ValueError(f"its answer has more than {LARGEST_ANSWER // 1024**2} MB")
    headers = ((name.lower(), value) for name, value in answer.headers.items())
    return HttpResponse(answer.status, tuple(it for it in headers if it[0] not in _HOP_HEADERS), content)


def _encode_value(value: str) -> bytes:
    """Return the bytes of a header, which has the characters of Latin-1 or was sent as UTF-8."""
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode()


def _list_headers(request: HttpRequest, port: int) -> Pairs:
    """Return the headers for the process: those of the request, and from whom it came."""
    kept = tuple((name, value) for name, value in request.headers if name.lower() not in _HOP_HEADERS)
    host = () if request.header("host") else (("host", f"127.0.0.1:{port}"),)
    sender = (("x-forwarded-for", request.client),) if not request.header("x-forwarded-for") else ()
    scheme = (("x-forwarded-proto", "http"),) if not request.header("x-forwarded-proto") else ()
    return (*host, *kept, *sender, *scheme)
