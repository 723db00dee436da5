"""What apps are asked before they are sent an event, and what they are shown with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionPool
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.local_service.azure.web_socket_plan import ServicePrincipal, Webhook, WebSocketPlan
from semantest_iac.infrastructure.local_service.azure.web_sockets import Upstreams

SERVICE, APP, AUDIENCE = "x.webpubsub.azure.com", "app.example", "https://webpubsub.azure.com"
EVENT = HttpRequest("POST", "/events/connect", (), (("ce-type", "azure.webpubsub.sys.connect"),), b"{}")


class FakeApp:
    """Answers OPTIONS with a header, and events with 204."""

    def __init__(self, allowed: str = SERVICE, status: int = 200) -> None:
        self.heard: list[Mapping[str, Any]] = []
        self.allowed = allowed
        self.status = status

    async def invoke(self, event: Mapping[str, Any]) -> Invocation:
        """One request."""
        self.heard.append(event)
        await asyncio.sleep(0)
        is_asked = event["method"] == "OPTIONS"
        headers = {"WebHook-Allowed-Origin": self.allowed} if is_asked and self.allowed else {}
        answer = {"status": self.status if is_asked else 204, "headers": headers, "body": "", "cookies": []}
        return Invocation(answer, None, "", 0)

    def methods(self) -> list[str]:
        """Of all that was heard."""
        return [event["method"] for event in self.heard]


def webhook(audience: str = AUDIENCE) -> Webhook:
    spec = FunctionSpec(Path(), "", "python3.13")
    return Webhook(spec, APP, "/events/{event}", (), frozenset({"connect"}), True, audience)


def upstreams(app: FakeApp, principal: str = "me") -> Upstreams:
    plan = WebSocketPlan("semantest", SERVICE, True, (webhook(),), (), ServicePrincipal(principal, "tenant"))
    made = Upstreams(plan, lambda invocation: None)
    made.pools[APP] = cast(FunctionPool, app)
    return made


class TestSend:
    async def test_asks_once_before_the_first_of_many(self) -> None:
        app = FakeApp()
        service = upstreams(app)

        answers = await asyncio.gather(*(service.send(webhook(), EVENT) for _ in range(5)))
        assert ([answer.status for answer in answers], app.methods()) == ([204] * 5, ["OPTIONS", *["POST"] * 5])
        assert app.heard[0]["headers"]["webhook-request-origin"] == SERVICE

    @pytest.mark.parametrize("allowed", ["*", SERVICE.upper()])
    async def test_takes_every_form_of_a_yes(self, allowed: str) -> None:
        assert (await upstreams(FakeApp(allowed)).send(webhook(), EVENT)).status == 204

    @pytest.mark.parametrize(
        ("allowed", "status"), [("", 200), ("y.example", 200), (SERVICE, 404)], ids=["silence", "other", "refusal"]
    )
    async def test_sends_nothing_to_who_does_not_want_it(self, allowed: str, status: int) -> None:
        app = FakeApp(allowed, status)

        assert (await upstreams(app).send(webhook(), EVENT)).status == 500
        assert app.methods() == ["OPTIONS"]

    async def test_asks_again_who_did_not_want_it(self) -> None:
        app = FakeApp("")
        service = upstreams(app)
        await service.send(webhook(), EVENT)
        app.allowed = SERVICE

        assert (await service.send(webhook(), EVENT)).status == 204

    async def test_shows_the_same_identity_with_each_event_and_none_before(self) -> None:
        app = FakeApp()
        service = upstreams(app)
        await service.send(webhook(), EVENT)
        await service.send(webhook(), EVENT)

        asked, first, second = (event["headers"].get("authorization", "") for event in app.heard)
        assert (asked, first.startswith("Bearer "), first == second) == ("", True, True)

    @pytest.mark.parametrize(("audience", "principal"), [("", "me"), (AUDIENCE, "")], ids=["unasked", "nobody"])
    async def test_shows_nothing_where_nothing_is_asked_or_there(self, audience: str, principal: str) -> None:
        app = FakeApp()
        await upstreams(app, principal).send(webhook(audience), EVENT)

        assert "authorization" not in app.heard[-1]["headers"]
