"""Gateways of both clouds before a backend that says what it received."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.local_service.aws import managed_gateway as aws
from semantest_iac.infrastructure.local_service.azure import managed_gateway as azure
from semantest_iac.infrastructure.local_service.gateway.answer_cache import AnswerCache
from semantest_iac.infrastructure.local_service.gateway.call_limits import CallLimits
from semantest_iac.infrastructure.local_service.gateway.enforcement import GatewayEnforcement
from semantest_iac.infrastructure.local_service.gateway.played_gateway import BackendUnreachableError, PlayedGateway
from semantest_iac.infrastructure.local_service.gateway.rules import (
    BackendKind,
    EnforcedApi,
    EnforcedProduct,
    EnforcedRoute,
    GatewayBackend,
    GatewayRefusal,
    GatewayRules,
    IssuedKey,
    RefusalReason,
)
from semantest_iac.infrastructure.local_service.tokens.issuer_keys import IssuerKeys
from tests.issuers import Issuer

CLOUDS: Mapping[str, Mapping[RefusalReason, GatewayRefusal]] = {"aws": aws.REFUSALS, "azure": azure.REFUSALS}
SERVICE = GatewayBackend(BackendKind.SERVICE, "orders-api")
ROUTES = {
    "GET /orders": EnforcedRoute("orders", SERVICE),
    "POST /orders": EnforcedRoute("orders", SERVICE),
    "GET /orders/{id}": EnforcedRoute("orders", SERVICE),
}
PRODUCT = EnforcedProduct("standard", frozenset({"orders"}))
KEYS = (IssuedKey("web", "key-of-web", "standard"), IssuedKey("mobile", "key-of-mobile", "standard"))
NOW = 1_800_000_000.0


class ManualClock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Backend:
    """What stands behind the gateway: it answers with what it received, and counts."""

    received: list[HttpRequest] = field(default_factory=list)
    status: int = 200
    delay_s: float = 0.0
    is_gone: bool = False

    async def send(self, backend: GatewayBackend, request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(self.delay_s)
        if self.is_gone:
            raise BackendUnreachableError(f"'{backend.target}' does not run.")
        self.received.append(request)
        body = json.dumps({"number": len(self.received), "path": request.path}).encode()
        return HttpResponse(self.status, (("content-type", "application/json"), ("x-powered-by", "us")), body)


@dataclass
class Gateway:
    """A gateway of one cloud, its backend and its time."""

    cloud: str
    rules: GatewayRules
    clock: ManualClock = field(default_factory=ManualClock)
    backend: Backend = field(default_factory=Backend)
    issuer: Issuer = field(default_factory=Issuer)

    def __post_init__(self) -> None:
        limits, cache = CallLimits(self.clock, self.clock), AnswerCache(self.clock)
        keys = IssuerKeys(self.issuer.fetch, self.clock)
        self.played = PlayedGateway(GatewayEnforcement(self.rules, limits, cache, self.clock, keys), self.backend.send)

    async def call(self, path: str = "/orders", method: str = "GET", **more: Any) -> HttpResponse:
        headers = tuple(more.pop("headers", {}).items())
        query = tuple(more.pop("query", {}).items())
        return (await self.played.answer(HttpRequest(method, path, query, headers, **more))).response

    async def statuses(self, calls: int, **more: Any) -> list[int]:
        return [answer.status for answer in await asyncio.gather(*(self.call(**more) for _ in range(calls)))]


def make_gateway(
    cloud: str, *, product: EnforcedProduct = PRODUCT, more: Mapping[str, Any] = {}, **api: Any
) -> Gateway:
    rules = GatewayRules(
        more.get("routes", ROUTES),
        {"orders": EnforcedApi("orders", **api), "users": EnforcedApi("users", needs_key=True)},
        CLOUDS[cloud],
        products={product.name: product},
        keys=KEYS,
        **{name: value for name, value in more.items() if name != "routes"},
    )
    return Gateway(cloud, rules)


def key_of(name: str) -> dict[str, str]:
    return {"X-Api-Key": f"key-of-{name}"}


def login_of(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
