"""Runs one WebSocket from handshake to close, within the limits of its cloud."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from http import HTTPStatus
from weakref import WeakSet

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from semantest_iac.presentation.gateway.connections import HttpConnection
from semantest_iac.presentation.gateway.incoming_messages import IncomingMessages
from semantest_iac.presentation.gateway.services import GatewayConnection

CLOSE_HANDSHAKE_TIMEOUT_S = 10  # how long a client may take to answer a close frame
STOP_HANDSHAKE_TIMEOUT_S = 0.5  # the same when the gateway stops
NO_STATUS_RECEIVED = 1005  # RFC 6455, 7.4.1: a close frame without a code
_CLOSE_TYPES = {WSMsgType.CLOSING, WSMsgType.CLOSED}


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
        self._sending = asyncio.Lock()

    async def send(self, data: bytes) -> None:
        """Send after what was sent before is on its way, so that little waits for a client that does not read."""
        async with self._sending:
            if self._socket.closed or self._close:
                raise ConnectionResetError("the client is gone")
            await self._socket.send_str(data.decode(errors="replace"))

    async def close(self, code: int, reason: str) -> None:
        self.start_close(code, reason)
        self.wake()

    def wake(self) -> None:
        """Let the task that receives look at what has changed."""
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


BeginCall = Callable[[], AbstractAsyncContextManager[None]]
"""Waits until the next message of the stack may be delivered."""

OPEN_SOCKETS = web.AppKey("open", WeakSet[_AiohttpSocket])


async def run_web_socket(
    request: web.Request, connection: GatewayConnection, begin_call: BeginCall
) -> web.WebSocketResponse:
    """Run the connection to its end and disconnect it from the service, whatever ends it."""
    subprotocols = (connection.subprotocol,) if connection.subprotocol else ()
    socket = web.WebSocketResponse(
        protocols=subprotocols,
        max_msg_size=connection.limits.message_bytes + 1,  # `incoming` refuses before, and so that the client learns it
        compress=False,
        timeout=CLOSE_HANDSHAKE_TIMEOUT_S,
        autoclose=False,
        autoping=False,
        writer_limit=0,  # each send waits until the client has read
    )
    client, code, reason = _AiohttpSocket(socket), int(WSCloseCode.ABNORMAL_CLOSURE), ""
    assert isinstance(request.protocol, HttpConnection)  # noqa: S101 - the gateway creates no others
    incoming = request.protocol.limit_messages(connection.limits)
    incoming.on_fault = client.wake
    try:
        await socket.prepare(request)
        request.app[OPEN_SOCKETS].add(client)
        connection.attach(client)
        code, reason = await _receive_until_closed(socket, client, connection, incoming, begin_call)
    finally:
        incoming.discard()
        await asyncio.gather(connection.disconnect(code, reason), client.finish())
        incoming.end()
    return socket


async def close_open_sockets(app: web.Application) -> None:
    """Close every client when the gateway stops."""
    sockets = app[OPEN_SOCKETS]
    for client in tuple(sockets):
        client.handshake_timeout_s = STOP_HANDSHAKE_TIMEOUT_S
        await client.close(WSCloseCode.GOING_AWAY, "Going away")


async def _receive_until_closed(
    socket: web.WebSocketResponse,
    client: _AiohttpSocket,
    connection: GatewayConnection,
    incoming: IncomingMessages,
    begin_call: BeginCall,
) -> tuple[int, str]:
    while True:
        seconds = connection.time_left_s()
        if seconds <= 0 or client.is_closing:
            return client.start_close(WSCloseCode.GOING_AWAY, "Going away")
        if incoming.fault and not incoming.has_pending:
            return client.start_close(*incoming.fault)
        message = await client.receive(seconds)
        if message is None:
            continue
        if ending := await _handle_message(message, socket, client, connection, begin_call):
            return ending
        incoming.finish_message()


async def _handle_message(
    message: WSMessage,
    socket: web.WebSocketResponse,
    client: _AiohttpSocket,
    connection: GatewayConnection,
    begin_call: BeginCall,
) -> tuple[int, str] | None:
    """Deliver or answer a message, or return how it ends the connection."""
    if message.type is WSMsgType.CLOSE:
        code = message.data or NO_STATUS_RECEIVED
        await socket.close(code=message.data or WSCloseCode.OK)  # the same code (RFC 6455, 5.5.1)
        return code, str(message.extra or "")
    if message.type in _CLOSE_TYPES or message.type is WSMsgType.ERROR:
        return socket.close_code or WSCloseCode.ABNORMAL_CLOSURE, str(message.extra or "")
    if message.type is WSMsgType.PING:
        await socket.pong(message.data)
    elif message.type is WSMsgType.TEXT:
        async with begin_call():
            await connection.deliver(message.data)
    elif message.type is not WSMsgType.PONG:  # API Gateway refuses binary frames
        return client.start_close(WSCloseCode.UNSUPPORTED_DATA, "Text is expected")
    return None
