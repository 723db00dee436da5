"""The HTTP server of the gateway: one catch-all route and one log line per request."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, unquote
from weakref import WeakSet

from aiohttp import web

from semantest_iac.domain.errors import DeploymentError, NotFoundError, RefusedError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.presentation.gateway import web_sockets
from semantest_iac.presentation.gateway.services import GatewayServices, LogRequest, RequestLogEntry

SERVER_NAME = "semantest-iac"
_CONNECTION_HEADERS = {
    "content-length",
    "connection",
    "transfer-encoding",
    "keep-alive",
    "upgrade",
}  # of this connection alone
_BODILESS_STATUSES = {204, 304}


def split_target(request: web.BaseRequest) -> tuple[str, str]:
    """The stack's name and the path below it, still encoded; the name is empty for the index."""
    name, slash, rest = request.rel_url.raw_path.removeprefix("/").partition("/")
    return unquote(name), f"{slash or '/'}{rest}"


def to_http_request(request: web.BaseRequest, path: str, body: bytes) -> HttpRequest:
    """The request as its client sent it, but for the stack in its path."""
    query = tuple(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True))
    return HttpRequest(request.method, path, query, tuple(request.headers.items()), body, request.remote or "")


def to_web_response(response: HttpResponse, method: str) -> web.Response:
    """The answer, for HEAD with the length that GET would get."""
    keeps_length = method == "HEAD" and response.status not in _BODILESS_STATUSES
    ours = _CONNECTION_HEADERS - {"content-length"} if keeps_length else _CONNECTION_HEADERS
    headers = [(name, value) for name, value in response.headers if name not in ours]
    if not any(name == "server" for name, _ in headers):
        headers.append(("server", SERVER_NAME))  # else aiohttp adds its own
    return web.Response(status=response.status, headers=headers, body=response.body or None)


def index_response(names: Sequence[str], base: str) -> web.Response:
    """The stacks and where they answer."""
    return _json_response(200, {"stacks": _list_endpoints(names, base)})


def not_found_response(message: str, names: Sequence[str], base: str) -> web.Response:
    """What there is in place of what is not."""
    return _json_response(404, {"message": message, "stacks": _list_endpoints(names, base)})


def too_large_response() -> web.Response:
    """Said before any cloud was asked: no cloud takes that much."""
    return _json_response(413, {"message": "Request Too Long"})


def failure_response() -> web.Response:
    """Said where the gateway itself is at fault; why is for its log alone."""
    return _json_response(500, {"message": "The gateway failed; its log says why."})


def _list_endpoints(names: Sequence[str], base: str) -> list[dict[str, str]]:
    return [{"stack": name, "url": f"{base}/{name}/"} for name in names]


def _json_response(status: int, value: Any) -> web.Response:
    body = json.dumps(value, indent=2).encode() + b"\n"
    return web.Response(status=status, body=body, headers={"content-type": "application/json", "server": SERVER_NAME})


MAX_BODY_BYTES = 100 * 1024 * 1024  # what Azure takes; what AWS takes is less, and its front's to refuse
SHUTDOWN_TIMEOUT_S = 1
LISTEN_BACKLOG = 1024  # connections that nobody has looked at yet: clients come by the hundred
_DISCARDING_LOGGER = logging.Logger("gateway")  # for aiohttp's tracebacks of what is no HTTP: who sends that gets a 400
_DISCARDING_LOGGER.addHandler(logging.NullHandler())


class GatewayHandler:
    """Answers `/<stack>/…` from the services."""

    def __init__(self, services: GatewayServices, tell: LogRequest) -> None:
        self._services = services
        self._tell = tell
        self._noted: set[tuple[str, str]] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request from its first byte to its line in the log."""
        began = time.perf_counter()
        name, path = split_target(request)
        response, note = await self._answered(request, name, path)
        self._tell(RequestLogEntry(request.method, path, name, response.status, time.perf_counter() - began, note))
        return response

    async def _answered(self, request: web.Request, name: str, path: str) -> tuple[web.StreamResponse, str]:
        base = f"{request.scheme}://{request.host}"
        try:
            if not name:
                return index_response(await self._services.names(), base), ""
            if web_sockets.is_handshake(request):
                return await self._visited(request, name, path), ""
            received = to_http_request(request, path, await request.read())
            answer = await self._services.call(name, received)
            return to_web_response(answer.response, request.method), self._news(name, " ".join(answer.notes))
        except NotFoundError as error:
            return not_found_response(error.message, await self._services.names(), base), ""
        except web.HTTPRequestEntityTooLarge:
            return too_large_response(), ""
        except DeploymentError as error:
            return failure_response(), error.message
        except Exception as error:  # one request must not end the others
            return failure_response(), f"{type(error).__name__}: {error}"

    async def _visited(self, request: web.Request, name: str, path: str) -> web.StreamResponse:
        if not web_sockets.is_valid_handshake(request):
            return web_sockets.refusal_response(400)
        visit = await self._services.connect(name, to_http_request(request, path, b""))
        return (
            web_sockets.refusal_response(visit)
            if isinstance(visit, int)
            else await web_sockets.run_web_socket(request, visit)
        )

    def _news(self, name: str, note: str) -> str:
        """A remark once, and not with every request that it is true of."""
        is_known = (name, note) in self._noted
        self._noted.add((name, note))
        return "" if is_known else note


@asynccontextmanager
async def run_gateway(services: GatewayServices, host: str, port: int, tell: LogRequest) -> AsyncIterator[str]:
    """The gateway's address, for as long as the block; 0 takes any free port.

    Raises RefusedError for hosts that others could reach, and where it cannot listen.
    """
    _require_loopback(host)
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[web_sockets.OPEN_SOCKETS] = WeakSet()
    app.on_shutdown.append(web_sockets.close_open_sockets)
    async with services:
        app.router.add_route("*", "/{path:.*}", GatewayHandler(services, tell).handle)
        runner = web.AppRunner(
            app, access_log=None, logger=_DISCARDING_LOGGER, auto_decompress=False, shutdown_timeout=SHUTDOWN_TIMEOUT_S
        )
        await runner.setup()
        try:
            yield await _listen_on(runner, host, port)
        finally:
            await runner.cleanup()


async def _listen_on(runner: web.AppRunner, host: str, port: int) -> str:
    try:
        await web.TCPSite(runner, host, port, backlog=LISTEN_BACKLOG).start()
    except OSError as error:
        hint = "Say another --port, or 0 for a free one."
        raise RefusedError(
            f"Cannot listen on {host}:{port}: {_os_error_text(error)}.", "PORT_TAKEN", hint=hint
        ) from error
    where, found, *_ = runner.addresses[0]
    return f"http://[{where}]:{found}" if ":" in where else f"http://{where}:{found}"


def _require_loopback(host: str) -> None:
    try:
        is_loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        hint = "Leave --host out, or use 127.0.0.1 or ::1."
        message = f"Cannot serve on '{host}': simulated stacks are for this machine alone."
        raise RefusedError(message, "NOT_LOOPBACK", hint=hint)


def _os_error_text(error: OSError) -> str:
    """The system's own words: asyncio's repeat the address."""
    return os.strerror(error.errno).lower() if error.errno else str(error)
