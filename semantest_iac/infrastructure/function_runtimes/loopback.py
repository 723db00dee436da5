"""A small HTTP server on the loopback, for what functions of this machine call in the place of a cloud."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from semantest_iac.domain.networking.http_exchange import HttpResponse

LARGEST_HEAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a call may take: bytes of its body, and seconds from its first byte to its last."""

    body: int = 1024 * 1024
    call_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `path` is below the server's own, still percent-encoded, and header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Answering = Callable[[Call], Awaitable[HttpResponse]]


@asynccontextmanager
async def loopback(answer: Answering, bounds: Bounds = Bounds()) -> AsyncIterator[str]:
    """The URL of a server that lives as long as the block.

    Its path is random: another process of this machine that finds the port gets nothing from it.
    """
    prefix = f"/{secrets.token_urlsafe(24)}"
    callers = set[_Caller]()

    def called() -> _Caller:
        return _Caller(prefix, answer, bounds, callers)

    server = await asyncio.get_running_loop().create_server(called, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{prefix}"
    finally:
        server.close()
        for caller in list(callers):
            caller.hang_up()


class _Caller(asyncio.Protocol):
    """One connection, whose calls are answered one after the other; streams would take twice as long."""

    _transport: asyncio.Transport

    def __init__(self, prefix: str, answer: Answering, bounds: Bounds, callers: set[_Caller]) -> None:
        self._prefix = prefix
        self._answer = answer
        self._bounds = bounds
        self._callers = callers
        self._received = bytearray()
        self._work: asyncio.Task[None] | None = None
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody calls."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - that of a TCP server
        self._transport = transport
        self._callers.add(self)

    def data_received(self, data: bytes) -> None:
        """A part of a call, or a whole one."""
        self._received += data
        if self._work is None:
            self._begin()

    def connection_lost(self, reason: Exception | None) -> None:
        """Nobody is there for the answer."""
        self._callers.discard(self)
        self._be_patient(with_it=False)
        if self._work:
            self._work.cancel()

    def hang_up(self) -> None:
        """End it from this side."""
        self._transport.close()

    def _begin(self) -> None:
        try:
            call, size = _call(self._received, self._bounds.body)
        except ValueError:
            self.hang_up()
            return
        del self._received[:size]
        self._be_patient(with_it=bool(self._received) and call is None)
        self._work = asyncio.create_task(self._answered(call)) if call else None

    def _be_patient(self, *, with_it: bool) -> None:
        """Hang up on a call that has begun, unless it comes to its end in time."""
        if with_it and self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(self._bounds.call_s, self.hang_up)
        if self._patience and not with_it:
            self._patience.cancel()
            self._patience = None

    async def _answered(self, call: Call) -> None:
        try:
            response = await self._said(call)
        except Exception:  # a call that nobody has thought of must not end the others
            response = HttpResponse(HTTPStatus.INTERNAL_SERVER_ERROR)
        self._transport.write(_encoded(response))
        self._begin()

    async def _said(self, call: Call) -> HttpResponse:
        size = len(self._prefix)
        if not secrets.compare_digest(call.path[:size].encode(), self._prefix.encode()):
            return HttpResponse(HTTPStatus.FORBIDDEN)
        return await self._answer(Call(call.method, call.path[size:] or "/", call.headers, call.body))


def _call(received: bytearray, largest_body: int) -> tuple[Call | None, int]:
    """The first call and its size, once it is there as a whole; raises ValueError for what is no call."""
    end = received.find(b"\r\n\r\n")
    if end < 0 and len(received) <= LARGEST_HEAD:
        return None, 0
    first, *lines = received[: max(0, end)].decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= largest_body:
        raise ValueError("too large a body")
    size = end + 4 + length
    return (Call(method, path, headers, bytes(received[end + 4 : size])), size) if len(received) >= size else (None, 0)


def _encoded(response: HttpResponse) -> bytes:
    headers = (*response.headers, ("content-length", str(len(response.body))))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = f"HTTP/1.1 {response.status:d} {HTTPStatus(response.status).phrase}\r\n{lines}\r\n"
    return head.encode("latin-1") + response.body
