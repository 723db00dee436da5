"""WebSocket APIs of both clouds, through the interface that the gateway uses."""

from __future__ import annotations

import asyncio
from pathlib import Path

from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.local_service.web_socket_service import SWITCHING_PROTOCOLS, Handshake
from tests.integration.local_service.clients import MemoryClients
from tests.integration.local_service.conftest import ALLOWED_ORIGIN, AUTHORIZED, SECRET, DeployWebSocket, token

HANDSHAKES = {
    "good": (token(), SWITCHING_PROTOCOLS),
    "of our page": (token(SECRET, ("Origin", ALLOWED_ORIGIN)), SWITCHING_PROTOCOLS),
    "none": (Handshake(), 401),
    "of another signature": (token("another secret"), 401),
    "of another issuer": (token(iss="them"), 401),
    "over": (token(exp=1), 401),
    "of another page": (token(SECRET, ("Origin", "https://evil.example.org")), 403),
}


class TestBundledService:
    async def test_carries_a_request_to_an_extension_and_its_answer_back(
        self, deploy: DeployWebSocket, clients: MemoryClients
    ) -> None:
        async with deploy() as service:
            assert [await service.connect(id, Handshake()) for id in ("c", "e")] == [SWITCHING_PROTOCOLS] * 2
            for id, text in (
                ("c", '{"type": "authenticate", "clientType": "cli"}'),
                ("e", '{"type": "authenticate", "clientType": "extension"}'),
                ("c", '{"type": "ImageGenerationRequestedEvent", "requestId": "r1", "prompt": "x"}'),
                ("e", '{"type": "image_generated", "requestId": "r1", "url": "u"}'),
            ):
                assert await service.deliver(id, text)

        assert clients.types("e") == ["welcome", "authentication_success", "generate_image"]
        assert clients.received["c"][-1] == {"type": "image_generated", "requestId": "r1", "url": "u"}

    async def test_handles_each_of_many_concurrent_messages_once(
        self, deploy: DeployWebSocket, clients: MemoryClients
    ) -> None:
        section = {"throttling": {"rate": 10000, "burst": 10000}}
        async with deploy(**section) as service:
            await asyncio.gather(*(service.connect(str(number), Handshake()) for number in range(20)))
            heartbeats = [service.deliver(str(number % 20), '{"type": "ping"}') for number in range(200)]
            assert all(await asyncio.gather(*heartbeats))

        received = [clients.types(str(number)) for number in range(20)]
        assert all(sorted(types) == ["pong"] * 10 + ["welcome"] for types in received)

    async def test_keeps_its_connections_after_a_redeployment(
        self, deploy: DeployWebSocket, clients: MemoryClients
    ) -> None:
        async with deploy() as service:
            await service.connect("e", Handshake())
            await service.deliver("e", '{"type": "authenticate", "clientType": "extension"}')

        async with deploy(memory=512) as service:
            await service.connect("c", Handshake())
            await service.deliver("c", '{"type": "authenticate", "clientType": "cli"}')
            await service.deliver("c", '{"type": "ImageGenerationRequestedEvent", "requestId": "r1"}')
        assert clients.types("e")[-1] == "generate_image"

    async def test_skips_an_extension_that_is_gone_without_a_disconnect(
        self, deploy: DeployWebSocket, clients: MemoryClients
    ) -> None:
        async with deploy() as service:
            for id, kind in (("c", "cli"), ("e", "extension")):
                await service.connect(id, Handshake())
                await service.deliver(id, f'{{"type": "authenticate", "clientType": "{kind}"}}')
            await clients.close("e")
            await service.deliver("c", '{"type": "ImageGenerationRequestedEvent", "requestId": "r1"}')

        assert clients.received["c"][-1]["message"] == "No extension available"


class TestAuthorizer:
    async def test_admits_by_token_and_origin(self, deploy: DeployWebSocket) -> None:
        async with deploy(**AUTHORIZED) as service:
            statuses = {who: await service.connect(who, handshake) for who, (handshake, _) in HANDSHAKES.items()}

        assert statuses == {who: status for who, (_, status) in HANDSHAKES.items()}

    async def test_passes_the_claims_to_the_service(self, deploy: DeployWebSocket, clients: MemoryClients) -> None:
        async with deploy(**AUTHORIZED) as service:
            await service.connect("a", token(clientType="cli"))
            await service.deliver("a", '{"type": "authenticate", "clientType": "extension"}')

        assert "The token is not one" in clients.received["a"][-1]["message"]

    async def test_keeps_the_secret_out_of_every_log(self, deploy: DeployWebSocket, logs: list[Invocation]) -> None:
        async with deploy(**AUTHORIZED) as service:
            await service.connect("a", token())

        assert logs
        assert not any(SECRET in str(invocation) for invocation in logs)

    async def test_may_be_added_to_a_deployed_service(self, deploy: DeployWebSocket) -> None:
        async with deploy() as service:
            assert await service.connect("a", Handshake()) == SWITCHING_PROTOCOLS

        async with deploy(**AUTHORIZED) as service:
            assert await service.connect("b", Handshake()) == 401


class TestVerification:
    async def test_rolls_back_if_the_new_version_accepts_no_message(
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
