"""Stacks with gateways and sites that a test deploys by rules, behind the HTTP server of `serve`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
from semantest_iac.infrastructure.local_service.sites.rules import SiteRules
from semantest_iac.presentation.gateway.launch import open_gateway

CLOUDS: Mapping[str, Mapping[RefusalReason, GatewayRefusal]] = {"aws": aws.REFUSALS, "azure": azure.REFUSALS}
REFUSED = {"aws": 429, "azure": 403}
KEY = {"x-api-key": "key-of-web"}
API = EnforcedApi("orders", needs_key=True)


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

    def make_gateway(self, quota: int, api: EnforcedApi = API, **more: Any) -> GatewayRules:
        return GatewayRules(
            {"ANY /orders/{rest+}": EnforcedRoute("orders", GatewayBackend(BackendKind.URL, self.backend), "/orders")},
            {"orders": api},
            CLOUDS[self.cloud],
            products={"web": EnforcedProduct("web", frozenset({"orders"}), quota=CallQuota(quota))},
            keys=(IssuedKey("web", KEY["x-api-key"], "web"),),
            **more,
        )

    async def find_rules(self, stack: Stack) -> EntranceRules | None:
        return self.rules

    async def answer(self, request: LoopbackRequest) -> HttpResponse:
        self.received.append(request)
        return HttpResponse(201, (("x-method", request.method),), request.path.encode() + request.body)


def find_no_probe(stack: Stack) -> ServiceProbe:
    raise NotFoundError(f"{stack} has no API.")


@asynccontextmanager
async def serve_entrances(cloud: str, folder: Path) -> AsyncIterator[Deployed]:
    """Serve one stack of a cloud as long as the block."""
    world = Deployed(cloud, folder)
    releases = Releases(lambda: dict(world.releases), folder / "ledger.db")
    entrances = StackEntrances(world.find_rules, BackendCalls())
    services = LocalServices(releases, find_no_probe, FunctionLogFiles(folder / "logs"), entrances=entrances)
    async with (
        serve_loopback(world.answer) as world.backend,
        open_gateway(services, ("127.0.0.1", 0), lambda _: None) as world.url,
    ):
        yield world
