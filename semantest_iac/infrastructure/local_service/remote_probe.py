"""Calls a service in a real cloud over HTTPS and, by RFC 6455 with the standard library alone, over WebSocket."""

from __future__ import annotations

import asyncio
import base64
import secrets
import ssl
import struct
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError, UnreachableServiceError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, group_values
from semantest_iac.domain.ports.service_probe import AnswerOrigin, ProbeAnswer, WebSocketConversation
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.local_service.web_socket_service import SWITCHING_PROTOCOLS

TOKEN_REQUIRED_NOTE = "The API requires a token, and there is none here: no message was sent."  # noqa: S105 - a note
_UNAUTHORIZED = 401
_TEXT_FRAME, _CLOSE_FRAME, _PING_FRAME, _PONG_FRAME = 1, 8, 9, 10
_LONGEST_FRAME = 128 * 1024
_LARGEST_BODY = 10 * 1024 * 1024
_TIMEOUT_S = 35  # API Gateway waits 30 s for its integration

FindEndpoint = Callable[[Stack], Awaitable[str | None]]


class RemoteProbe:
    """The ServiceProbe for real clouds."""

    def __init__(self, find_endpoint: FindEndpoint) -> None:
        self._find_endpoint = find_endpoint

    def check_package(self, artifact: Artifact) -> None:
        """Accept every package: the cloud runs it."""

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        """Send one request; raises NotFoundError without an endpoint, UnreachableServiceError without a response."""
        endpoint = await self._require_endpoint(stack)
        started = time.perf_counter()
        response = await asyncio.to_thread(send_request, endpoint, request)
        seconds = time.perf_counter() - started
        return ProbeAnswer(response, seconds=seconds, origin=_find_origin(stack.provider, response))

    async def converse(self, stack: Stack, messages: Sequence[str]) -> WebSocketConversation:
        """Converse over TLS, without a token; raises as `call` does."""
        endpoint = await self._require_endpoint(stack)
        try:
            return await converse_with_endpoint(endpoint, messages)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            raise _unreachable_error(endpoint, str(error) or type(error).__name__) from error

    async def _require_endpoint(self, stack: Stack) -> str:
        endpoint = await self._find_endpoint(stack)
        if endpoint is None:
            raise NotFoundError(f"Cannot call '{stack}': it has no endpoint.", hint="Deploy it first.")
        return endpoint


def _find_origin(provider: str, response: HttpResponse) -> AnswerOrigin:
    """Tell the platform's answers from the code's by their form, where the cloud's entry knows it."""
    cloud = CLOUDS[provider]
    if not cloud.platform_answer_check:
        return AnswerOrigin.UNKNOWN
    is_platform_answer = cloud.load_part(cloud.platform_answer_check)
    return AnswerOrigin.PLATFORM if is_platform_answer(response) else AnswerOrigin.FUNCTION


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Returns redirects as they are: they are answers of the service, and may lead to other hosts."""

    def redirect_request(self, *_: Any) -> None:
        return None


def send_request(endpoint: str, request: HttpRequest) -> HttpResponse:
    """Send a request below an address and return the answer, redirects too; raises UnreachableServiceError."""
    query = f"?{request.query_string}" if request.query_string else ""
    url = f"{endpoint.rstrip('/')}{request.path}{query}"
    outgoing = urllib.request.Request(url, _body_of(request), _join_headers(request), method=request.method)  # noqa: S310 - the endpoint is our own output
    try:
        with _open_any_status(outgoing) as response:
            return _read_response(response.status, response)
    except (OSError, HTTPException) as error:
        raise _unreachable_error(endpoint, getattr(error, "reason", None) or error) from error


@cache
def _get_opener() -> urllib.request.OpenerDirector:
    """Return what opens addresses, which reads the certificates of this machine once: that takes as long as a call."""
    context = ssl.create_default_context()
    return urllib.request.build_opener(_NoRedirects, urllib.request.HTTPSHandler(context=context))


def _open_any_status(outgoing: urllib.request.Request) -> Any:
    try:
        return _get_opener().open(outgoing, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:  # an answer like others
        return error


def _join_headers(request: HttpRequest) -> dict[str, str]:
    """Return the headers with one value each: urllib sends no name twice."""
    values = group_values(tuple((name.lower(), value) for name, value in request.headers))
    return {name: ("; " if name == "cookie" else ", ").join(own) for name, own in values.items()}


def _body_of(request: HttpRequest) -> bytes | None:
    return Path(request.stored_body.path).read_bytes() if request.stored_body else request.body or None


def _read_response(status: int, response: Any) -> HttpResponse:
    headers = tuple((name.lower(), value) for name, value in response.headers.items())
    body = response.read(_LARGEST_BODY + 1)
    if len(body) > _LARGEST_BODY:
        raise HTTPException(f"its answer has more than {_LARGEST_BODY // 1024**2} MB")
    return HttpResponse(status, headers, body)


def _unreachable_error(endpoint: str, reason: object) -> UnreachableServiceError:
    return UnreachableServiceError(f"Cannot reach '{endpoint}': {reason}.", hint="Try again in a minute.")


async def converse_with_endpoint(endpoint: str, messages: Sequence[str]) -> WebSocketConversation:
    """Send the messages one by one, each after a message from the service; raises OSError."""
    async with asyncio.timeout(_TIMEOUT_S), _open_connection(endpoint) as (reader, writer):
        status = await _request_upgrade(endpoint, reader, writer)
        if status != SWITCHING_PROTOCOLS:
            return WebSocketConversation(status, note=TOKEN_REQUIRED_NOTE if status == _UNAUTHORIZED else "")
        received: list[str] = []
        for message in messages:
            await _send_frame(writer, _TEXT_FRAME, message.encode())
            received.append(await _receive_text(reader, writer))
        await _send_frame(writer, _CLOSE_FRAME, b"")
    return WebSocketConversation(status, tuple(received))


@asynccontextmanager
async def _open_connection(endpoint: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    url = urlsplit(endpoint)
    is_secure = url.scheme == "wss"
    port = url.port or (443 if is_secure else 80)
    reader, writer = await asyncio.open_connection(url.hostname, port, ssl=is_secure or None)
    try:
        yield reader, writer
    finally:
        writer.close()


async def _request_upgrade(endpoint: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    url = urlsplit(endpoint)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    head = (
        f"GET {target} HTTP/1.1\r\nHost: {url.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    writer.write(head.encode())
    await writer.drain()
    response = await reader.readuntil(b"\r\n\r\n")
    return int(response.split(b" ", 2)[1])


async def _send_frame(writer: asyncio.StreamWriter, kind: int, data: bytes) -> None:
    """Send one whole frame, masked as RFC 6455 requires of clients."""
    mask = secrets.token_bytes(4)
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack("!H", len(data))
    writer.write(bytes([0x80 | kind]) + size + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)))
    await writer.drain()


async def _receive_text(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """Receive the next message and answer pings meanwhile; empty if the service closes."""
    while True:
        kind, data = await _read_frame(reader)
        if kind == _TEXT_FRAME:
            return data.decode(errors="replace")
        if kind == _CLOSE_FRAME:
            return ""
        if kind == _PING_FRAME:
            await _send_frame(writer, _PONG_FRAME, data)


async def _read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read a frame and its continuations, into which gateways split long messages."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", await reader.readexactly(8))
    if size > _LONGEST_FRAME:
        raise OSError("a frame is too long")
    data = await reader.readexactly(size)
    if not first & 0x80:
        data += (await _read_frame(reader))[1]
    return first & 0x0F, data
