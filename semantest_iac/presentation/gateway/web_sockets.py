"""One WebSocket from its handshake to its end, within the limits of its cloud."""

from __future__ import annotations

import asyncio
import json
from weakref import WeakSet

from aiohttp import WSCloseCode, WSMsgType, web

from semantest_iac.presentation.gateway.frames import FrameSizes
from semantest_iac.presentation.gateway.services import Visit

LARGEST_READ = 16 * 1024 * 1024  # what is too large is read to its end, as far as that, and then refused
OPEN = web.AppKey("open", WeakSet[web.WebSocketResponse])
_GONE = {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED}


def is_handshake(request: web.BaseRequest) -> bool:
    """Whether the client asks for a WebSocket."""
    return request.method == "GET" and request.headers.get("upgrade", "").lower() == "websocket"


def is_whole(request: web.BaseRequest) -> bool:
    """Whether the handshake has what RFC 6455 asks for."""
    return bool(web.WebSocketResponse().can_prepare(request))


def refused(status: int) -> web.Response:
    """What a client gets in the place of a connection."""
    words = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests"}
    body = json.dumps({"message": words.get(status, "Internal server error")}).encode()
    return web.Response(status=status, body=body, headers={"content-type": "application/json"})


class _Line:
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


async def carried(request: web.Request, visit: Visit) -> web.WebSocketResponse:
    """The connection, once it is over; whatever ends it, the service is told."""
    agreed = (visit.subprotocol,) if visit.subprotocol else ()
    socket = web.WebSocketResponse(protocols=agreed, max_msg_size=LARGEST_READ, compress=False, timeout=2)
    code, reason = int(WSCloseCode.ABNORMAL_CLOSURE), ""
    try:
        await socket.prepare(request)
        request.app[OPEN].add(socket)
        sizes = FrameSizes.of(request, visit.limits)
        visit.joined(_Line(socket))
        code, reason = await _listened(socket, visit, sizes)
    finally:
        await visit.left(code, reason)
    return socket


async def farewell(app: web.Application) -> None:
    """Every client is told that the gateway ends; who does not listen is not waited for."""
    sockets = app[OPEN]
    await asyncio.gather(*(_Line(socket).close(WSCloseCode.GOING_AWAY, "Going away") for socket in tuple(sockets)))


async def _listened(socket: web.WebSocketResponse, visit: Visit, sizes: FrameSizes) -> tuple[int, str]:
    while True:
        left = visit.time_left()
        if left <= 0:
            return await _ended(socket, WSCloseCode.GOING_AWAY, "Going away")
        try:
            message = await socket.receive(timeout=left)
        except TimeoutError:
            continue
        if message.type in _GONE or message.type is WSMsgType.ERROR:
            return socket.close_code or WSCloseCode.ABNORMAL_CLOSURE, str(message.extra or "")
        if sizes.was_exceeded():
            return await _ended(socket, WSCloseCode.MESSAGE_TOO_BIG, "Too large")
        if message.type is not WSMsgType.TEXT:  # API Gateway takes no binary frames, whatever they hold
            return await _ended(socket, WSCloseCode.UNSUPPORTED_DATA, "Text is expected")
        await visit.receive(message.data)


async def _ended(socket: web.WebSocketResponse, code: WSCloseCode, reason: str) -> tuple[int, str]:
    await socket.close(code=code, message=reason.encode())
    return code, reason
