"""Every case of the table on every cloud and in every language, through what `invoke` and what `serve` use."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.client import HTTPResponse as ClientResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, parse_query
from semantest_iac.domain.ports.service_probe import ProbeAnswer
from semantest_iac.infrastructure.local_service.warm_service import WarmService
from semantest_iac.presentation.gateway.launch import open_gateway
from tests.contract.http_service.conftest import Deploy
from tests.contract.http_service.deployments import FRONTENDS
from tests.contract.http_service.sources import KINDS_OF_FORMAT_2, SERVERS, SOURCES
from tests.contract.http_translation import CLOUDS, TranslationCase, list_unsettled, read_bytes, read_cases

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

    async def connect(self, name: str, request: HttpRequest) -> int:
        raise AssertionError("an HTTP API")

    async def call(self, name: str, request: HttpRequest) -> ProbeAnswer:
        return await self.warm.call_as_client(request)


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
    lines = [f"{method} /{STACK}{request['target']} HTTP/1.1".encode(), b"Host: x", b"Connection: close"]
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cased_service(request: pytest.FixtureRequest, deploy: Deploy) -> AsyncIterator[CasedService]:
    async with open_service(deploy, *request.param) as service:
        yield service


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
    pytest.param(service, case, id=f"{'-'.join(service)}-{case}")
    for service in SERVICES
    for case in CASES
    if runs(service[1], case)
]


@pytest.mark.parametrize(("cased_service", "case"), PAIRS, indirect=["cased_service"])
async def test_case(cased_service: CasedService, case: TranslationCase) -> None:
    expected = case.expected(cased_service.provider, cased_service.kind)

    by_invoke, by_serve = await cased_service.invoke(case), await cased_service.serve(case)

    assert (find_differences(by_invoke, expected), find_differences(by_serve, expected)) == ([], [])


def test_every_case_has_an_id_of_its_own_and_a_source_for_each_cloud() -> None:
    cases = [*CASES, *read_cases("web_socket")]
    without = [
        case.id for case in cases if not {"all"} <= {*case.given["source"]} and {*case.given["source"]} != {*CLOUDS}
    ]

    assert (without, len({case.id for case in cases})) == ([], len(cases))


def test_the_documentation_lists_what_only_an_account_can_settle() -> None:
    """After a change of the table, replace the list at the end of docs/gateway.md with these lines."""
    heading = "## Not settled without an account\n"
    written = Path("docs/gateway.md").read_text(encoding="utf-8").partition(heading)[2]

    assert [line for line in written.splitlines() if line.startswith("- ")] == [*list_unsettled()]
