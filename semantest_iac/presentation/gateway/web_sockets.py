"""Runs one WebSocket from handshake to close, within the limits of its cloud."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from weakref import WeakSet

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.presentation.gateway.services import GatewayConnection

MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # messages above the cloud's limit are read up to this size, then refused
CLOSE_HANDSHAKE_TIMEOUT_S = 10  # how long a client may take to answer a close frame
STOP_HANDSHAKE_TIMEOUT_S = 0.5  # the same when the gateway stops
NO_STATUS_RECEIVED = 1005  # RFC 6455, 7.4.1: a close frame without a code
_CLOSE_TYPES = {WSMsgType.CLOSING, WSMsgType.CLOSED}

# RFC 6455, 5.2
_EXTENDED_LENGTH_BYTES = {126: 2, 127: 8}  # these lengths say how many bytes hold the real one
_MASK_BIT, _LENGTH_BITS = 0x80, 0x7F
_FINAL_BIT, _OPCODE_BITS, _CONTROL_BIT, _CONTINUATION = 0x80, 0x0F, 0x08, 0


def is_handshake(request: web.BaseRequest) -> bool:
    return request.method == "GET" and request.headers.get("upgrade", "").lower() == "websocket"


def is_valid_handshake(request: web.BaseRequest) -> bool:
    """Whether the handshake has the headers that RFC 6455 requires."""
    return bool(web.WebSocketResponse().can_prepare(request))


def refusal_response(status: int) -> web.Response:
    message = "Internal server error" if status >= 500 or status not in {*HTTPStatus} else HTTPStatus(status).phrase
    body = json.dumps({"message": message}).encode()
    return web.Response(status=status, body=body, headers={"content-type": "application/json"})


class _AiohttpSocket:
    """The socket of one client; whoever closes it wakes the task that receives, which then sends the close frame."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.handshake_timeout_s: float = CLOSE_HANDSHAKE_TIMEOUT_S
        self._socket = socket
        self._waiting: asyncio.Timeout | None = None
        self._close: tuple[int, str] | None = None

    async def send(self, data: bytes) -> None:
        if self._socket.closed or self._close:
            raise ConnectionResetError("the client is gone")
        await self._socket.send_str(data.decode(errors="replace"))

    async def close(self, code: int, reason: str) -> None:
        self.start_close(code, reason)
        if self._waiting:
            self._waiting.reschedule(0)
            self._waiting = None

    def start_close(self, code: int, reason: str) -> tuple[int, str]:
        """Accept nothing more from the client, and return how it is closed: the first reason counts."""
        self._close = self._close or (code, reason)
        return self._close

    @property
    def is_closing(self) -> bool:
        return self._close is not None

    async def receive(self, seconds: float) -> WSMessage | None:
        """Receive the next message; None after `seconds`, or when the socket is closed."""
        try:
            async with asyncio.timeout(0 if self._close else seconds) as self._waiting:
                return await self._socket.receive()
        except TimeoutError:
            return None
        finally:
            self._waiting = None

    async def finish(self) -> None:
        """Close as requested, and wait for the client's close frame before the connection ends (RFC 6455, 7.1.1).

        A client that finds the connection gone before it has read the frame would report 1006.
        """
        if self._close:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.handshake_timeout_s):
                    await self._socket.close(code=self._close[0], message=self._close[1].encode())


OPEN_SOCKETS = web.AppKey("open", WeakSet[_AiohttpSocket])


async def run_web_socket(request: web.Request, connection: GatewayConnection) -> web.WebSocketResponse:
    """Run the connection to its end and disconnect it from the service, whatever ends it."""
    subprotocols = (connection.subprotocol,) if connection.subprotocol else ()
    socket = web.WebSocketResponse(
        protocols=subprotocols,
        max_msg_size=MAX_MESSAGE_BYTES,
        compress=False,
        timeout=CLOSE_HANDSHAKE_TIMEOUT_S,
        autoclose=False,
    )
    client, code, reason = _AiohttpSocket(socket), int(WSCloseCode.ABNORMAL_CLOSURE), ""
    try:
        await socket.prepare(request)
        request.app[OPEN_SOCKETS].add(client)
        monitor = FrameSizeMonitor.insert_before_parser(request, connection.limits)
        connection.attach(client)
        code, reason = await _receive_until_closed(socket, client, connection, monitor)
    finally:
        await asyncio.gather(connection.disconnect(code, reason), client.finish())
    return socket


async def close_open_sockets(app: web.Application) -> None:
    """Close every client when the gateway stops."""
    sockets = app[OPEN_SOCKETS]
    for client in tuple(sockets):
        client.handshake_timeout_s = STOP_HANDSHAKE_TIMEOUT_S
        await client.close(WSCloseCode.GOING_AWAY, "Going away")


async def _receive_until_closed(
    socket: web.WebSocketResponse, client: _AiohttpSocket, connection: GatewayConnection, monitor: FrameSizeMonitor
) -> tuple[int, str]:
    while True:
        seconds = connection.time_left_s()
        if seconds <= 0 or client.is_closing:
            return client.start_close(WSCloseCode.GOING_AWAY, "Going away")
        message = await client.receive(seconds)
        if message is None:
            continue
        if message.type is WSMsgType.CLOSE:
            code = message.data or NO_STATUS_RECEIVED
            await socket.close(code=message.data or WSCloseCode.OK)  # the same code (RFC 6455, 5.5.1)
            return code, str(message.extra or "")
        if message.type in _CLOSE_TYPES or message.type is WSMsgType.ERROR:
            return socket.close_code or WSCloseCode.ABNORMAL_CLOSURE, str(message.extra or "")
        if monitor.pop_next_is_too_large():
            return client.start_close(WSCloseCode.MESSAGE_TOO_BIG, "Too large")
        if message.type is not WSMsgType.TEXT:  # API Gateway refuses binary frames
            return client.start_close(WSCloseCode.UNSUPPORTED_DATA, "Text is expected")
        await connection.deliver(message.data)


class FrameSizeMonitor:
    """Notes which messages exceed the limits, as a whole or in one of their frames.

    It reads the bytes before aiohttp's parser does: aiohttp shows whole messages only, but clouds limit frames too.
    A message that is too large for aiohttp breaks the connection before the client can receive the reason.
    """

    def __init__(self, parser: Any, limits: ConnectionLimits) -> None:
        self._parser = parser
        self._limits = limits
        self._head = bytearray()
        self._frame_left = 0
        self._message_size, self._is_exceeded = 0, False
        self._exceeded: deque[bool] = deque()

    @classmethod
    def insert_before_parser(cls, request: web.BaseRequest, limits: ConnectionLimits) -> FrameSizeMonitor:
        """Insert a monitor before the parser of a prepared WebSocket; aiohttp has no public way to do it."""
        monitor = cls(request.protocol._payload_parser, limits)
        request.protocol._payload_parser = monitor
        return monitor

    def pop_next_is_too_large(self) -> bool:
        """Return whether the next received message exceeds the limits; to be called once per message."""
        return self._exceeded.popleft()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._scan(data)
        result: tuple[bool, bytes] = self._parser.feed_data(data)
        return result

    def feed_eof(self) -> None:
        self._parser.feed_eof()

    def _scan(self, data: bytes) -> None:
        index = 0
        while index < len(data):
            if self._frame_left:
                step = min(self._frame_left, len(data) - index)
                self._frame_left, index = self._frame_left - step, index + step
                continue
            self._head.append(data[index])
            index += 1
            self._read_head()

    def _read_head(self) -> None:
        head = self._head
        if len(head) < 2:
            return
        extended = _EXTENDED_LENGTH_BYTES.get(head[1] & _LENGTH_BITS, 0)
        if len(head) == 2 + extended + (4 if head[1] & _MASK_BIT else 0):
            self._frame_left = int.from_bytes(head[2 : 2 + extended], "big") if extended else head[1] & _LENGTH_BITS
            self._count_frame(head[0], self._frame_left)
            head.clear()

    def _count_frame(self, first_byte: int, size: int) -> None:
        if first_byte & _CONTROL_BIT:
            return
        if first_byte & _OPCODE_BITS != _CONTINUATION:
            self._message_size, self._is_exceeded = 0, False
        self._message_size += size
        self._is_exceeded |= size > self._limits.frame_bytes or self._message_size > self._limits.message_bytes
        if first_byte & _FINAL_BIT:
            self._exceeded.append(self._is_exceeded)
