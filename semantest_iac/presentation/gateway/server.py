"""The HTTP server of the gateway: one catch-all route and one log line per request."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from weakref import WeakSet

from aiohttp import web

from semantest_iac.domain.errors import DeploymentError, NotFoundError, RefusedError
from semantest_iac.domain.networking.http_exchange import BodyLimit, HttpRequest, HttpResponse, StoredBody, parse_query
from semantest_iac.presentation.gateway import web_sockets
from semantest_iac.presentation.gateway.bodies import (
    SENT_AT_ONCE,
    BeginPart,
    BodyRefusedError,
    BodyStore,
    BodyTooLargeError,
)
from semantest_iac.presentation.gateway.connections import HttpConnection, HttpConnections
from semantest_iac.presentation.gateway.fair_share import FairShare
from semantest_iac.presentation.gateway.host_names import (
    find_host_fault,
    find_stack_of_host,
    name_of_host,
    split_domain_target,
)
from semantest_iac.presentation.gateway.limits import GatewayLimits
from semantest_iac.presentation.gateway.services import GatewayServices, ListenAddress
from semantest_iac.presentation.request_log import LogRequest, RequestLogEntry

SERVER_NAME = "semantest-iac"
SHUTDOWN_TIMEOUT_S = 1
LISTEN_BACKLOG = 1024  # hundreds of clients may connect at once
_CONNECTION_HEADERS = {"content-length", "connection", "transfer-encoding", "keep-alive", "upgrade"}  # not forwarded
_BODILESS_STATUSES = {204, 304}
# aiohttp logs a traceback for every request that is no HTTP
_DISCARDING_LOGGER = logging.Logger("gateway", logging.CRITICAL + 1)
_DISCARDING_LOGGER.addHandler(logging.NullHandler())
_WEB_SOCKET_LOGGER = logging.getLogger("aiohttp.websocket")
_WEB_SOCKET_LOGGER.setLevel(logging.ERROR)  # it warns of each subprotocol, which the service chooses and not aiohttp


class GatewayHandler:
    """Routes `/<stack>/…` to the services."""

    def __init__(
        self, services: GatewayServices, log_request: LogRequest, host_names: Collection[str], bodies: BodyStore
    ) -> None:
        self._services = services
        self._log_request = log_request
        self._host_names = host_names
        self._bodies = bodies
        self._share = FairShare()
        self._shown_notes: set[tuple[str, str]] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request and log it."""
        started, connection = time.perf_counter(), request.protocol
        assert isinstance(connection, HttpConnection)  # noqa: S101 - `_listen_on` creates no others
        connection.begin_request()
        fault = find_host_fault(request.headers.getall("host", ()), self._host_names)
        domain = await self._find_domain(request) if fault else None
        name, path, at_own_host = domain or split_target(request)
        try:
            if fault and not domain:
                response, note = _refuse_host(*fault)
            else:
                response, note = await self._respond(request, connection, name, path, at_own_host=at_own_host)
        finally:
            connection.end_answer(is_body_read=request.content.is_eof())
        self._log_request(
            RequestLogEntry(request.method, path, name, response.status, time.perf_counter() - started, note)
        )
        return response

    async def _find_domain(self, request: web.Request) -> tuple[str, str, bool] | None:
        """Return where a request to the domain of a stack goes, None for another host."""
        hosts = request.headers.getall("host", ())
        target = None
        with suppress(DeploymentError):  # a ledger that cannot be read has no domains
            target = await self._services.find_domain(name_of_host(hosts[0])) if len(hosts) == 1 else None
        return split_domain_target(target, request.rel_url.raw_path or "/") if target else None

    async def _respond(
        self, request: web.Request, connection: HttpConnection, name: str, path: str, *, at_own_host: bool
    ) -> tuple[web.StreamResponse, str]:
        base = f"{request.scheme}://{request.host}"
        try:
            if not name:
                return index_response(await self._services.names(), base), ""
            if web_sockets.is_handshake(request) and await self._services.takes_web_sockets(name):
                connection.begin_messages()
                return await self._run_web_socket(request, name, path), ""
            return await self._answer_request(request, connection, name, path, at_own_host=at_own_host)
        except NotFoundError as error:
            return not_found_response(error.message, await self._services.names(), base), ""
        except DeploymentError as error:
            return failure_response(), error.message
        except Exception as error:  # a failing request must not stop the server
            return failure_response(), f"{type(error).__name__}: {error}"

    async def _answer_request(
        self, request: web.Request, connection: HttpConnection, name: str, path: str, *, at_own_host: bool
    ) -> tuple[web.StreamResponse, str]:
        limit = await self._services.body_limit(name)
        try:
            body = await self._receive_body(request, limit, partial(self._share.begin_part, name))
        except BodyTooLargeError:
            return _close_after(to_web_response(limit.refusal, request.method)), ""
        except BodyRefusedError as error:
            return final_response(error.status, error.message), error.message
        connection.begin_answer()
        async with self._share.begin_call(name):
            received = to_http_request(request, path, body)
            answer = await self._services.call(name, received, at_own_host=at_own_host)
        note = self._new_note(name, " ".join(answer.notes))
        stored = answer.response.stored_body
        if stored is None and len(answer.response.body) <= SENT_AT_ONCE:
            return to_web_response(answer.response, request.method), note
        response, bodies = to_stream_response(answer.response), [stored or answer.response.body]
        del answer  # so that nothing else holds the body while it is sent
        await response.prepare(request)
        await self._bodies.send(response, bodies, partial(self._share.begin_part, name))
        await response.write_eof()
        return response, note

    async def _receive_body(self, request: web.Request, limit: BodyLimit, begin_part: BeginPart) -> bytes | StoredBody:
        if (request.content_length or 0) > limit.largest:
            raise BodyTooLargeError
        return await self._bodies.receive(request.content, limit.largest, begin_part)

    async def _run_web_socket(self, request: web.Request, name: str, path: str) -> web.StreamResponse:
        if not web_sockets.is_valid_handshake(request):
            return web_sockets.refusal_response(400)
        async with self._share.begin_call(name):
            connection = await self._services.connect(name, to_http_request(request, path, b""))
        if isinstance(connection, int):
            return web_sockets.refusal_response(connection)
        return await web_sockets.run_web_socket(request, connection, partial(self._share.begin_call, name))

    def _new_note(self, name: str, note: str) -> str:
        """Return the note the first time, then an empty text: notes are true of every request."""
        is_shown = (name, note) in self._shown_notes
        self._shown_notes.add((name, note))
        return "" if is_shown else note


@asynccontextmanager
async def run_gateway(
    services: GatewayServices,
    address: ListenAddress,
    log_request: LogRequest,
    host_names: Collection[str],
    limits: GatewayLimits,
    body_folder: Path,
) -> AsyncIterator[str]:
    """Serve the services and yield the URL; port 0 chooses a free port.

    Raises RefusedError for a host that is not loopback, and if it cannot listen.
    """
    _require_loopback(address[0])
    app = web.Application()
    app[web_sockets.OPEN_SOCKETS] = WeakSet()
    app.on_shutdown.append(web_sockets.close_open_sockets)
    async with services:
        handler = GatewayHandler(services, log_request, host_names, BodyStore(body_folder, limits.stall_s))
        app.router.add_route("*", "/{path:.*}", handler.handle)
        runner = web.AppRunner(app, access_log=None, logger=_DISCARDING_LOGGER, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await runner.setup()
        try:
            async with _listen_on(runner, address, limits.fit_to_descriptors()) as url:
                with _exempt_from_collection():
                    yield url
        finally:
            await runner.cleanup()


@contextmanager
def _exempt_from_collection() -> Iterator[None]:
    """Keep the garbage collector from what is loaded now: looking through all of it stops every request for 50 ms."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def split_target(request: web.BaseRequest) -> tuple[str, str, bool]:
    """Return the stack's name, the path below it, still URL-encoded, and whether the host is the stack's own.

    The name is empty for the index.
    """
    if own := find_stack_of_host(request.host):
        return own, request.rel_url.raw_path or "/", True
    name, slash, rest = request.rel_url.raw_path.removeprefix("/").partition("/")
    return unquote(name), f"{slash or '/'}{rest}", False


def to_http_request(request: web.BaseRequest, path: str, body: bytes | StoredBody) -> HttpRequest:
    """Return the request as the client sent it, but with the path below the stack's name."""
    raw_query = request.rel_url.raw_query_string
    headers = tuple((name, _well_formed(value)) for name, value in request.headers.items())
    content, stored = (b"", body) if isinstance(body, StoredBody) else (body, None)
    return HttpRequest(
        request.method, path, parse_query(raw_query), headers, content, request.remote or "", raw_query, stored
    )


def _well_formed(header: str) -> str:
    """Replace the bytes of a header that are not UTF-8, for which aiohttp gives surrogates."""
    return header.encode(errors="surrogateescape").decode(errors="replace")


def to_web_response(response: HttpResponse, method: str) -> web.Response:
    """Return the response; for HEAD with the content length of GET."""
    keeps_length = method == "HEAD" and response.status not in _BODILESS_STATUSES
    headers = _headers_of(response, _CONNECTION_HEADERS - ({"content-length"} if keeps_length else set()))
    return web.Response(status=response.status, headers=headers, body=response.body or None)


def to_stream_response(response: HttpResponse) -> web.StreamResponse:
    """Return the response without its body, which is sent in parts."""
    streamed = web.StreamResponse(status=response.status, headers=_headers_of(response, _CONNECTION_HEADERS))
    streamed.content_length = response.stored_body.size if response.stored_body else len(response.body)
    return streamed


def _headers_of(response: HttpResponse, dropped: Collection[str]) -> list[tuple[str, str]]:
    headers = [(name, value) for name, value in response.headers if name not in dropped]
    is_named = any(name == "server" for name, _ in headers)
    return headers if is_named else [*headers, ("server", SERVER_NAME)]  # else aiohttp adds its own


def index_response(names: Sequence[str], base: str) -> web.Response:
    return _json_response(200, {"stacks": _list_endpoints(names, base)})


def not_found_response(message: str, names: Sequence[str], base: str) -> web.Response:
    return _json_response(404, {"message": message, "stacks": _list_endpoints(names, base)})


def final_response(status: int, message: str) -> web.Response:
    return _close_after(_json_response(status, {"message": message}))


def _refuse_host(status: int, message: str) -> tuple[web.StreamResponse, str]:
    return final_response(status, message), message


def _close_after(response: web.Response) -> web.Response:
    """Close the connection after the response; what the client still sends is discarded for some seconds."""
    response.force_close()
    return response


def failure_response() -> web.Response:
    # the reason is only in the gateway's log, because it may say too much to a client
    return _json_response(500, {"message": "The gateway failed; see its log."})


def _list_endpoints(names: Sequence[str], base: str) -> list[dict[str, str]]:
    return [{"stack": name, "url": f"{base}/{name}/"} for name in names]


def _json_response(status: int, value: Any) -> web.Response:
    body = json.dumps(value, indent=2).encode() + b"\n"
    return web.Response(status=status, body=body, headers={"content-type": "application/json", "server": SERVER_NAME})


@asynccontextmanager
async def _listen_on(runner: web.AppRunner, address: ListenAddress, limits: GatewayLimits) -> AsyncIterator[str]:
    """Accept connections as long as the block, and yield the URL."""
    loop, table = asyncio.get_running_loop(), HttpConnections(limits)
    host, port = address

    def create_connection() -> HttpConnection:
        return HttpConnection(
            table,
            runner.server,
            loop=loop,
            access_log=_DISCARDING_LOGGER,
            logger=_DISCARDING_LOGGER,
            auto_decompress=False,
            max_line_size=2 * limits.head_bytes,  # the connection refuses such a head before
            max_field_size=2 * limits.head_bytes,
            max_headers=limits.head_lines,
            keepalive_timeout=limits.idle_s,
            read_bufsize=limits.receive_buffer_bytes,
        )

    try:
        listener = await loop.create_server(create_connection, host, port, backlog=LISTEN_BACKLOG)
    except OSError as error:
        hint = "Choose another --port, or 0 for a free one."
        message = f"Cannot listen on {host}:{port}: {_os_error_text(error)}."
        raise RefusedError(message, "PORT_TAKEN", hint=hint) from error
    for accepting in listener.sockets:  # what it accepts inherits this, and asyncio reads no more than it at once
        accepting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, limits.receive_buffer_bytes)
    try:
        bound_host, bound_port, *_ = listener.sockets[0].getsockname()
        yield f"http://[{bound_host}]:{bound_port}" if ":" in bound_host else f"http://{bound_host}:{bound_port}"
    finally:
        listener.close()


def _require_loopback(host: str) -> None:
    try:
        is_loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        hint = "Omit --host, or use 127.0.0.1 or ::1."
        message = f"Cannot serve on '{host}': simulated stacks are only served on this machine."
        raise RefusedError(message, "NOT_LOOPBACK", hint=hint)


def _os_error_text(error: OSError) -> str:
    """The text of the error code; asyncio's own text repeats the address."""
    return os.strerror(error.errno).lower() if error.errno else str(error)
