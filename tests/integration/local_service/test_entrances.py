"""Gateways and sites of stacks behind the HTTP server of `serve`, with deployments that change them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp
import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.domain.ports.service_probe import ServiceProbe
from semantest_iac.infrastructure.function_runtimes.loopback import LoopbackRequest, serve_loopback
from semantest_iac.infrastructure.local_service.aws import managed_gateway as aws
from semantest_iac.infrastructure.local_service.azure import managed_gateway as azure
from semantest_iac.infrastructure.local_service.entrances.stack_entrance import EntranceRules, StackEntrances
from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles
from semantest_iac.infrastructure.local_service.gateway.backends import BackendCalls
from semantest_iac.infrastructure.local_service.gateway.rules import (
    BackendKind,
    CallQuota,
    EnforcedApi,
    EnforcedProduct,
    EnforcedRoute,
    GatewayBackend,
    GatewayRefusal,
    GatewayRules,
    IssuedKey,
    RefusalReason,
)
from semantest_iac.infrastructure.local_service.local_services import LocalServices, Releases
from semantest_iac.infrastructure.local_service.sites.rules import ServedFile, SiteRules
from semantest_iac.presentation.gateway.launch import open_gateway

CLOUDS: Mapping[str, Mapping[RefusalReason, GatewayRefusal]] = {"aws": aws.REFUSALS, "azure": azure.REFUSALS}
REFUSED = {"aws": 429, "azure": 403}
KEY = {"x-api-key": "key-of-web"}
CALLS, ALLOWED, AT_ONCE = 5000, 1000, 50


@dataclass
class Deployed:
    """A stack that a test deploys, and the HTTP server that answers for it."""

    cloud: str
    folder: Path
    backend: str = ""
    url: str = ""
    releases: dict[str, str] = field(default_factory=dict)
    rules: EntranceRules | None = None
    received: list[LoopbackRequest] = field(default_factory=list)

    @property
    def stack(self) -> str:
        return f"platform.{self.cloud}.development.{'us-east-1' if self.cloud == 'aws' else 'eastus'}"

    @property
    def own_host(self) -> dict[str, str]:
        return {"host": f"{self.stack}.localhost:{self.url.rpartition(':')[2]}"}

    def deploy(self, release: str, gateway: GatewayRules | None = None, site: SiteRules | None = None) -> None:
        self.rules = EntranceRules(gateway, site)
        self.releases = {self.stack: release}
        (self.folder / "ledger.db").write_text(release)

    def make_gateway(self, quota: int) -> GatewayRules:
        return GatewayRules(
            {"ANY /orders/{rest+}": EnforcedRoute("orders", GatewayBackend(BackendKind.URL, self.backend), "/orders")},
            {"orders": EnforcedApi("orders", needs_key=True)},
            CLOUDS[self.cloud],
            products={"web": EnforcedProduct("web", frozenset({"orders"}), quota=CallQuota(quota))},
            keys=(IssuedKey("web", KEY["x-api-key"], "web"),),
        )

    async def find_rules(self, stack: Stack) -> EntranceRules | None:
        return self.rules

    async def answer(self, request: LoopbackRequest) -> HttpResponse:
        self.received.append(request)
        return HttpResponse(201, (("x-method", request.method),), request.path.encode() + request.body)


def find_no_probe(stack: Stack) -> ServiceProbe:
    raise NotFoundError(f"{stack} has no API.")


@pytest.fixture(params=list(CLOUDS))
async def deployed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Deployed]:
    world = Deployed(str(request.param), tmp_path)
    releases = Releases(lambda: dict(world.releases), tmp_path / "ledger.db")
    entrances = StackEntrances(world.find_rules, BackendCalls())
    services = LocalServices(releases, find_no_probe, FunctionLogFiles(tmp_path / "logs"), entrances=entrances)
    async with (
        serve_loopback(world.answer) as world.backend,
        open_gateway(services, ("127.0.0.1", 0), lambda _: None) as world.url,
    ):
        yield world


class TestGateways:
    async def test_let_exactly_the_allowed_number_of_5000_requests_pass(self, deployed: Deployed) -> None:
        deployed.deploy("one", deployed.make_gateway(ALLOWED))
        url, statuses, numbers = f"{deployed.url}/{deployed.stack}/orders/7", list[int](), iter(range(CALLS))

        async def send_all(client: aiohttp.ClientSession) -> None:
            for _ in numbers:
                async with client.get(url, headers=KEY) as answer:
                    statuses.append(answer.status)

        async with aiohttp.ClientSession() as client:
            await asyncio.gather(*(send_all(client) for _ in range(AT_ONCE)))

        assert Counter(statuses) == {201: ALLOWED, REFUSED[deployed.cloud]: CALLS - ALLOWED}
        assert len(deployed.received) == ALLOWED

    async def test_pass_on_the_whole_request(self, deployed: Deployed) -> None:
        deployed.deploy("one", deployed.make_gateway(10))
        url = f"{deployed.url}/{deployed.stack}/orders/a%20b?c=d"
        async with aiohttp.ClientSession() as client, client.put(url, headers=KEY, data=b"!" * 100_000) as answer:
            body = await answer.read()

        assert (answer.status, answer.headers["x-method"]) == (201, "PUT")
        assert body == b"/a%20b?c=d" + b"!" * 100_000

    async def test_count_on_after_a_deployment(self, deployed: Deployed) -> None:
        statuses = []
        async with aiohttp.ClientSession() as client:
            for release, timeout_s in (("one", 29), ("two", 28), ("three", 27)):
                deployed.deploy(release, replace(deployed.make_gateway(2), timeout_s=timeout_s))
                async with client.get(f"{deployed.url}/{deployed.stack}/orders/7", headers=KEY) as answer:
                    statuses.append(answer.status)

        assert statuses == [201, 201, REFUSED[deployed.cloud]]

    async def test_of_destroyed_stacks_are_gone(self, deployed: Deployed) -> None:
        deployed.deploy("one", deployed.make_gateway(2))
        async with aiohttp.ClientSession() as client:
            async with client.get(f"{deployed.url}/") as answer:
                before = json.loads(await answer.read())["stacks"]
            deployed.releases = {}
            (deployed.folder / "ledger.db").write_text("nothing")
            async with client.get(f"{deployed.url}/{deployed.stack}/orders/7", headers=KEY) as answer:
                after = answer.status

        assert ([it["stack"] for it in before], after) == ([deployed.stack], 404)


class TestSites:
    async def test_are_at_the_host_of_their_stack(self, deployed: Deployed) -> None:
        files = {"index.html": ServedFile(b"home", (("content-type", "text/html"),))}
        deployed.deploy("one", site=SiteRules(files, HttpResponse(404), HttpResponse(405), single_page=True))
        async with aiohttp.ClientSession() as client:
            async with client.get(f"{deployed.url}/orders/7", headers=deployed.own_host) as answer:
                page = (answer.status, answer.headers["content-type"], await answer.read())
            url = f"{deployed.url}/{deployed.stack}/orders/7"
            async with client.get(url, allow_redirects=False) as answer:
                redirect = (answer.status, answer.headers["location"])

        port = deployed.url.rpartition(":")[2]
        assert page == (200, "text/html", b"home")
        assert redirect == (307, f"http://{deployed.stack}.localhost:{port}/orders/7")

    async def test_change_with_a_deployment(self, deployed: Deployed) -> None:
        seen = []
        async with aiohttp.ClientSession() as client:
            for release in ("one", "two"):
                site = SiteRules({"index.html": ServedFile(release.encode())}, HttpResponse(404), HttpResponse(405))
                deployed.deploy(release, site=site)
                async with client.get(f"{deployed.url}/", headers=deployed.own_host) as answer:
                    seen.append(await answer.read())

        assert seen == [b"one", b"two"]
