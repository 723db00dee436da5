"""A gateway on a port of its own, before services that say what reached them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from semantest_iac.domain.errors import LedgerError, NotFoundError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import Answer
from semantest_iac.presentation.gateway.opening import opened
from semantest_iac.presentation.gateway.services import Entry

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
class FakeServices:
    """One stack, which answers as `respond` does."""

    respond: Callable[[HttpRequest], HttpResponse] = _echo
    notes: tuple[str, ...] = ()
    is_open: bool = False

    async def __aenter__(self) -> FakeServices:
        self.is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_open = False

    async def names(self) -> list[str]:
        """One."""
        return [STACK]

    async def call(self, name: str, request: HttpRequest) -> Answer:
        """The answer of that one."""
        if name == "broken":
            raise LedgerError("Cannot read the ledger.")
        if name != STACK:
            raise NotFoundError(f"No stack '{name}'.")
        return Answer(self.respond(request), notes=self.notes)


@dataclass
class World:
    """A client, the gateway's address and its log."""

    url: str
    client: aiohttp.ClientSession
    services: FakeServices
    entries: list[Entry] = field(default_factory=list)

    async def ask(self, method: str, path: str, **options: Any) -> tuple[aiohttp.ClientResponse, bytes]:
        """One request to the stack, or to what starts with two slashes."""
        url = f"{self.url}{path[1:]}" if path.startswith("//") else f"{self.url}/{STACK}{path}"
        async with self.client.request(method, url, **options) as response:
            return response, await response.read()

    async def seen(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """What the service was sent."""
        seen: dict[str, Any] = json.loads((await self.ask(method, path, **options))[1])
        return {**seen, "body": base64.b64decode(seen["body"])}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Open for one test."""
    services, entries = FakeServices(), list[Entry]()
    async with opened(services, ("127.0.0.1", 0), entries.append) as url, aiohttp.ClientSession() as client:
        yield World(url, client, services, entries)
