"""Runs one WebSocket from handshake to close, within the limits of its cloud."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any
from weakref import WeakSet

from aiohttp import WSCloseCode, WSMsgType, web

from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.presentation.gateway.services import GatewayConnection

_EXTENDED_LENGTH_BYTES = {126: 2, 127: 8}  # a length of more than seven bits, in so many bytes
_MASK_BIT, _LENGTH_BITS = 0x80, 0x7F
_FINAL_BIT, _OPCODE_BITS, _CONTROL_BIT, _CONTINUATION = 0x80, 0x0F, 0x08, 0


class FrameSizeMonitor:
    """Which messages were larger than the limits, in themselves or in one of their frames."""

    def __init__(self, parser: Any, limits: ConnectionLimits) -> None:
        self._parser = parser
        self._limits = limits
        self._head = bytearray()
        self._left = 0
        self._message, self._is_larger = 0, False
        self._larger: deque[bool] = deque()

    @classmethod
    def of(cls, request: web.BaseRequest, limits: ConnectionLimits) -> FrameSizeMonitor:
        """Put between a prepared WebSocket and its parser; aiohttp has no public way to do that."""
        sizes = cls(request.protocol._payload_parser, limits)
        request.protocol._payload_parser = sizes
        return sizes

    def was_exceeded(self) -> bool:
        """By the next message that is shown; asked once for each."""
        return self._larger.popleft()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Look, and hand on."""
        self._look(data)
        answer: tuple[bool, bytes] = self._parser.feed_data(data)
        return answer

    def feed_eof(self) -> None:
        """Hand on."""
        self._parser.feed_eof()

    def _look(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left, at = self._left - step, at + step
                continue
            self._head.append(data[at])
            at += 1
            self._look_at_head()

    def _look_at_head(self) -> None:
        head = self._head
        if len(head) < 2:
            return
        extended = _EXTENDED_LENGTH_BYTES.get(head[1] & _LENGTH_BITS, 0)
        if len(head) == 2 + extended + (4 if head[1] & _MASK_BIT else 0):
            self._left = int.from_bytes(head[2 : 2 + extended], "big") if extended else head[1] & _LENGTH_BITS
            self._look_at_frame(head[0], self._left)
            head.clear()

    def _look_at_frame(self, kind: int, size: int) -> None:
        if kind & _CONTROL_BIT:
            return
        if kind & _OPCODE_BITS != _CONTINUATION:
            self._message, self._is_larger = 0, False
        self._message += size
        self._is_larger |= size > self._limits.frame_bytes or self._message > self._limits.message_bytes
        if kind & _FINAL_BIT:
            self._larger.append(self._is_larger)


MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # what is too large is read to its end, as far as that, and then refused
OPEN_SOCKETS = web.AppKey("open", WeakSet[web.WebSocketResponse])
_CLOSE_TYPES = {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED}


def is_handshake(request: web.BaseRequest) -> bool:
    """Whether the client asks for a WebSocket."""
    return request.method == "GET" and request.headers.get("upgrade", "").lower() == "websocket"


def is_valid_handshake(request: web.BaseRequest) -> bool:
    """Whether the handshake has what RFC 6455 asks for."""
    return bool(web.WebSocketResponse().can_prepare(request))


def refusal_response(status: int) -> web.Response:
    """What a client gets in the place of a connection."""
    words = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests"}
    body = json.dumps({"message": words.get(status, "Internal server error")}).encode()
    return web.Response(status=status, body=body, headers={"content-type": "application/json"})


class _AiohttpSocket:
    """The way to the client of a socket; what is said to one client is said in order."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def send(self, data: bytes) -> None:
        """As text, as API Gateway sends it."""
        if self._socket.closed:
            raise ConnectionResetError("the client is gone")
        await self._socket.send_str(data.decode(errors="replace"))

    async def close(self, code: int, reason: str) -> None:
        """The client's own goodbye is not waited for here: the one who listens hears it."""
        await self._socket.close(code=code, message=reason.encode(), drain=False)


async def run_web_socket(request: web.Request, visit: GatewayConnection) -> web.WebSocketResponse:
    """The connection, once it is over; whatever ends it, the service is told."""
    agreed = (visit.subprotocol,) if visit.subprotocol else ()
    socket = web.WebSocketResponse(protocols=agreed, max_msg_size=MAX_MESSAGE_BYTES, compress=False, timeout=2)
    code, reason = int(WSCloseCode.ABNORMAL_CLOSURE), ""
    try:
        await socket.prepare(request)
        request.app[OPEN_SOCKETS].add(socket)
        sizes = FrameSizeMonitor.of(request, visit.limits)
        visit.attach(_AiohttpSocket(socket))
        code, reason = await _receive_until_closed(socket, visit, sizes)
    finally:
        await visit.disconnect(code, reason)
    return socket


async def close_open_sockets(app: web.Application) -> None:
    """Every client is told that the gateway ends; who does not listen is not waited for."""
    sockets = app[OPEN_SOCKETS]
    await asyncio.gather(
        *(_AiohttpSocket(socket).close(WSCloseCode.GOING_AWAY, "Going away") for socket in tuple(sockets))
    )


async def _receive_until_closed(
    socket: web.WebSocketResponse, visit: GatewayConnection, sizes: FrameSizeMonitor
) -> tuple[int, str]:
    while True:
        left = visit.time_left()
        if left <= 0:
            return await _close_with(socket, WSCloseCode.GOING_AWAY, "Going away")
        try:
            message = await socket.receive(timeout=left)
        except TimeoutError:
            continue
        if message.type in _CLOSE_TYPES or message.type is WSMsgType.ERROR:
            return socket.close_code or WSCloseCode.ABNORMAL_CLOSURE, str(message.extra or "")
        if sizes.was_exceeded():
            return await _close_with(socket, WSCloseCode.MESSAGE_TOO_BIG, "Too large")
        if message.type is not WSMsgType.TEXT:  # API Gateway takes no binary frames, whatever they hold
            return await _close_with(socket, WSCloseCode.UNSUPPORTED_DATA, "Text is expected")
        await visit.deliver(message.data)


async def _close_with(socket: web.WebSocketResponse, code: WSCloseCode, reason: str) -> tuple[int, str]:
    await socket.close(code=code, message=reason.encode())
    return code, reason
