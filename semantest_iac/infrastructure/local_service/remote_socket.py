"""A short visit at a WebSocket API of a real cloud, by RFC 6455 and with nothing but Python itself."""

from __future__ import annotations

import asyncio
import base64
import secrets
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from semantest_iac.domain.ports.service_probe import Conversation

ADMITTED, UNAUTHORIZED = 101, 401
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
TIMEOUT_S, LONGEST_FRAME = 35, 128 * 1024
GUARDED = "It asks for a token, and there is none here: nothing was said to it."


async def visit(endpoint: str, messages: Sequence[str]) -> Conversation:
    """What the service said to these messages, waiting for one answer at least to each; raises OSError."""
    async with asyncio.timeout(TIMEOUT_S), _opened(endpoint) as (reader, writer):
        status = await _upgraded(endpoint, reader, writer)
        if status != ADMITTED:
            return Conversation(status, note=GUARDED if status == UNAUTHORIZED else "")
        heard: list[str] = []
        for message in messages:
            await _send(writer, TEXT, message.encode())
            heard.append(await _next_text(reader, writer))
        await _send(writer, CLOSE, b"")
    return Conversation(status, tuple(heard))


@asynccontextmanager
async def _opened(endpoint: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    place = urlsplit(endpoint)
    is_secure = place.scheme == "wss"
    port = place.port or (443 if is_secure else 80)
    reader, writer = await asyncio.open_connection(place.hostname, port, ssl=is_secure or None)
    try:
        yield reader, writer
    finally:
        writer.close()


async def _upgraded(endpoint: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
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


async def _send(writer: asyncio.StreamWriter, kind: int, data: bytes) -> None:
    """One whole frame, masked as clients must."""
    mask = secrets.token_bytes(4)
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack("!H", len(data))
    writer.write(bytes([0x80 | kind]) + size + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)))
    await writer.drain()


async def _next_text(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """The next message; pings are answered meanwhile. Empty where the service closes."""
    while True:
        kind, data = await _frame(reader)
        if kind == TEXT:
            return data.decode(errors="replace")
        if kind == CLOSE:
            return ""
        if kind == PING:
            await _send(writer, PONG, data)


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """One frame with its continuations, which gateways cut long messages into."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", await reader.readexactly(8))
    if size > LONGEST_FRAME:
        raise OSError("a frame that is too long")
    data = await reader.readexactly(size)
    if not first & 0x80:
        data += (await _frame(reader))[1]
    return first & 0x0F, data
