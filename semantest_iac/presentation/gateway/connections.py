"""The connections of the gateway: how many there may be, and how long and how much each may send before a request."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.presentation.gateway.incoming_messages import IncomingMessages, MessageMemory
from semantest_iac.presentation.gateway.limits import GatewayLimits

DISCARD_PAUSE_S = 0.001
"""How long nothing is read after a part of a body that nobody wants, for each connection that sends one."""

REFUSED_S = 1
"""How long what a refused client still sends is read and discarded."""

_HEAD_END = b"\r\n\r\n"


class HttpConnections:
    """The open connections; one that waits for a request makes room for a new one, the longest waiting first."""

    def __init__(self, limits: GatewayLimits) -> None:
        self.limits = limits
        self.messages = MessageMemory(limits.messages_bytes)
        self.discarding: set[HttpConnection] = set()  # that send a body which nobody wants
        self._clients: dict[HttpConnection, str] = {}
        self._counts: Counter[str] = Counter()
        self._waiting: dict[HttpConnection, None] = {}  # in the order in which they began to wait

    def __len__(self) -> int:
        return len(self._clients)

    def add(self, connection: HttpConnection, client: str) -> bool:
        """Add a connection; False if there are too many and none of them waits."""
        is_room = self._make_room(client)
        if is_room:
            self._clients[connection] = client
            self._counts[client] += 1
            self._waiting[connection] = None
        return is_room

    def remove(self, connection: HttpConnection) -> None:
        """Remove a connection; an unknown one is no error."""
        self.discarding.discard(connection)
        client = self._clients.pop(connection, None)
        self._waiting.pop(connection, None)
        if client is not None:
            self._counts[client] -= 1
            self._counts += Counter()  # forget clients that have none

    def mark_waiting(self, connection: HttpConnection) -> None:
        """Note that a connection waits for a request, or for the rest of one."""
        if connection in self._clients:
            self._waiting[connection] = None

    def mark_busy(self, connection: HttpConnection) -> None:
        """Note that a connection waits for an answer, so that it is not closed for another one."""
        self._waiting.pop(connection, None)

    def _make_room(self, client: str) -> bool:
        if self._counts[client] >= self.limits.connections_per_client:
            return self._close_oldest(client)
        return len(self._clients) < self.limits.connections or self._close_oldest(None)

    def _close_oldest(self, client: str | None) -> bool:
        found = (it for it in self._waiting if client is None or self._clients[it] == client)
        oldest = next(found, None)
        if oldest is not None:
            oldest.close_now()
            self.remove(oldest)
        return oldest is not None


class HttpConnection(web.RequestHandler):
    """One client; what is no request is refused in few words: aiohttp's own answer repeats bytes, maybe of a token.

    aiohttp limits the lines of a head and how long a connection may be idle. Here the head is limited as a whole, in
    bytes and in time, and while a request is answered no more than one read of the next one is kept.
    """

    _socket: asyncio.Transport

    def __init__(self, table: HttpConnections, server: Any, **settings: Any) -> None:
        super().__init__(server, **settings)
        self._table = table
        self._is_refused = False
        self._is_busy = False
        self._is_in_head = True
        self._head_bytes, self._head_tail = 0, b""
        self._head_timer: asyncio.TimerHandle | None = None
        self._held = b""
        self._messages_in: IncomingMessages | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - that of a TCP server
        self._socket = transport
        peer = transport.get_extra_info("peername")
        if self._table.add(self, str(peer[0]) if peer else ""):
            super().connection_made(transport)
            return
        limits = self._table.limits
        self._refuse(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"Too many connections: {limits.connections_per_client} from one client and {limits.connections} in all.",
        )

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_head_timer()
        self._table.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self in self._table.discarding:
            self._socket.pause_reading()
            pause_s = DISCARD_PAUSE_S * len(self._table.discarding)
            asyncio.get_running_loop().call_later(pause_s, self._socket.resume_reading)
        if self._is_busy and data:
            self._held += data
            self._socket.pause_reading()
        elif not (self._is_in_head and data):
            super().data_received(data)
        elif self._count_head_bytes(data):
            requests = self._request_count
            super().data_received(data)
            if self._request_count != requests:
                self.begin_request()

    def begin_request(self) -> None:
        """Note that a head is complete; its body may follow."""
        self._is_in_head = False
        self._table.discarding.discard(self)
        self._stop_head_timer()

    def begin_answer(self) -> None:
        """Note that a request is complete: its answer may take its time, and the next request waits for it."""
        self._is_busy = True
        self._table.mark_busy(self)

    def limit_messages(self, limits: ConnectionLimits) -> IncomingMessages:
        """Let the messages of the WebSocket that this connection becomes pass only within limits."""
        self._socket.set_write_buffer_limits(high=self._table.limits.unsent_bytes)
        self._messages_in = IncomingMessages(self._socket, limits, self._table.messages, self._table.limits)
        return self._messages_in

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        """Put what limits the messages before aiohttp's parser of them."""
        if self._messages_in:
            self._messages_in.attach(parser)
        super().set_parser(self._messages_in or parser, data_received_cb)  # type: ignore[arg-type]  # used as one

    def begin_messages(self) -> None:
        """Note that the connection became a WebSocket: every byte is read, and it is not closed for another one."""
        self._table.mark_busy(self)

    def end_answer(self, *, is_body_read: bool) -> None:
        """Note that the answer is found; aiohttp discards what remains of the body."""
        self._is_busy, self._is_in_head = False, is_body_read
        if not is_body_read:
            self._table.discarding.add(self)
        self._head_bytes, self._head_tail = 0, b""
        self._table.mark_waiting(self)
        if held := self._held:
            self._held = b""
            self._socket.resume_reading()
            self.data_received(held)

    def close_now(self) -> None:
        """Close the connection without sending what is still to be sent."""
        self.force_close()
        self._socket.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer without the reason, and close the connection."""
        final = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if isinstance(exc, LineTooLong) else HTTPStatus(status)
        response = web.Response(
            status=final, body=_encode_message(final.phrase), headers={"content-type": "application/json"}
        )
        response.force_close()
        return response

    def _count_head_bytes(self, data: bytes) -> bool:
        """Count what may be a part of a head; False if it is too much, or has taken too long."""
        self._head_bytes += len(data)
        is_end = _HEAD_END in self._head_tail + data
        self._head_tail = (self._head_tail + data[-3:])[-3:]
        if self._head_bytes > self._table.limits.head_bytes and not is_end:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return False
        if self._head_timer is None:
            self._head_timer = asyncio.get_running_loop().call_later(
                self._table.limits.head_s, self._refuse, HTTPStatus.REQUEST_TIMEOUT
            )
        return True

    def _stop_head_timer(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: HTTPStatus, message: str = "") -> None:
        """Answer what never became a request, and close the connection.

        A client that still sends would not see the answer if the connection were closed at once.
        """
        self._stop_head_timer()
        self._is_refused = True
        body = _encode_message(message or status.phrase)
        head = f"HTTP/1.1 {status:d} {status.phrase}\r\nContent-Type: application/json\r\n"
        self._socket.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        self._table.mark_waiting(self)
        asyncio.get_running_loop().call_later(REFUSED_S, self.close_now)


def _encode_message(message: str) -> bytes:
    return json.dumps({"message": message}).encode() + b"\n"
