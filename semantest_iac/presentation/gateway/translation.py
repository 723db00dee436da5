"""HTTP of aiohttp's to requests, and answers back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse

SERVER = "semantest-iac"
_OURS = {"content-length", "connection", "transfer-encoding", "keep-alive", "upgrade"}  # of this connection alone
_BODILESS = {204, 304}


def addressed(request: web.BaseRequest) -> tuple[str, str]:
    """The stack's name and the path below it, still encoded; the name is empty for the index."""
    name, slash, rest = request.rel_url.raw_path.removeprefix("/").partition("/")
    return unquote(name), f"{slash or '/'}{rest}"


def received(request: web.BaseRequest, path: str, body: bytes) -> HttpRequest:
    """The request as its client sent it, but for the stack in its path."""
    query = tuple(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True))
    return HttpRequest(request.method, path, query, tuple(request.headers.items()), body, request.remote or "")


def sent(response: HttpResponse, method: str) -> web.Response:
    """The answer, for HEAD with the length that GET would get."""
    keeps_length = method == "HEAD" and response.status not in _BODILESS
    ours = _OURS - {"content-length"} if keeps_length else _OURS
    headers = [(name, value) for name, value in response.headers if name not in ours]
    if not any(name == "server" for name, _ in headers):
        headers.append(("server", SERVER))  # else aiohttp adds its own
    return web.Response(status=response.status, headers=headers, body=response.body or None)


def index(names: Sequence[str], base: str) -> web.Response:
    """The stacks and where they answer."""
    return _json(200, {"stacks": _listed(names, base)})


def unknown(message: str, names: Sequence[str], base: str) -> web.Response:
    """What there is in place of what is not."""
    return _json(404, {"message": message, "stacks": _listed(names, base)})


def too_large() -> web.Response:
    """Said before any cloud was asked: no cloud takes that much."""
    return _json(413, {"message": "Request Too Long"})


def failed() -> web.Response:
    """Said where the gateway itself is at fault; why is for its log alone."""
    return _json(500, {"message": "The gateway failed; its log says why."})


def _listed(names: Sequence[str], base: str) -> list[dict[str, str]]:
    return [{"stack": name, "url": f"{base}/{name}/"} for name in names]


def _json(status: int, value: Any) -> web.Response:
    body = json.dumps(value, indent=2).encode() + b"\n"
    return web.Response(status=status, body=body, headers={"content-type": "application/json", "server": SERVER})
