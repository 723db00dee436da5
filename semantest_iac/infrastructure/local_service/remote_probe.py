"""Calls a service in a real cloud over HTTPS and, by RFC 6455 with the standard library alone, over WebSocket."""

from __future__ import annotations

import asyncio
import base64
import secrets
import struct
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError, RuntimeFailedError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import ProbeAnswer, WebSocketConversation

_SWITCHING_PROTOCOLS, _UNAUTHORIZED = 101, 401
_TEXT_FRAME, _CLOSE_FRAME, _PING_FRAME, _PONG_FRAME = 1, 8, 9, 10
_CONVERSATION_TIMEOUT_S, _LONGEST_FRAME = 35, 128 * 1024
TOKEN_REQUIRED_NOTE = "It asks for a token, and there is none here: nothing was said to it."  # noqa: S105


async def converse_with_endpoint(endpoint: str, messages: Sequence[str]) -> WebSocketConversation:
    """What the service said to these messages, waiting for one answer at least to each; raises OSError."""
    async with asyncio.timeout(_CONVERSATION_TIMEOUT_S), _open_connection(endpoint) as (reader, writer):
        status = await _request_upgrade(endpoint, reader, writer)
        if status != _SWITCHING_PROTOCOLS:
            return WebSocketConversation(status, note=TOKEN_REQUIRED_NOTE if status == _UNAUTHORIZED else "")
        heard: list[str] = []
        for message in messages:
            await _send_frame(writer, _TEXT_FRAME, message.encode())
            heard.append(await _receive_text(reader, writer))
        await _send_frame(writer, _CLOSE_FRAME, b"")
    return WebSocketConversation(status, tuple(heard))


@asynccontextmanager
async def _open_connection(endpoint: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    place = urlsplit(endpoint)
    is_secure = place.scheme == "wss"
    port = place.port or (443 if is_secure else 80)
    reader, writer = await asyncio.open_connection(place.hostname, port, ssl=is_secure or None)
    try:
        yield reader, writer
    finally:
        writer.close()


async def _request_upgrade(endpoint: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    place = urlsplit(endpoint)
    target = (place.path or "/") + (f"?{place.query}" if place.query else "")
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    head = (
        f"GET {target} HTTP/1.1\r\nHost: {place.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    writer.write(head.encode())
    await writer.drain()
    answer = await reader.readuntil(b"\r\n\r\n")
    return int(answer.split(b" ", 2)[1])


async def _send_frame(writer: asyncio.StreamWriter, kind: int, data: bytes) -> None:
    """One whole frame, masked as clients must."""
    mask = secrets.token_bytes(4)
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack("!H", len(data))
    writer.write(bytes([0x80 | kind]) + size + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)))
    await writer.drain()


async def _receive_text(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """The next message; pings are answered meanwhile. Empty where the service closes."""
    while True:
        kind, data = await _read_frame(reader)
        if kind == _TEXT_FRAME:
            return data.decode(errors="replace")
        if kind == _CLOSE_FRAME:
            return ""
        if kind == _PING_FRAME:
            await _send_frame(writer, _PONG_FRAME, data)


async def _read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """One frame with its continuations, which gateways cut long messages into."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", await reader.readexactly(8))
    if size > _LONGEST_FRAME:
        raise OSError("a frame that is too long")
    data = await reader.readexactly(size)
    if not first & 0x80:
        data += (await _read_frame(reader))[1]
    return first & 0x0F, data


_REQUEST_TIMEOUT_S = 35  # a little more than API Gateway itself waits
_LARGEST_BODY = 10 * 1024 * 1024

FindEndpoint = Callable[[Stack], Awaitable[str | None]]


class RemoteProbe:
    """The ServiceProbe for real clouds."""

    def __init__(self, endpoint: FindEndpoint) -> None:
        self._endpoint = endpoint

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        """One request to the endpoint; raises NotFoundError without one, RuntimeFailedError without an answer."""
        endpoint = await self._known(stack)
        started = time.perf_counter()
        response = await asyncio.to_thread(_send_request, endpoint, request)
        return ProbeAnswer(response, seconds=time.perf_counter() - started)

    async def converse(self, stack: Stack, messages: Sequence[str]) -> WebSocketConversation:
        """Over TLS; an API that asks for a token is only seen to ask for it."""
        return await _converse(await self._known(stack), messages)

    async def _known(self, stack: Stack) -> str:
        endpoint = await self._endpoint(stack)
        if endpoint is None:
            raise NotFoundError(f"Cannot call '{stack}': it has no endpoint.", hint="Deploy it first.")
        return endpoint


async def _converse(endpoint: str, messages: Sequence[str]) -> WebSocketConversation:
    try:
        return await converse_with_endpoint(endpoint, messages)
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
        reason = str(error) or type(error).__name__
        raise RuntimeFailedError(f"Cannot reach '{endpoint}': {reason}.", hint="Try again in a minute.") from error


def _send_request(endpoint: str, request: HttpRequest) -> HttpResponse:
    query = f"?{urlencode(request.query)}" if request.query else ""
    url = f"{endpoint.rstrip('/')}{request.path}{query}"
    asked = urllib.request.Request(url, request.body or None, dict(request.headers), method=request.method)  # noqa: S310 - the endpoint is our own output
    try:
        with urllib.request.urlopen(asked, timeout=_REQUEST_TIMEOUT_S) as answer:  # noqa: S310 - see above
            return _read_response(answer.status, answer)
    except urllib.error.HTTPError as error:
        return _read_response(error.code, error)
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise RuntimeFailedError(f"Cannot reach '{endpoint}': {reason}.", hint="Try again in a minute.") from error


def _read_response(status: int, answer: Any) -> HttpResponse:
    headers = tuple((name.lower(), value) for name, value in answer.headers.items())
    return HttpResponse(status, headers, answer.read(_LARGEST_BODY))
