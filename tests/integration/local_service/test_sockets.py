"""What WebSocket APIs of both clouds do for what carries their connections."""

from __future__ import annotations

import asyncio
from pathlib import Path

from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.local_service.web_socket_service import SWITCHING_PROTOCOLS, Handshake
from tests.integration.local_service.clients import Memory
from tests.integration.local_service.conftest import GUARDED, PAGE, SECRET, Deployed, token

HANDSHAKES = {
    "good": (token(), SWITCHING_PROTOCOLS),
    "of our page": (token(SECRET, ("Origin", PAGE)), SWITCHING_PROTOCOLS),
    "none": (Handshake(), 401),
    "of another signature": (token("another secret"), 401),
    "of another issuer": (token(iss="them"), 401),
    "over": (token(exp=1), 401),
    "of another page": (token(SECRET, ("Origin", "https://evil.example.org")), 403),
}


class TestBundledService:
    async def test_carries_a_request_to_an_extension_and_its_answer_back(
        self, deployed: Deployed, clients: Memory
    ) -> None:
        async with deployed() as service:
            assert [await service.connect(id, Handshake()) for id in ("c", "e")] == [SWITCHING_PROTOCOLS] * 2
            for id, text in (
                ("c", '{"type": "authenticate", "clientType": "cli"}'),
                ("e", '{"type": "authenticate", "clientType": "extension"}'),
                ("c", '{"type": "ImageGenerationRequestedEvent", "requestId": "r1", "prompt": "x"}'),
                ("e", '{"type": "image_generated", "requestId": "r1", "url": "u"}'),
            ):
                assert await service.receive(id, text)

        assert clients.types("e") == ["welcome", "authentication_success", "generate_image"]
        assert clients.heard["c"][-1] == {"type": "image_generated", "requestId": "r1", "url": "u"}

    async def test_loses_and_doubles_nothing_under_many_at_once(self, deployed: Deployed, clients: Memory) -> None:
        section = {"throttling": {"rate": 10000, "burst": 10000}}
        async with deployed(**section) as service:
            await asyncio.gather(*(service.connect(str(number), Handshake()) for number in range(20)))
            heartbeats = [service.receive(str(number % 20), '{"type": "ping"}') for number in range(200)]
            assert all(await asyncio.gather(*heartbeats))

        heard = [clients.types(str(number)) for number in range(20)]
        assert all(sorted(types) == ["pong"] * 10 + ["welcome"] for types in heard)

    async def test_finds_its_connections_again_after_a_redeployment(self, deployed: Deployed, clients: Memory) -> None:
        async with deployed() as service:
            await service.connect("e", Handshake())
            await service.receive("e", '{"type": "authenticate", "clientType": "extension"}')

        async with deployed(memory=512) as service:
            await service.connect("c", Handshake())
            await service.receive("c", '{"type": "authenticate", "clientType": "cli"}')
            await service.receive("c", '{"type": "ImageGenerationRequestedEvent", "requestId": "r1"}')
        assert clients.types("e")[-1] == "generate_image"

    async def test_passes_by_an_extension_that_is_gone_unseen(self, deployed: Deployed, clients: Memory) -> None:
        async with deployed() as service:
            for id, kind in (("c", "cli"), ("e", "extension")):
                await service.connect(id, Handshake())
                await service.receive(id, f'{{"type": "authenticate", "clientType": "{kind}"}}')
            await clients.close("e")
            await service.receive("c", '{"type": "ImageGenerationRequestedEvent", "requestId": "r1"}')

        assert clients.heard["c"][-1]["message"] == "No extension available"


class TestGuard:
    async def test_lets_in_by_token_and_page(self, deployed: Deployed) -> None:
        async with deployed(**GUARDED) as service:
            statuses = {who: await service.connect(who, handshake) for who, (handshake, _) in HANDSHAKES.items()}

        assert statuses == {who: status for who, (_, status) in HANDSHAKES.items()}

    async def test_tells_the_service_what_the_token_says(self, deployed: Deployed, clients: Memory) -> None:
        async with deployed(**GUARDED) as service:
            await service.connect("a", token(clientType="cli"))
            await service.receive("a", '{"type": "authenticate", "clientType": "extension"}')

        assert "The token is not one" in clients.heard["a"][-1]["message"]

    async def test_keeps_the_secret_from_every_log(self, deployed: Deployed, logs: list[Invocation]) -> None:
        async with deployed(**GUARDED) as service:
            await service.connect("a", token())

        assert logs
        assert not any(SECRET in str(invocation) for invocation in logs)

    async def test_may_be_put_before_a_service_that_runs(self, deployed: Deployed) -> None:
        async with deployed() as service:
            assert await service.connect("a", Handshake()) == SWITCHING_PROTOCOLS

        async with deployed(**GUARDED) as service:
            assert await service.connect("b", Handshake()) == 401


class TestVerification:
    async def test_brings_the_version_before_back_where_a_new_one_takes_no_message(
        self, home: Path, stack: Stack, tmp_path: Path
    ) -> None:
        (tmp_path / "app.py").write_text(
            "def handler(event, _):\n    return {'statusCode': 200 // ('body' not in event)}"
        )
        cases = Application(home).deployments({})
        good = await cases.deploy(stack, {})

        section = {"source": str(tmp_path), "handler": "app.handler"}
        bad = await cases.deploy(stack, {"components": {"websocket": section}})
        assert (good.state, bad.state) == ("completed", "rolled_back")
        assert "a connection ended with 500" in str(bad.error)
