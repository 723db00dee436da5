"""The server: one catch-all route, a line of log for each request, and an end that leaves nothing behind."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from weakref import WeakSet

from aiohttp import web

from semantest_iac.domain.errors import DeploymentError, NotFoundError, RefusedError
from semantest_iac.presentation.gateway import translation, web_sockets
from semantest_iac.presentation.gateway.services import Entry, Services, Tell

LARGEST_BODY = 100 * 1024 * 1024  # what Azure takes; what AWS takes is less, and its front's to refuse
LONGEST_FAREWELL_S = 1
WAITING = 1024  # connections that nobody has looked at yet: clients come by the hundred
_UNHEARD = logging.Logger("gateway")  # for aiohttp's tracebacks of what is no HTTP: who sends that gets a 400
_UNHEARD.addHandler(logging.NullHandler())


class Gateway:
    """Answers `/<stack>/…` from the services."""

    def __init__(self, services: Services, tell: Tell) -> None:
        self._services = services
        self._tell = tell
        self._noted: set[tuple[str, str]] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request from its first byte to its line in the log."""
        began = time.perf_counter()
        name, path = translation.addressed(request)
        response, note = await self._answered(request, name, path)
        self._tell(Entry(request.method, path, name, response.status, time.perf_counter() - began, note))
        return response

    async def _answered(self, request: web.Request, name: str, path: str) -> tuple[web.StreamResponse, str]:
        base = f"{request.scheme}://{request.host}"
        try:
            if not name:
                return translation.index(await self._services.names(), base), ""
            if web_sockets.is_handshake(request):
                return await self._visited(request, name, path), ""
            received = translation.received(request, path, await request.read())
            answer = await self._services.call(name, received)
            return translation.sent(answer.response, request.method), self._news(name, " ".join(answer.notes))
        except NotFoundError as error:
            return translation.unknown(error.message, await self._services.names(), base), ""
        except web.HTTPRequestEntityTooLarge:
            return translation.too_large(), ""
        except DeploymentError as error:
            return translation.failed(), error.message
        except Exception as error:  # one request must not end the others
            return translation.failed(), f"{type(error).__name__}: {error}"

    async def _visited(self, request: web.Request, name: str, path: str) -> web.StreamResponse:
        if not web_sockets.is_whole(request):
            return web_sockets.refused(400)
        visit = await self._services.connect(name, translation.received(request, path, b""))
        return web_sockets.refused(visit) if isinstance(visit, int) else await web_sockets.carried(request, visit)

    def _news(self, name: str, note: str) -> str:
        """A remark once, and not with every request that it is true of."""
        is_known = (name, note) in self._noted
        self._noted.add((name, note))
        return "" if is_known else note


@asynccontextmanager
async def listening(services: Services, host: str, port: int, tell: Tell) -> AsyncIterator[str]:
    """The gateway's address, for as long as the block; 0 takes any free port.

    Raises RefusedError for hosts that others could reach, and where it cannot listen.
    """
    _require_loopback(host)
    app = web.Application(client_max_size=LARGEST_BODY)
    app[web_sockets.OPEN] = WeakSet()
    app.on_shutdown.append(web_sockets.farewell)
    async with services:
        app.router.add_route("*", "/{path:.*}", Gateway(services, tell).handle)
        runner = web.AppRunner(
            app, access_log=None, logger=_UNHEARD, auto_decompress=False, shutdown_timeout=LONGEST_FAREWELL_S
        )
        await runner.setup()
        try:
            yield await _bound(runner, host, port)
        finally:
            await runner.cleanup()


async def _bound(runner: web.AppRunner, host: str, port: int) -> str:
    try:
        await web.TCPSite(runner, host, port, backlog=WAITING).start()
    except OSError as error:
        hint = "Say another --port, or 0 for a free one."
        raise RefusedError(f"Cannot listen on {host}:{port}: {_reason(error)}.", "PORT_TAKEN", hint=hint) from error
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


def _reason(error: OSError) -> str:
    """The system's own words: asyncio's repeat the address."""
    return os.strerror(error.errno).lower() if error.errno else str(error)
