"""The HTTP server of webhooks: how long, how much and from how many it reads is limited, whoever sends it."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from semantest_iac.infrastructure.transports.http.signatures import Headers

_SHUTDOWN_S: Final = 2.0  # for answers that are being written
_LINGER_S: Final = 1.0  # what a refused client still sends is read so long, else it would not see its answer
_MOST_HEADERS: Final = 64
_BACKLOG: Final = 1024  # a flood of connections must not keep others waiting for the system
_JSON_TYPES: Final = ("application/json", "application/cloudevents+json")
# aiohttp logs a traceback for every request that is no HTTP
_DISCARDING_LOGGER: Final = logging.Logger("webhooks", logging.CRITICAL + 1)
_DISCARDING_LOGGER.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class WebhookLimits:
    """What one sender may take of this machine, and all together."""

    body_bytes: int = 1024 * 1024
    held_bytes: int = 32 * 1024 * 1024  # of all bodies together
    request_s: float = 20.0  # from the connection, or the answer before, to the end of the body
    connections: int = 512


class WebhookEndpoint(NamedTuple):
    """Where webhooks are received; port 0 takes a free one."""

    host: str
    port: int
    path: str


class WebhookAnswer(NamedTuple):
    """What the sender is told."""

    status: HTTPStatus
    code: str = ""
    message: str = ""
    retry_after_s: int | None = None


AnswerWebhook = Callable[[Headers, bytes], Awaitable[WebhookAnswer]]
NOT_TAKEN: Final = WebhookAnswer(
    HTTPStatus.SERVICE_UNAVAILABLE, "NOT_TAKEN", "It could not be taken now; send it again.", retry_after_s=10
)
_TOO_LARGE = "The body is larger than {} bytes."
_UNSUPPORTED = "A body of JSON is expected, not compressed, with the type application/json."


@asynccontextmanager
async def serve_webhooks(endpoint: WebhookEndpoint, answer: AnswerWebhook, limits: WebhookLimits) -> AsyncIterator[str]:
    """Answer as long as the block and yield the URL; raises OSError if it cannot listen.

    At the end of the block, requests that are complete are answered; who still sends one is left. An error in the block
    ends both.
    """
    connections = _Connections(limits)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _Handler(endpoint.path, answer, limits).handle)
    runner = web.AppRunner(app, access_log=None, logger=_DISCARDING_LOGGER, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        listener = await _listen(runner, endpoint, connections)
        try:
            host, port, *_ = listener.sockets[0].getsockname()
            yield f"http://[{host}]:{port}{endpoint.path}" if ":" in host else f"http://{host}:{port}{endpoint.path}"
            listener.close()
            await connections.finish()
        finally:
            listener.close()
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, endpoint: WebhookEndpoint, connections: _Connections) -> asyncio.Server:
    loop = asyncio.get_running_loop()

    def create_connection() -> _Connection:
        return _Connection(
            connections,
            runner.server,
            loop=loop,
            access_log=_DISCARDING_LOGGER,
            logger=_DISCARDING_LOGGER,
            auto_decompress=False,  # what is signed is what is sent
            max_headers=_MOST_HEADERS,
            lingering_time=_LINGER_S,
        )

    # several workers of one machine share the port, and each connection goes to one of them
    shares_port = hasattr(socket, "SO_REUSEPORT")
    return await loop.create_server(
        create_connection, endpoint.host, endpoint.port, reuse_port=shares_port, backlog=_BACKLOG
    )


class _Connections:
    """The open connections; one that waits for a request makes room for a new one, the longest waiting first."""

    def __init__(self, limits: WebhookLimits) -> None:
        self.limits = limits
        self.is_finishing = False
        self._waiting: dict[_Connection, None] = {}  # in the order in which they began to wait
        self._busy: set[_Connection] = set()
        self._held: dict[_Connection, int] = {}  # bytes of bodies
        self._none_is_busy = asyncio.Event()
        self._none_is_busy.set()

    def add(self, connection: _Connection) -> bool:
        """Add a connection; False if there are too many, and none of them waits."""
        if len(self._waiting) + len(self._busy) >= self.limits.connections:
            oldest = next(iter(self._waiting), None)
            if oldest is None:
                return False
            self._abort(oldest)
        self._waiting[connection] = None
        return True

    def remove(self, connection: _Connection) -> None:
        """Remove a connection; an unknown one is no error."""
        self._waiting.pop(connection, None)
        if not connection.is_busy:
            self._leave_busy(connection)

    def hold(self, connection: _Connection, size: int) -> bool:
        """Note so many bytes more of a body; False if there is no room for them, which others that wait make first."""
        self._held[connection] = self._held.get(connection, 0) + size
        while sum(self._held.values()) > self.limits.held_bytes:
            oldest = next((it for it in self._waiting if it in self._held and it is not connection), None)
            if oldest is None:
                return False
            self._abort(oldest)
        return True

    def release(self, connection: _Connection) -> None:
        """Note that the body of a connection is gone."""
        self._held.pop(connection, None)

    def mark_busy(self, connection: _Connection) -> None:
        """Note that a request is complete, and is answered whatever happens."""
        self._waiting.pop(connection, None)
        self._busy.add(connection)
        self._none_is_busy.clear()

    def mark_waiting(self, connection: _Connection) -> None:
        """Note that a request was answered."""
        self._leave_busy(connection)
        if connection.transport is not None:
            self._waiting[connection] = None

    async def finish(self) -> None:
        """Abort the connections that wait, and wait for the others, of which none begins another request."""
        self.is_finishing = True
        for connection in list(self._waiting):
            connection.abort()
        await self._none_is_busy.wait()

    def _abort(self, connection: _Connection) -> None:
        connection.abort()
        self.remove(connection)
        self.release(connection)

    def _leave_busy(self, connection: _Connection) -> None:
        self._busy.discard(connection)
        if not self._busy:
            self._none_is_busy.set()


class _Connection(web.RequestHandler):
    """One sender; what is no request is refused in few words: aiohttp's own answer repeats bytes, maybe of a secret."""

    def __init__(self, connections: _Connections, server: Any, **settings: Any) -> None:
        super().__init__(server, **settings)
        self._connections = connections
        self._timer: asyncio.TimerHandle | None = None
        self.is_busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._connections.add(self):
            self._start_timer()
        else:
            self.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_timer()
        self._connections.remove(self)
        super().connection_lost(exc)

    def hold_body(self, size: int) -> bool:
        """Note so many bytes more of the body; False if too many are held."""
        return self._connections.hold(self, size)

    def begin_answer(self) -> bool:
        """Note that a request is complete: its answer may take its time. False if the server ends."""
        if self._connections.is_finishing:
            return False
        self._stop_timer()
        self.is_busy = True
        self._connections.mark_busy(self)
        return True

    def end_request(self) -> None:
        """Note that the answer is known, and the time of the next request begins."""
        self._connections.release(self)
        if not self.is_busy:  # it was refused, and its time goes on
            return
        self.is_busy = False
        self._connections.mark_waiting(self)
        self._start_timer()

    def abort(self) -> None:
        """Close the connection at once."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer without the reason, and close the connection."""
        final = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if isinstance(exc, LineTooLong) else HTTPStatus(status)
        return _respond(WebhookAnswer(final, "HTTP_ERROR", f"{final.phrase}."), is_last=True)

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(self._connections.limits.request_s, self.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Handler:
    """Reads requests within their limits and hands them on."""

    def __init__(self, path: str, answer: AnswerWebhook, limits: WebhookLimits) -> None:
        self._path = path
        self._answer = answer
        self._limits = limits

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if refusal := self._find_refusal(request):
            return _respond(refusal, is_last=request.can_read_body)
        connection = request.protocol
        assert isinstance(connection, _Connection)  # noqa: S101 - `_listen` creates no others
        try:
            body = await self._read_body(request, connection)
            if isinstance(body, WebhookAnswer):
                return _respond(body, is_last=True)
            if not connection.begin_answer():
                return _respond(NOT_TAKEN, is_last=True)
            return _respond(await self._answer(_list_headers(request), body))
        finally:
            connection.end_request()

    def _find_refusal(self, request: web.Request) -> WebhookAnswer | None:
        if request.rel_url.raw_path != self._path:
            return WebhookAnswer(HTTPStatus.NOT_FOUND, "NOT_FOUND", "Nothing is here.")
        if request.method != "POST":
            return WebhookAnswer(HTTPStatus.METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "POST is expected.")
        if (request.content_length or 0) > self._limits.body_bytes:
            return self._too_large()
        encoding = request.headers.get("content-encoding", "identity").lower()
        if encoding != "identity" or not _is_json(request.headers.get("content-type", "")):
            return WebhookAnswer(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", _UNSUPPORTED)
        return None

    async def _read_body(self, request: web.Request, connection: _Connection) -> bytes | WebhookAnswer:
        """Return the body, or why it is not read to its end."""
        body = bytearray()
        async for part in request.content.iter_any():
            body += part
            if len(body) > self._limits.body_bytes:
                return self._too_large()
            if not connection.hold_body(len(part)):
                return NOT_TAKEN
        return bytes(body)

    def _too_large(self) -> WebhookAnswer:
        message = _TOO_LARGE.format(self._limits.body_bytes)
        return WebhookAnswer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "BODY_TOO_LARGE", message)


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in _JSON_TYPES or (media_type.startswith("application/") and media_type.endswith("+json"))


def _list_headers(request: web.Request) -> Headers:
    return tuple((name.lower(), value) for name, value in request.headers.items())


def _respond(answer: WebhookAnswer, *, is_last: bool = False) -> web.Response:
    content = {"error": {"code": answer.code, "message": answer.message}} if answer.code else {"status": "accepted"}
    headers = {"content-type": "application/json", "cache-control": "no-store", "server": "semantest-iac"}
    if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["allow"] = "POST"
    if answer.retry_after_s is not None:
        headers["retry-after"] = str(answer.retry_after_s)
    response = web.Response(status=answer.status, body=json.dumps(content).encode() + b"\n", headers=headers)
    if is_last:
        response.force_close()
    return response
