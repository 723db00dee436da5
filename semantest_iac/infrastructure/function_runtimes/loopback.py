"""Serves HTTP on the loopback for local functions that would otherwise call a cloud, Secrets Manager included."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.client import responses
from typing import Any
from urllib.parse import urlsplit

from semantest_iac.domain.networking.http_exchange import HEADER_NAME, HttpResponse

MAX_HEAD_BYTES = 64 * 1024
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
_JOINTS = {"cookie": "; "}
"""What joins the values of a header that is there twice; a comma joins all others (RFC 9110, 5.2)."""
GET_VALUE_TARGET = "secretsmanager.getsecretvalue"
_SECRET_HEADERS = (("content-type", "application/x-amz-json-1.1"),)


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """The bytes of a request's body, and the seconds from its first byte to its last."""

    body_bytes: int = 1024 * 1024
    request_s: float = 5.0


@dataclass(frozen=True, slots=True)
class LoopbackRequest:
    """A request; `path` is below the server's prefix and percent-encoded, and header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


LoopbackHandler = Callable[[LoopbackRequest], Awaitable[HttpResponse]]


@asynccontextmanager
async def serve_loopback(
    handler: LoopbackHandler,
    limits: RequestLimits = RequestLimits(),
    *,
    port: int = 0,
    has_secret_path: bool = True,
) -> AsyncIterator[str]:
    """Yield the URL of a server that runs as long as the block, at a free port if this one is taken.

    Its path is random: another process of this machine that finds the port gets no answer from it. Without a secret
    path, all of this machine may call it.
    """
    prefix = f"/{secrets.token_urlsafe(24)}" if has_secret_path else ""
    connections = set[_LoopbackConnection]()

    def create_connection() -> _LoopbackConnection:
        return _LoopbackConnection(prefix, handler, limits, connections)

    server = await _listen(create_connection, port)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{prefix}"
    finally:
        server.close()
        for connection in list(connections):
            connection.close()


async def _listen(create_connection: Callable[[], asyncio.Protocol], port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(create_connection, "127.0.0.1", port)
    except OSError:
        if not port:
            raise
        return await loop.create_server(create_connection, "127.0.0.1", 0)


class _BodyTooLargeError(Exception):
    """The body of a request is larger than the server takes."""


class _LoopbackConnection(asyncio.Protocol):
    """A connection that answers its requests one after the other; asyncio's streams would take twice as long."""

    _transport: asyncio.Transport

    def __init__(
        self, prefix: str, handler: LoopbackHandler, limits: RequestLimits, connections: set[_LoopbackConnection]
    ) -> None:
        self._prefix = prefix
        self._handler = handler
        self._limits = limits
        self._connections = connections
        self._received = bytearray()
        self._response_task: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - that of a TCP server
        self._transport = transport
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._response_task is None:
            self._handle_next()

    def connection_lost(self, reason: Exception | None) -> None:
        self._connections.discard(self)
        self._set_deadline(is_waiting=False)
        if self._response_task:
            self._response_task.cancel()

    def close(self) -> None:
        self._transport.close()

    def _handle_next(self) -> None:
        try:
            request, size = _parse_request(self._received, self._limits.body_bytes)
        except _BodyTooLargeError:
            self._transport.write(_encode_response(HttpResponse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)))
            self.close()
            return
        except ValueError:
            self.close()
            return
        del self._received[:size]
        self._set_deadline(is_waiting=bool(self._received) and request is None)
        self._response_task = asyncio.create_task(self._respond(request)) if request else None

    def _set_deadline(self, *, is_waiting: bool) -> None:
        """Close the connection if a started request is not complete in time."""
        if is_waiting and self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(self._limits.request_s, self.close)
        if self._deadline and not is_waiting:
            self._deadline.cancel()
            self._deadline = None

    async def _respond(self, request: LoopbackRequest) -> None:
        try:
            answer = _encode_response(await self._authorize_and_handle(request))
        except Exception:  # an unexpected error must not end other requests
            answer = _encode_response(HttpResponse(HTTPStatus.INTERNAL_SERVER_ERROR))
        self._transport.write(answer)
        self._handle_next()

    async def _authorize_and_handle(self, request: LoopbackRequest) -> HttpResponse:
        size = len(self._prefix)
        if not secrets.compare_digest(request.path[:size].encode(), self._prefix.encode()):
            return HttpResponse(HTTPStatus.FORBIDDEN)
        return await self._handler(replace(request, path=request.path[size:] or "/"))


def _parse_request(received: bytearray, largest_body: int) -> tuple[LoopbackRequest | None, int]:
    """Return the first complete request and its size, or None; raises ValueError for a malformed one."""
    end = received.find(b"\r\n\r\n")
    if end < 0 and len(received) <= MAX_HEAD_BYTES:
        return None, 0
    first, *lines = received[: max(0, end)].decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = _parse_headers(lines)
    found = _find_body(received, end + 4, headers.get("content-length", "0"), largest_body)
    if found is None:
        return None, 0
    body, size = found
    return LoopbackRequest(method, path, headers, body), size


def _parse_headers(lines: Sequence[str]) -> dict[str, str]:
    """Return the headers by name; raises ValueError for what two readers could take for two requests.

    Source: RFC 9112, 5.1 (no space before the colon), 5.2 (no folded lines) and 6.3 (one way to find the length).
    """
    headers: dict[str, str] = {}
    for name, _, value in (line.partition(":") for line in lines):
        if not HEADER_NAME.fullmatch(name):
            raise ValueError("a header has no name")
        key, text = name.lower(), value.strip()
        headers[key] = f"{headers[key]}{_JOINTS.get(key, ', ')}{text}" if key in headers else text
    if "transfer-encoding" in headers:
        raise ValueError("the body has no length")
    return headers


def _find_body(received: bytearray, start: int, length: str, largest: int) -> tuple[bytes, int] | None:
    """Return a body of this length and where it ends; None for one that is not complete."""
    if not _LENGTH.fullmatch(length):
        raise ValueError("a body has no length")
    if int(length) > largest:
        raise _BodyTooLargeError
    end = start + int(length)
    return (bytes(received[start:end]), end) if len(received) >= end else None


def _encode_response(response: HttpResponse) -> bytes:
    headers = (*response.headers, ("content-length", str(len(response.body))))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = f"HTTP/1.1 {response.status:d} {responses.get(response.status, '')}\r\n{lines}\r\n"
    return head.encode("latin-1") + response.body


def names_this_machine(host: str) -> bool:
    """Whether a request with this host has a name of this machine, or none, and not another one that leads here."""
    try:
        return urlsplit(f"//{host or 'localhost'}").hostname in _LOOPBACK_NAMES
    except ValueError:
        return False


def is_from_page(origin: str, fetch_site: str) -> bool:
    """Whether a page in a browser sent a request with these headers: of images and scripts it tells no origin."""
    return bool(origin) or fetch_site not in ("", "none")


SECRET_REQUEST_LIMITS = RequestLimits(body_bytes=64 * 1024)


@asynccontextmanager
async def serve_secrets(values: Mapping[str, str]) -> AsyncIterator[str]:
    """Yield the URL of a GetSecretValue endpoint for the secrets of one function; empty without secrets."""
    if not values:
        yield ""
        return

    async def answer_request(request: LoopbackRequest) -> HttpResponse:
        status, value = _get_secret_value(request, values)
        return HttpResponse(status, _SECRET_HEADERS, json.dumps(value).encode())

    async with serve_loopback(answer_request, SECRET_REQUEST_LIMITS) as url:
        yield url


def _get_secret_value(request: LoopbackRequest, values: Mapping[str, str]) -> tuple[HTTPStatus, dict[str, Any]]:
    if request.path != "/" or request.headers.get("x-amz-target", "").lower() != GET_VALUE_TARGET:
        return HTTPStatus.FORBIDDEN, {"__type": "AccessDeniedException"}
    reference = json.loads(request.body).get("SecretId")
    if reference not in values:
        message = "Secrets Manager can't find the specified secret."
        return HTTPStatus.BAD_REQUEST, {"__type": "ResourceNotFoundException", "Message": message}
    value = {"ARN": reference, "Name": reference, "SecretString": values[reference]}
    return HTTPStatus.OK, value | {"VersionStages": ["AWSCURRENT"]}
