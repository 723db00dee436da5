"""A gateway on a free port, with fake services that return what they received."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from semantest_iac.domain.errors import LedgerError, NotFoundError
from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.domain.networking.http_exchange import BodyLimit, HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import ProbeAnswer
from semantest_iac.presentation.gateway.launch import open_gateway
from semantest_iac.presentation.gateway.services import ClientSocket
from semantest_iac.presentation.request_log import RequestLogEntry

STACK = "rest-api.aws.development.us-east-1"


LIMIT = BodyLimit(1_000_000, HttpResponse(413, (("x-cloud", "aws"),), b"too large"))


def read_body(request: HttpRequest) -> bytes:
    return Path(request.stored_body.path).read_bytes() if request.stored_body else request.body


def _echo_request(request: HttpRequest) -> HttpResponse:
    received = {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": request.headers,
        "body": base64.b64encode(read_body(request)).decode(),
    }
    return HttpResponse(200, (("content-type", "application/json"),), json.dumps(received).encode())


@dataclass
class FakeConnection:
    """Echoes messages and records how the connection ended."""

    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    socket: ClientSocket | None = None
    received: list[str] = field(default_factory=list)
    closed: asyncio.Future[tuple[int, str]] = field(default_factory=asyncio.Future)
    subprotocol: str = ""
    _last: float = field(default_factory=time.monotonic)

    def attach(self, channel: ClientSocket) -> None:
        self.socket, self._last = channel, time.monotonic()

    def time_left_s(self) -> float:
        return self.limits.idle_s - (time.monotonic() - self._last)

    async def deliver(self, text: str) -> None:
        self._last = time.monotonic()
        self.received.append(text)
        if self.socket:
            await self.socket.send(text.encode())

    async def disconnect(self, code: int, reason: str) -> None:
        self.closed.set_result((code, reason))


@dataclass
class FakeServices:
    """One stack, answered by `respond`."""

    respond: Callable[[HttpRequest], HttpResponse] = _echo_request
    notes: tuple[str, ...] = ()
    is_open: bool = False
    connection: FakeConnection | int = 500
    handshakes: list[HttpRequest] = field(default_factory=list)
    answered: asyncio.Event | None = None  # what calls wait for
    limit: BodyLimit = LIMIT
    own_hosts: list[bool] = field(default_factory=list)  # whether a call came by the stack's own host
    domains: dict[str, str] = field(default_factory=dict)
    stored: list[bool] = field(default_factory=list)  # whether the body of a call was in a file

    async def __aenter__(self) -> FakeServices:
        self.is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_open = False

    async def names(self) -> list[str]:
        return [STACK]

    async def takes_web_sockets(self, name: str) -> bool:
        return True

    async def connect(self, name: str, request: HttpRequest) -> FakeConnection | int:
        if name != STACK:
            raise NotFoundError(f"No stack '{name}'.")
        self.handshakes.append(request)
        return self.connection

    async def find_domain(self, host: str) -> str | None:
        return self.domains.get(host)

    async def body_limit(self, name: str) -> BodyLimit:
        return self.limit

    async def call(self, name: str, request: HttpRequest, *, at_own_host: bool = False) -> ProbeAnswer:
        self.own_hosts.append(at_own_host)
        if name == "broken":
            raise LedgerError("Cannot read the ledger.")
        if name != STACK:
            raise NotFoundError(f"No stack '{name}'.")
        if self.answered:
            await self.answered.wait()
        if request.method == "POST":
            self.stored.append(request.stored_body is not None)
        return ProbeAnswer(self.respond(request), notes=self.notes)


@dataclass
class World:
    """A running gateway, a client and the request log."""

    url: str
    client: aiohttp.ClientSession
    services: FakeServices
    entries: list[RequestLogEntry] = field(default_factory=list)

    async def request(self, method: str, path: str, **options: Any) -> tuple[aiohttp.ClientResponse, bytes]:
        """Send a request to the stack; a path with two slashes is not below the stack."""
        url = f"{self.url}{path[1:]}" if path.startswith("//") else f"{self.url}/{STACK}{path}"
        async with self.client.request(method, url, **options) as response:
            return response, await response.read()

    def connect(self, connection: FakeConnection | int, query: str = "", **options: Any) -> Any:
        """Connect a WebSocket; the service answers with this connection, or refuses with this status."""
        self.services.connection = connection
        return self.client.ws_connect(f"{self.url}/{STACK}/{query}", **options)

    async def echoed(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Return the request that the service received."""
        seen: dict[str, Any] = json.loads((await self.request(method, path, **options))[1])
        return {**seen, "body": base64.b64decode(seen["body"])}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    services, entries = FakeServices(), list[RequestLogEntry]()
    async with open_gateway(services, ("127.0.0.1", 0), entries.append) as url, aiohttp.ClientSession() as client:
        yield World(url, client, services, entries)
