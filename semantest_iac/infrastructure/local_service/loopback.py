"""A small HTTP server on the loopback, for what functions of this machine call in the place of a cloud."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from semantest_iac.domain.networking.http_exchange import HttpResponse

LARGEST_HEAD, LARGEST_BODY = 64 * 1024, 1024 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `path` is below the server's own, still percent-encoded, and header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Answering = Callable[[Call], Awaitable[HttpResponse]]


@asynccontextmanager
async def loopback(answer: Answering) -> AsyncIterator[str]:
    """The URL of a server that lives as long as the block.

    Its path is random: another process of this machine that finds the port gets nothing from it.
    """
    prefix = f"/{secrets.token_urlsafe(24)}"
    clients: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.add(writer)
        with suppress(OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while call := await _call(reader):
                writer.write(_encoded(await _answered(call, prefix, answer)))
                await writer.drain()
        clients.discard(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=LARGEST_HEAD)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{prefix}"
    finally:
        server.close()
        for writer in clients:
            writer.close()


async def _call(reader: asyncio.StreamReader) -> Call | None:
    """The next request of a connection, None after the last; raises ValueError for what is no request."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    pairs = (line.partition(":")[::2] for line in lines)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= LARGEST_BODY:
        raise ValueError("too large a body")
    method, path, _ = first.split(" ")
    return Call(method, path, headers, await reader.readexactly(length))


async def _answered(call: Call, prefix: str, answer: Answering) -> HttpResponse:
    known = secrets.compare_digest(call.path[: len(prefix)].encode(), prefix.encode())
    if not known:
        return HttpResponse(HTTPStatus.FORBIDDEN)
    return await answer(Call(call.method, call.path[len(prefix) :] or "/", call.headers, call.body))


def _encoded(response: HttpResponse) -> bytes:
    status = HTTPStatus(response.status)
    headers = (*response.headers, ("content-length", str(len(response.body))))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n{lines}\r\n".encode("latin-1") + response.body
