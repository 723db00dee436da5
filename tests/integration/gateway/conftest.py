"""A gateway on a port of its own, before services that say what reached them."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from semantest_iac.domain.errors import LedgerError, NotFoundError
from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import ProbeAnswer
from semantest_iac.presentation.gateway.launch import open_gateway
from semantest_iac.presentation.gateway.services import ClientSocket, RequestLogEntry

STACK = "rest-api.aws.development.us-east-1"


def _echo(request: HttpRequest) -> HttpResponse:
    seen = {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": request.headers,
        "body": base64.b64encode(request.body).decode(),
    }
    return HttpResponse(200, (("content-type", "application/json"),), json.dumps(seen).encode())


@dataclass
class FakeVisit:
    """Says again what it hears, and remembers how it ended."""

    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    line: ClientSocket | None = None
    heard: list[str] = field(default_factory=list)
    ending: asyncio.Future[tuple[int, str]] = field(default_factory=asyncio.Future)
    subprotocol: str = ""
    _last: float = field(default_factory=time.monotonic)

    def attach(self, channel: ClientSocket) -> None:
        """Keep it."""
        self.line, self._last = channel, time.monotonic()

    def time_left(self) -> float:
        """By its silence alone."""
        return self.limits.idle_s - (time.monotonic() - self._last)

    async def deliver(self, text: str) -> None:
        """Say it again."""
        self._last = time.monotonic()
        self.heard.append(text)
        if self.line:
            await self.line.send(text.encode())

    async def disconnect(self, code: int, reason: str) -> None:
        """Once."""
        self.ending.set_result((code, reason))


@dataclass
class FakeServices:
    """One stack, which answers as `respond` does."""

    respond: Callable[[HttpRequest], HttpResponse] = _echo
    notes: tuple[str, ...] = ()
    is_open: bool = False
    visit: FakeVisit | int = 500
    handshakes: list[HttpRequest] = field(default_factory=list)

    async def __aenter__(self) -> FakeServices:
        self.is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_open = False

    async def names(self) -> list[str]:
        """One."""
        return [STACK]

    async def connect(self, name: str, request: HttpRequest) -> FakeVisit | int:
        """The visit that the test has prepared."""
        if name != STACK:
            raise NotFoundError(f"No stack '{name}'.")
        self.handshakes.append(request)
        return self.visit

    async def call(self, name: str, request: HttpRequest) -> ProbeAnswer:
        """The answer of that one."""
        if name == "broken":
            raise LedgerError("Cannot read the ledger.")
        if name != STACK:
            raise NotFoundError(f"No stack '{name}'.")
        return ProbeAnswer(self.respond(request), notes=self.notes)


@dataclass
class World:
    """A client, the gateway's address and its log."""

    url: str
    client: aiohttp.ClientSession
    services: FakeServices
    entries: list[RequestLogEntry] = field(default_factory=list)

    async def ask(self, method: str, path: str, **options: Any) -> tuple[aiohttp.ClientResponse, bytes]:
        """One request to the stack, or to what starts with two slashes."""
        url = f"{self.url}{path[1:]}" if path.startswith("//") else f"{self.url}/{STACK}{path}"
        async with self.client.request(method, url, **options) as response:
            return response, await response.read()

    def talk(self, visit: FakeVisit | int, query: str = "", **options: Any) -> Any:
        """A connection, once it is entered, at which that visit is made."""
        self.services.visit = visit
        return self.client.ws_connect(f"{self.url}/{STACK}/{query}", **options)

    async def seen(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """What the service was sent."""
        seen: dict[str, Any] = json.loads((await self.ask(method, path, **options))[1])
        return {**seen, "body": base64.b64decode(seen["body"])}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Open for one test."""
    services, entries = FakeServices(), list[RequestLogEntry]()
    async with open_gateway(services, ("127.0.0.1", 0), entries.append) as url, aiohttp.ClientSession() as client:
        yield World(url, client, services, entries)
