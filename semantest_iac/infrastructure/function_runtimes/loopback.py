"""Serves HTTP on the loopback for what local functions call in place of a cloud, Secrets Manager included."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from semantest_iac.domain.networking.http_exchange import HttpResponse

MAX_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What a call may take: bytes of its body, and seconds from its first byte to its last."""

    body: int = 1024 * 1024
    call_s: float = 5.0


@dataclass(frozen=True, slots=True)
class LoopbackRequest:
    """One request; `path` is below the server's own, still percent-encoded, and header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


LoopbackHandler = Callable[[LoopbackRequest], Awaitable[HttpResponse]]


@asynccontextmanager
async def serve_loopback(answer: LoopbackHandler, bounds: RequestLimits = RequestLimits()) -> AsyncIterator[str]:
    """The URL of a server that lives as long as the block.

    Its path is random: another process of this machine that finds the port gets nothing from it.
    """
    prefix = f"/{secrets.token_urlsafe(24)}"
    callers = set[_LoopbackConnection]()

    def called() -> _LoopbackConnection:
        return _LoopbackConnection(prefix, answer, bounds, callers)

    server = await asyncio.get_running_loop().create_server(called, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{prefix}"
    finally:
        server.close()
        for caller in list(callers):
            caller.hang_up()


class _LoopbackConnection(asyncio.Protocol):
    """One connection, whose calls are answered one after the other; streams would take twice as long."""

    _transport: asyncio.Transport

    def __init__(
        self, prefix: str, answer: LoopbackHandler, bounds: RequestLimits, callers: set[_LoopbackConnection]
    ) -> None:
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
            call, size = _parse_request(self._received, self._bounds.body)
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

    async def _answered(self, call: LoopbackRequest) -> None:
        try:
            response = await self._said(call)
        except Exception:  # a call that nobody has thought of must not end the others
            response = HttpResponse(HTTPStatus.INTERNAL_SERVER_ERROR)
        self._transport.write(_encode_response(response))
        self._begin()

    async def _said(self, call: LoopbackRequest) -> HttpResponse:
        size = len(self._prefix)
        if not secrets.compare_digest(call.path[:size].encode(), self._prefix.encode()):
            return HttpResponse(HTTPStatus.FORBIDDEN)
        return await self._answer(LoopbackRequest(call.method, call.path[size:] or "/", call.headers, call.body))


def _parse_request(received: bytearray, largest_body: int) -> tuple[LoopbackRequest | None, int]:
    """The first call and its size, once it is there as a whole; raises ValueError for what is no call."""
    end = received.find(b"\r\n\r\n")
    if end < 0 and len(received) <= MAX_HEAD_BYTES:
        return None, 0
    first, *lines = received[: max(0, end)].decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= largest_body:
        raise ValueError("too large a body")
    size = end + 4 + length
    return (
        (LoopbackRequest(method, path, headers, bytes(received[end + 4 : size])), size)
        if len(received) >= size
        else (None, 0)
    )


def _encode_response(response: HttpResponse) -> bytes:
    headers = (*response.headers, ("content-length", str(len(response.body))))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = f"HTTP/1.1 {response.status:d} {HTTPStatus(response.status).phrase}\r\n{lines}\r\n"
    return head.encode("latin-1") + response.body


SECRET_REQUEST_LIMITS = RequestLimits(body=64 * 1024)
GET_VALUE_TARGET = "secretsmanager.getsecretvalue"
_SECRET_HEADERS = (("content-type", "application/x-amz-json-1.1"),)


@asynccontextmanager
async def serve_secrets(secrets: Mapping[str, str]) -> AsyncIterator[str]:
    """The URL of an endpoint that lives as long as the block; empty when there is nothing to answer."""
    if not secrets:
        yield ""
        return

    async def answered(call: LoopbackRequest) -> HttpResponse:
        status, value = _get_secret_value(call, secrets)
        return HttpResponse(status, _SECRET_HEADERS, json.dumps(value).encode())

    async with serve_loopback(answered, SECRET_REQUEST_LIMITS) as url:
        yield url


def _get_secret_value(call: LoopbackRequest, secrets: Mapping[str, str]) -> tuple[HTTPStatus, dict[str, Any]]:
    if call.path != "/" or call.headers.get("x-amz-target", "").lower() != GET_VALUE_TARGET:
        return HTTPStatus.FORBIDDEN, {"__type": "AccessDeniedException"}
    reference = json.loads(call.body).get("SecretId")
    if reference not in secrets:
        message = "Secrets Manager can't find the specified secret."
        return HTTPStatus.BAD_REQUEST, {"__type": "ResourceNotFoundException", "Message": message}
    value = {"ARN": reference, "Name": reference, "SecretString": secrets[reference]}
    return HTTPStatus.OK, value | {"VersionStages": ["AWSCURRENT"]}
