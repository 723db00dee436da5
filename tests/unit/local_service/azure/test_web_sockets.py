"""Permission and identity of the events that Web PubSub sends to apps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionPool
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.local_service.azure.deployed_web_socket_api import (
    DeployedWebSocketApi,
    ServicePrincipal,
    Webhook,
)
from semantest_iac.infrastructure.local_service.azure.web_sockets import Upstreams

SERVICE, APP, AUDIENCE = "x.webpubsub.azure.com", "app.example", "https://webpubsub.azure.com"
EVENT = HttpRequest("POST", "/events/connect", (), (("ce-type", "azure.webpubsub.sys.connect"),), b"{}")


class FakeApp:
    """Answers OPTIONS with a header, and events with 204."""

    def __init__(self, allowed: str = SERVICE, status: int = 200) -> None:
        self.events: list[Mapping[str, Any]] = []
        self.allowed = allowed
        self.status = status

    async def invoke(self, event: Mapping[str, Any]) -> Invocation:
        self.events.append(event)
        await asyncio.sleep(0)
        is_options = event["method"] == "OPTIONS"
        headers = {"WebHook-Allowed-Origin": self.allowed} if is_options and self.allowed else {}
        answer = {"status": self.status if is_options else 204, "headers": headers, "body": "", "cookies": []}
        return Invocation(answer, None, "", 0)

    def methods(self) -> list[str]:
        return [event["method"] for event in self.events]


def webhook(audience: str = AUDIENCE) -> Webhook:
    spec = FunctionSpec(Path(), "", "python3.13")
    return Webhook(spec, APP, "/events/{event}", (), frozenset({"connect"}), True, audience)


def upstreams_of(app: FakeApp, principal: str = "service") -> Upstreams:
    deployed_api = DeployedWebSocketApi(
        "semantest", SERVICE, True, (webhook(),), (), ServicePrincipal(principal, "tenant")
    )
    service = Upstreams(deployed_api, lambda invocation: None)
    service.pools[APP] = cast(FunctionPool, app)
    return service


class TestSend:
    async def test_asks_for_permission_once_before_the_first_of_many(self) -> None:
        app = FakeApp()
        service = upstreams_of(app)

        answers = await asyncio.gather(*(service.send(webhook(), EVENT) for _ in range(5)))
        assert ([answer.status for answer in answers], app.methods()) == ([204] * 5, ["OPTIONS", *["POST"] * 5])
        assert app.events[0]["headers"]["webhook-request-origin"] == SERVICE

    @pytest.mark.parametrize("allowed", ["*", SERVICE.upper()])
    async def test_accepts_every_form_of_permission(self, allowed: str) -> None:
        assert (await upstreams_of(FakeApp(allowed)).send(webhook(), EVENT)).status == 204

    @pytest.mark.parametrize(
        ("allowed", "status"), [("", 200), ("y.example", 200), (SERVICE, 404)], ids=["missing", "other", "refusal"]
    )
    async def test_sends_nothing_without_permission(self, allowed: str, status: int) -> None:
        app = FakeApp(allowed, status)

        assert (await upstreams_of(app).send(webhook(), EVENT)).status == 500
        assert app.methods() == ["OPTIONS"]

    async def test_asks_again_after_a_refusal(self) -> None:
        app = FakeApp("")
        service = upstreams_of(app)
        await service.send(webhook(), EVENT)
        app.allowed = SERVICE

        assert (await service.send(webhook(), EVENT)).status == 204

    async def test_sends_the_same_identity_with_each_event_and_none_before(self) -> None:
        app = FakeApp()
        service = upstreams_of(app)
        await service.send(webhook(), EVENT)
        await service.send(webhook(), EVENT)

        options, first, second = (event["headers"].get("authorization", "") for event in app.events)
        assert (options, first.startswith("Bearer "), first == second) == ("", True, True)

    @pytest.mark.parametrize(
        ("audience", "principal"), [("", "service"), (AUDIENCE, "")], ids=["no-audience", "no-principal"]
    )
    async def test_sends_no_identity_without_audience_or_principal(self, audience: str, principal: str) -> None:
        app = FakeApp()
        await upstreams_of(app, principal).send(webhook(audience), EVENT)

        assert "authorization" not in app.events[-1]["headers"]
