"""The clients that put load on a running `serve`: each runs for some seconds in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

MIB = 1024 * 1024
BODY_BYTES = 99 * MIB
Count = Counter[str]


class Target(NamedTuple):
    """One stack of a gateway."""

    url: str
    stack: str

    @property
    def path(self) -> str:
        return f"/{self.stack}/"

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0


Load = Callable[[Target, float, Count], Awaitable[None]]


def run_load(load: Load, target: Target, seconds: float) -> Count:
    """Run clients for so long, and return how often they met what; they yield to what they measure."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    met: Count = Counter()
    asyncio.run(_run_for(load, target, seconds, met))
    return met


async def _run_for(load: Load, target: Target, seconds: float, met: Count) -> None:
    try:
        async with asyncio.timeout(seconds + 30):
            await load(target, seconds, met)
    except TimeoutError:
        met["clients that did not end"] += 1


async def send_bodies(target: Target, seconds: float, met: Count) -> None:
    """Six bodies of 99 MB at once, again and again."""
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        await asyncio.gather(*(_send_body(target, met) for _ in range(6)))
        await asyncio.sleep(0.1)


async def _send_body(target: Target, met: Count) -> None:
    reader, writer = await asyncio.open_connection(*target.address)
    writer.write(_head("POST", target, f"Content-Length: {BODY_BYTES}\r\nContent-Type: application/octet-stream"))
    sending = asyncio.create_task(_send_zeros(writer))
    met[await _read_status(reader)] += 1
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    writer.close()


async def _send_zeros(writer: asyncio.StreamWriter) -> None:
    chunk = bytes(256 * 1024)
    for _ in range(BODY_BYTES // len(chunk)):
        writer.write(chunk)
        await writer.drain()


async def open_halves(target: Target, seconds: float, met: Count) -> None:
    """500 connections on which nothing is sent, or a part of a head."""
    opened = [await asyncio.open_connection(*target.address) for _ in range(500)]
    for _, writer in opened[::2]:
        writer.write(_head("GET", target)[:-2] + b"X-Part: " + b"x" * 60_000)
    await asyncio.sleep(seconds)
    met["still open"] += sum(not reader.at_eof() for reader, _ in opened)
    _close_all(opened)


async def send_slow_heads(target: Target, seconds: float, met: Count) -> None:
    """200 heads of which a byte comes each half second."""

    async def send_slowly() -> None:
        _, writer = await asyncio.open_connection(*target.address)
        try:
            for byte in _head("GET", target, "X-Slow: " + "x" * 10_000)[: int(seconds * 2)]:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.5)
        except ConnectionError:
            met["closed"] += 1
        writer.close()

    await asyncio.gather(*(send_slowly() for _ in range(200)))


async def send_requests(target: Target, seconds: float, met: Count) -> None:
    """50 clients that send requests without a pause."""
    await _repeat(target, seconds, met, "", 50)


async def flood_logs(target: Target, seconds: float, met: Count) -> None:
    """8 clients of a function that prints a megabyte in each call."""
    await _repeat(target, seconds, met, "print", 8)


async def _repeat(target: Target, seconds: float, met: Count, below: str, clients: int) -> None:
    end = asyncio.get_running_loop().time() + seconds

    async def repeat() -> None:
        reader, writer = await asyncio.open_connection(*target.address)
        while asyncio.get_running_loop().time() < end:
            writer.write(_head("GET", target, below=below))
            met[await _read_status(reader, with_body=True)] += 1
        writer.close()

    results = await asyncio.gather(*(repeat() for _ in range(clients)), return_exceptions=True)
    met["broken"] += sum(isinstance(result, Exception) for result in results)


async def read_nothing(target: Target, seconds: float, met: Count) -> None:
    """100 clients that ask for 5 MB and read nothing."""
    opened = []
    for _ in range(100):
        reader, writer = await _open_small(target)
        writer.write(_head("GET", target, below="large"))
        opened.append((reader, writer))
    await asyncio.sleep(seconds)
    _close_all(opened)


async def flood_sockets(target: Target, seconds: float, met: Count) -> None:
    """50 WebSockets that send messages without a pause, and read nothing."""
    end = asyncio.get_running_loop().time() + seconds
    message = _frame(1, json.dumps({"type": "ping", "filler": "x" * 1000}).encode())

    async def flood() -> None:
        _, writer = await _open_socket(target, met)
        while asyncio.get_running_loop().time() < end:
            writer.write(message * 20)
            try:
                async with asyncio.timeout(1):
                    await writer.drain()
            except TimeoutError:
                met["made to wait"] += 1
        writer.close()

    results = await asyncio.gather(*(flood() for _ in range(50)), return_exceptions=True)
    met["closed"] += sum(isinstance(result, Exception) for result in results)


async def leave_fragments(target: Target, seconds: float, met: Count) -> None:
    """200 WebSockets with a message that never ends, of just below 128 KB, and 20 that send on."""
    opened = await asyncio.gather(*(_open_socket(target, met) for _ in range(220)))
    part = bytes(30_000)
    for _, writer in opened:
        writer.write(_frame(1, part, is_final=False) + _frame(0, part, is_final=False) * 3)
    for _ in range(int(seconds * 2)):
        for _, writer in opened[:20]:
            writer.write(_frame(0, part, is_final=False) * 30)
        await asyncio.sleep(0.5)
    met["closed"] += sum(writer.transport.is_closing() for _, writer in opened)
    _close_all(opened)


HTTP_LOADS: dict[str, Load] = {
    "bodies": send_bodies,
    "half-open": open_halves,
    "slow-heads": send_slow_heads,
    "requests": send_requests,
    "logs": flood_logs,
    "slow-readers": read_nothing,
}
SOCKET_LOADS: dict[str, Load] = {"messages": flood_sockets, "fragments": leave_fragments}


def _head(method: str, target: Target, header: str = "X-Nothing: 1", *, below: str = "") -> bytes:
    return f"{method} {target.path}{below} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode()


async def _read_status(reader: asyncio.StreamReader, *, with_body: bool = False) -> str:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if with_body and lengths:
            await reader.readexactly(int(lengths[0].partition(b":")[2]))
        return head.split()[1].decode()
    except (ConnectionError, asyncio.IncompleteReadError) as error:
        if with_body:
            raise
        return type(error).__name__


async def _open_small(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect with a receive buffer that holds little, and leave everything else to the other side."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, target.address)
    reader, writer = await asyncio.open_connection(sock=connection, limit=1024)
    return reader, writer


async def _open_socket(target: Target, met: Count) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await _open_small(target)
    key = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
    writer.write(_head("GET", target, f"{key}\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="))
    met[await _read_status(reader)] += 1
    return reader, writer


def _frame(opcode: int, payload: bytes, *, is_final: bool = True) -> bytes:
    """Encode a frame with a mask of zeros, as any mask is allowed."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else struct.pack("!BH", 0xFE, size)
    return bytes([(0x80 if is_final else 0) | opcode]) + length + bytes(4) + payload


def _close_all(opened: Sequence[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
    for _, writer in opened:
        writer.transport.abort()
