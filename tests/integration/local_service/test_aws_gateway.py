"""A gateway that the sandbox has deployed on AWS, as `serve` plays it: its rules are read from what is deployed."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.environments.settings import Authorizer, Cors
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.networking.managed_gateways import (
    GatewayApi,
    GatewayOperation,
    GatewayProduct,
    GatewaySubscription,
    HeaderRules,
    ManagedGateway,
    RequestQuota,
    RequestRate,
    ResponseCache,
)
from semantest_iac.domain.ports.provisioner import SettledResource, Work, ignore_progress
from semantest_iac.domain.resource import DeployedResource, Ref
from semantest_iac.infrastructure.local_service.aws.platform.deployed_gateway import read_gateway_rules
from semantest_iac.infrastructure.local_service.gateway.call_limits import CallLimits
from semantest_iac.infrastructure.local_service.gateway.enforcement import GatewayEnforcement
from semantest_iac.infrastructure.local_service.gateway.played_gateway import PlayedGateway
from semantest_iac.infrastructure.local_service.gateway.rules import BackendKind, GatewayBackend
from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_simulated_cloud
from tests.contract.kinds.lives import example_stack
from tests.kind_examples import shared

_APP = "https://app.example.org"
_ORDERS = GatewayApi(
    name="orders",
    path="/orders",
    url="https://orders.example.org/api",
    operations=(GatewayOperation("GET", "/", ("page",)), GatewayOperation("ANY", "/{id}")),
    needs_login=True,
    cache=ResponseCache(30, ("page",)),
    request_headers=HeaderRules(set=(("x-client", "gateway"),)),
    cors=Cors((_APP,), credentials=True),
)
_PRICES = GatewayApi(name="prices", path="/prices", url="https://prices.example.org", rate=RequestRate(5, 60))
_INSIDE = GatewayApi(
    name="inside", path="/inside", url="https://inside.example.org", needs_key=False, allowed_ips=("192.0.2.0/24",)
)
_TOKENS = GatewayApi(
    name="tokens",
    path="/tokens",
    url="https://tokens.example.org",
    needs_key=False,
    authorizer=Authorizer("https://login.example.org/", ("us",)),
)
_GATEWAY = ManagedGateway(
    name=Ref("gateway"),
    publisher_email="api@example.org",
    apis=(_ORDERS, _PRICES, _INSIDE, _TOKENS),
    products=(
        GatewayProduct("standard", ("orders",), RequestRate(10, 1), RequestQuota(12, "day")),
        GatewayProduct("all", ("orders", "prices")),
    ),
    subscriptions=(GatewaySubscription("web", "standard"), GatewaySubscription("partner", "all")),
    login_user="semantest",
    login_secret=shared.SECRET,
)
_PASSWORD = "correct horse: battery"


async def _discard(_: SettledResource) -> None:
    """Nobody listens for events."""


async def _deploy(folder: Path, gateway: ManagedGateway = _GATEWAY) -> Sequence[DeployedResource]:
    inventory = Inventory(folder / "cloud.db")

    def open_cloud(package: str, region: str) -> SimulatedCloud:
        return open_simulated_cloud(package, inventory, region=region)

    stack = example_stack("aws")
    engine = SandboxEngine(StateStore(folder / "sandbox"), open_cloud, lambda _, secret: _PASSWORD)
    work = Work("deployment", Blueprint(stack, 1, (shared.APP_SECRET, gateway), {}), None)
    await engine.apply(work, await engine.preview(work), _discard, ignore_progress)
    return await engine.read_deployed_resources(stack)


class _Caller:
    """A client of the gateway, and what stands behind it."""

    def __init__(self, resources: Sequence[DeployedResource]) -> None:
        rules = read_gateway_rules(resources)
        assert rules is not None
        self.rules = rules
        self.received: list[tuple[GatewayBackend, HttpRequest]] = []
        self.now = 1_800_000_000.0
        limits = CallLimits(lambda: self.now, lambda: self.now)
        self._played = PlayedGateway(GatewayEnforcement(rules, limits), self._answer)

    async def _answer(self, backend: GatewayBackend, request: HttpRequest) -> HttpResponse:
        self.received.append((backend, request))
        return HttpResponse(200, (("access-control-allow-origin", "https://own.example.org"),), b"hello")

    def key_of(self, subscription: str) -> dict[str, str]:
        return {"x-api-key": next(it.value for it in self.rules.keys if it.name == subscription)}

    async def call(
        self, path: str, headers: dict[str, str] | None = None, method: str = "GET", client: str = "198.51.100.7"
    ) -> HttpResponse:
        path, _, query = path.partition("?")
        pairs = tuple((name, value) for name, _, value in [query.partition("=")] if name)
        sent = tuple((headers or {}).items())
        request = HttpRequest(method, f"/live{path}", pairs, sent, client=client)
        return (await self._played.answer(request)).response


@pytest.fixture
async def caller(tmp_path: Path) -> _Caller:
    return _Caller(await _deploy(tmp_path))


def _login(text: str = f"semantest:{_PASSWORD}") -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


class TestRequests:
    async def test_reach_the_backend_without_the_path_of_the_api(self, caller: _Caller) -> None:
        answer = await caller.call("/orders/7", _login() | caller.key_of("web"), "POST")
        [(backend, request)] = caller.received

        assert answer.status == 200
        assert backend == GatewayBackend(BackendKind.URL, "https://orders.example.org")
        assert (request.method, request.path, request.header("x-client")) == ("POST", "/api/7", "gateway")
        assert (request.header("x-api-key"), request.header("authorization")) == ("-", "-")

    async def test_of_unknown_paths_are_told_so(self, caller: _Caller) -> None:
        statuses = [(await caller.call(path)).status for path in ("/", "/other", "/orders/7/lines")]

        assert statuses == [404, 404, 404]

    @pytest.mark.parametrize(
        ("headers", "status", "told"),
        [({}, 401, ("www-authenticate", 'Basic realm="gateway", Bearer')), (_login("semantest:wrong"), 401, None)],
    )
    async def test_need_the_login(
        self, caller: _Caller, headers: dict[str, str], status: int, told: tuple[str, str] | None
    ) -> None:
        answer = await caller.call("/orders", headers | caller.key_of("web"))

        assert answer.status == status
        assert json.loads(answer.body) == {"message": "Unauthorized"}
        assert told is None or told in answer.headers

    async def test_need_a_key_of_a_product_with_the_api(self, caller: _Caller) -> None:
        keys = [{}, {"x-api-key": "guessed"}, caller.key_of("web"), caller.key_of("partner")]

        assert [(await caller.call("/prices", key)).status for key in keys] == [401, 401, 429, 200]

    async def test_come_from_allowed_addresses(self, caller: _Caller) -> None:
        statuses = [(await caller.call("/inside/a", client=it)).status for it in ("192.0.2.7", "198.51.100.7")]

        assert statuses == [200, 403]

    async def test_need_a_token(self, caller: _Caller) -> None:
        assert (await caller.call("/tokens")).status == 401


class TestLimits:
    async def test_of_a_product_are_those_of_each_key(self, caller: _Caller) -> None:
        statuses = [(await caller.call(f"/orders/{i}", _login() | caller.key_of("web"))).status for i in range(15)]
        again = await caller.call("/orders/0", _login() | caller.key_of("partner"))

        assert Counter(statuses) == {200: 10, 429: 5}
        assert again.status == 200

    async def test_are_filled_again_until_the_quota_is_used(self, caller: _Caller) -> None:
        statuses: list[int] = []
        for number in range(30):
            caller.now += 1
            statuses.append((await caller.call(f"/orders/{number}", _login() | caller.key_of("web"))).status)

        assert Counter(statuses) == {200: 12, 429: 18}

    async def test_of_an_api_hold_for_each_method(self, caller: _Caller) -> None:
        key = caller.key_of("partner")
        answers = [await caller.call(path, key) for path in ("/prices",) * 8 + ("/prices/1",) * 8]

        assert Counter(answer.status for answer in answers) == {200: 10, 429: 6}
        assert ("retry-after", "12") in answers[7].headers


class TestAnswers:
    async def test_to_get_are_given_again_by_path_and_parameters(self, caller: _Caller) -> None:
        headers = _login() | caller.key_of("partner")
        for path in ("/orders", "/orders", "/orders?page=2", "/orders?other=2", "/orders/7", "/orders/7", "/orders/8"):
            await caller.call(path, headers)
        await caller.call("/orders/7", headers, "PUT")

        asked = [(request.method, request.path) for _, request in caller.received]
        assert asked == [("GET", "/api"), ("GET", "/api"), ("GET", "/api/7"), ("GET", "/api/8"), ("PUT", "/api/7")]

    async def test_to_preflights_are_those_of_the_gateway(self, caller: _Caller) -> None:
        headers = {"origin": _APP, "access-control-request-method": "GET"}
        answer = await caller.call("/orders", headers, "OPTIONS")

        assert (answer.status, caller.received) == (204, [])
        assert ("access-control-allow-origin", _APP) in answer.headers
        assert ("access-control-allow-credentials", "true") in answer.headers

    async def test_have_the_origin_that_the_service_allows(self, caller: _Caller) -> None:
        answer = await caller.call("/orders", {"origin": _APP} | _login() | caller.key_of("web"))

        assert ("access-control-allow-origin", "https://own.example.org") in answer.headers


class TestRules:
    async def test_are_those_of_the_newest_deployment(self, tmp_path: Path) -> None:
        rules = read_gateway_rules(await _deploy(tmp_path))
        changed = read_gateway_rules(
            await _deploy(tmp_path, replace(_GATEWAY, apis=(_INSIDE,), products=(), subscriptions=()))
        )

        assert rules is not None
        assert changed is not None
        assert [*changed.apis] == ["ANY /inside", "ANY /inside/{path+}"]
        assert (changed.keys, changed.base_path) == ((), "/live")
        assert rules.origin.startswith("https://")

    def test_are_none_without_a_gateway(self) -> None:
        assert read_gateway_rules([]) is None
