"""Every case of the table on every cloud and in every language, through what `invoke` and what `serve` use."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http.client import HTTPResponse as ClientResponse
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from semantest_iac.domain.networking.http_exchange import BodyLimit, HttpRequest, HttpResponse, parse_query
from semantest_iac.domain.ports.service_probe import ProbeAnswer
from semantest_iac.infrastructure.local_service.warm_service import WarmService
from semantest_iac.presentation.gateway.launch import open_gateway
from tests.contract.http_service.conftest import Deploy
from tests.contract.http_service.deployments import FRONTENDS
from tests.contract.http_service.sources import KINDS_OF_FORMAT_2, SERVERS, SOURCES
from tests.contract.http_translation import TranslationCase, read_bytes, read_cases

pytestmark = pytest.mark.asyncio(loop_scope="module")
CASES = read_cases("http")
STACK = "rest-api.any.development.here"


@dataclass(frozen=True)
class ServedStack:
    """The services of a gateway: one stack."""

    warm: WarmService

    async def __aenter__(self) -> ServedStack:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def names(self) -> list[str]:
        return [STACK]

    async def takes_web_sockets(self, name: str) -> bool:
        return False

    async def connect(self, name: str, request: HttpRequest) -> int:
        raise AssertionError("an HTTP API")

    async def find_domain(self, host: str) -> str | None:
        return None

    async def body_limit(self, name: str) -> BodyLimit:
        return self.warm.body_limit

    async def call(self, name: str, request: HttpRequest, *, at_own_host: bool = False) -> ProbeAnswer:
        return await self.warm.call_with_failure_response(request)


@dataclass(frozen=True)
class CasedService:
    """One source on one cloud, by both ways to it."""

    provider: str
    kind: str
    warm: WarmService
    url: str

    async def invoke(self, case: TranslationCase) -> HttpResponse:
        request = case.given["request"]
        path, _, query = request["target"].partition("?")
        headers = tuple((name, read_bytes(value).decode()) for name, value in request.get("headers", ()))
        body = read_bytes(request.get("body", ""))
        sent = HttpRequest(request.get("method", "GET"), path, parse_query(query), headers, body, raw_query=query)
        return (await self.warm.call(sent)).response

    async def serve(self, case: TranslationCase) -> HttpResponse:
        return await asyncio.to_thread(exchange, self.url, case.given["request"])


def exchange(url: str, request: Mapping[str, Any]) -> HttpResponse:
    """Send a request byte by byte as the table has it."""
    method, body = request.get("method", "GET"), read_bytes(request.get("body", ""))
    lines = [f"{method} /{STACK}{request['target']} HTTP/1.1".encode(), b"Host: localhost", b"Connection: close"]
    lines += [name.encode() + b": " + read_bytes(value) for name, value in request.get("headers", ())]
    lines += [f"Content-Length: {len(body)}".encode()] if body else []
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        connection.sendall(b"\r\n".join([*lines, b"", b""]) + body)
        response = ClientResponse(connection, method=method)
        response.begin()
        headers = tuple((name.lower(), value) for name, value in response.getheaders())
        return HttpResponse(response.status, headers, response.read())


@asynccontextmanager
async def open_service(deploy: Deploy, provider: str, kind: str) -> AsyncIterator[CasedService]:
    frontend = await asyncio.to_thread(deploy, provider, kind, 29)
    async with (
        WarmService(frontend) as warm,
        open_gateway(ServedStack(warm), ("127.0.0.1", 0), lambda _: None) as url,
    ):
        yield CasedService(provider, kind, warm, url)


class OpenServices:
    """Opens each service when its first case comes, and closes the one before."""

    def __init__(self, deploy: Deploy) -> None:
        self._deploy = deploy
        self._exits = AsyncExitStack()
        self._open: dict[tuple[str, str], CasedService] = {}

    async def get(self, provider: str, kind: str) -> CasedService:
        if (provider, kind) not in self._open:
            await self.close()
            opening = open_service(self._deploy, provider, kind)
            self._open[provider, kind] = await self._exits.enter_async_context(opening)
        return self._open[provider, kind]

    async def close(self) -> None:
        self._open.clear()
        await self._exits.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def services(deploy: Deploy) -> AsyncIterator[OpenServices]:
    opened = OpenServices(deploy)
    yield opened
    await opened.close()


def find_differences(response: HttpResponse, expected: Mapping[str, Any]) -> list[str]:
    """Say where a response is not as expected."""
    headers, wanted = dict(response.headers), {"status": 200, **expected}
    found = [f"status {response.status}"] if response.status != wanted["status"] else []
    if "body" in wanted and response.body != read_bytes(wanted["body"]):
        found.append(f"body {response.body[:200]!r}")
    found += [f"{n}: {headers.get(n)}" for n, value in wanted.get("headers", {}).items() if headers.get(n) != value]
    found += [f"{name} is there" for name in wanted.get("absent_headers", ()) if name in headers]
    cookies = [value for name, value in response.headers if name == "set-cookie"]
    if "cookies" in wanted and cookies != wanted["cookies"]:
        found.append(f"cookies {cookies}")
    if "received" in wanted and not found:
        found += compare(json.loads(response.body), wanted["received"], "received")
    return found


def compare(actual: Any, expected: Any, place: str) -> list[str]:
    """Compare what is named in `expected`; mappings may hold more."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return [
            difference
            for key, value in expected.items()
            for difference in compare(actual.get(key), value, f"{place}.{key}")
        ]
    return [] if actual == expected else [f"{place} is {actual!r}, not {expected!r}"]


def runs(kind: str, case: TranslationCase) -> bool:
    """Applications in Python run the cases of a server in Node too: they see the same HTTP."""
    kinds = case.given.get("kinds", KINDS_OF_FORMAT_2)
    return kind in kinds or (kind in SERVERS and SERVERS[0] in kinds)


SERVICES = [(provider, kind) for provider in FRONTENDS for kind in SOURCES if kind != "bundled"]
PAIRS = [
    pytest.param(provider, kind, case, id=f"{provider}-{kind}-{case}")
    for provider, kind in SERVICES
    for case in CASES
    if runs(kind, case)
]


@pytest.mark.parametrize(("provider", "kind", "case"), PAIRS)
async def test_case(services: OpenServices, provider: str, kind: str, case: TranslationCase) -> None:
    expected, service = case.expected(provider, kind), await services.get(provider, kind)

    by_invoke, by_serve = await service.invoke(case), await service.serve(case)

    assert (find_differences(by_invoke, expected), find_differences(by_serve, expected)) == ([], [])
