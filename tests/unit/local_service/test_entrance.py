"""A stack's site at its own host, and its gateway below its name."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import ProbeAnswer
from semantest_iac.infrastructure.local_service.api_frontend import CorsRules
from semantest_iac.infrastructure.local_service.aws.managed_gateway import REFUSALS
from semantest_iac.infrastructure.local_service.entrances.stack_entrance import EntranceRules, StackEntrance
from semantest_iac.infrastructure.local_service.gateway.backends import BackendCalls
from semantest_iac.infrastructure.local_service.gateway.rules import (
    BackendKind,
    EnforcedApi,
    EnforcedRoute,
    GatewayBackend,
    GatewayRules,
)
from semantest_iac.infrastructure.local_service.sites.rules import ServedFile, SiteRules

STACK = "platform.aws.development.us-east-1"
SHARED, OWN = "localhost:4180", f"{STACK}.localhost:4180"
CLOUD_SITE, CLOUD_GATEWAY = "https://d111.cloudfront.net", "https://abc.execute-api.us-east-1.amazonaws.com"
CONFIG = json.dumps({"api": f"{CLOUD_GATEWAY}/live", "self": CLOUD_SITE}).encode()
SITE = SiteRules(
    {"index.html": ServedFile(b"home"), "config.json": ServedFile(CONFIG)},
    HttpResponse(404),
    HttpResponse(403),
    origins=(CLOUD_SITE,),
)
GATEWAY = GatewayRules(
    {"GET /orders": EnforcedRoute("orders", GatewayBackend(BackendKind.SERVICE, "orders-api"))},
    {"orders": EnforcedApi("orders", cors=CorsRules([CLOUD_SITE]))},
    REFUSALS,
    origin=CLOUD_GATEWAY,
)


async def answer_path(stack: str, backend: GatewayBackend, request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, (("x-backend", f"{stack} {backend.target}"),), request.path.encode())


async def ask(entrance: StackEntrance, path: str, host: str = SHARED, **headers: str) -> ProbeAnswer:
    sent = (("Host", host), *headers.items())
    return await entrance.answer(HttpRequest("GET", path, headers=sent), at_own_host=host == OWN)


def entrance_of(gateway: GatewayRules | None = GATEWAY, site: SiteRules | None = SITE, **more: Any) -> StackEntrance:
    return StackEntrance(STACK, EntranceRules(gateway, site), more.get("call_backend", answer_path))


class TestPlaces:
    async def test_of_site_and_gateway_differ(self) -> None:
        entrance = entrance_of()
        answers = [await ask(entrance, "/", OWN), await ask(entrance, "/orders")]

        assert [answer.response.body for answer in answers] == [b"home", b"/orders"]
        assert dict(answers[1].response.headers)["x-backend"] == f"{STACK} orders-api"

    async def test_of_a_gateway_alone_are_both(self) -> None:
        entrance = entrance_of(site=None)

        assert [(await ask(entrance, "/orders", host)).response.body for host in (SHARED, OWN)] == [b"/orders"] * 2

    async def test_of_a_site_alone_is_its_own_host(self) -> None:
        answer = await ask(entrance_of(gateway=None), "/help/")

        assert (answer.response.status, answer.response.headers) == (307, (("location", f"http://{OWN}/help/"),))

    @pytest.mark.parametrize("part", ["gateway", "site"])
    async def test_come_and_go_with_deployments(self, part: str) -> None:
        entrance = entrance_of(**{part: None})
        entrance.switch_to(EntranceRules(GATEWAY, SITE))
        both = [(await ask(entrance, path, host)).response.status for path, host in (("/", OWN), ("/orders", SHARED))]
        entrance.switch_to(EntranceRules(GATEWAY if part == "site" else None, SITE if part == "gateway" else None))

        assert both == [200, 200]
        assert (await ask(entrance, "/", OWN)).response.status == {"gateway": 200, "site": 403}[part]


class TestAddresses:
    async def test_of_the_cloud_are_those_of_this_machine(self) -> None:
        answer = await ask(entrance_of(), "/config.json", OWN)

        assert json.loads(answer.response.body) == {"api": f"http://{SHARED}/{STACK}/live", "self": f"http://{OWN}"}

    async def test_of_the_site_are_allowed_as_in_the_cloud(self) -> None:
        entrance = entrance_of()
        origins = (f"http://{OWN}", CLOUD_SITE, "http://other.localhost:4180")
        answers = [await ask(entrance, "/orders", origin=origin) for origin in origins]
        allowed = [dict(answer.response.headers).get("access-control-allow-origin") for answer in answers]

        assert allowed == [f"http://{OWN}", CLOUD_SITE, None]

    @pytest.mark.parametrize("allowed", [CLOUD_SITE, "https://app.example.org"])
    async def test_of_a_site_with_two_names_are_allowed_by_either(self, allowed: str) -> None:
        site = replace(SITE, origins=(CLOUD_SITE, "https://app.example.org"))
        gateway = replace(GATEWAY, apis={"orders": EnforcedApi("orders", cors=CorsRules([allowed]))})
        answer = await ask(entrance_of(gateway, site), "/orders", origin=f"http://{OWN}")

        assert dict(answer.response.headers)["access-control-allow-origin"] == f"http://{OWN}"


class TestBackends:
    async def test_that_nothing_runs_are_reported(self) -> None:
        answer = await ask(entrance_of(call_backend=BackendCalls()), "/orders")

        assert answer.response.status == 504
        assert answer.notes == (f"Service 'orders-api' of {STACK} does not run here.",)
