"""A deployed WebSocket API with everything real but the cloud: packages, programs, processes, tables, tokens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache
from semantest_iac.infrastructure.local_service.aws_sockets import AwsSockets, sockets
from semantest_iac.infrastructure.local_service.socket_tokens import signed
from semantest_iac.infrastructure.local_service.sockets import ADMITTED, Handshake, Surroundings
from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
from semantest_iac.infrastructure.sandbox_engine.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.catalogue import cloud_at
from semantest_iac.infrastructure.simulated_cloud.inventory import Inventory
from tests.integration.local_service.clients import Memory

STACK = Stack("websocket", "aws", "development", "us-east-1")
SECRET = "a-canary-of-some-length"
GUARDED = {"environment": {"AUTHENTICATION_REQUIRED": "true", "JWT_SECRET": "${secrets.jwt}", "JWT_ISSUER": "us"}}

Deployed = Callable[..., AbstractAsyncContextManager[AwsSockets]]


@pytest.fixture
def clients() -> Memory:
    return Memory()


@pytest.fixture
def logs() -> list[Invocation]:
    return []


@pytest.fixture
def deployed(home: Path, clients: Memory, logs: list[Invocation]) -> Deployed:
    """Deploys the section and gives its API, which shares its rows with those before it."""
    variables = {"SEMANTEST_SECRET_JWT": SECRET}
    stores: dict[str, Any] = {}

    @asynccontextmanager
    async def opened(**section: Any) -> AsyncIterator[AwsSockets]:
        application = Application(home)
        values = {"components": {"websocket": section}}
        row = await application.deployments(variables).deploy(STACK, values)
        assert (row.state, row.error) == ("completed", None)
        inventory = Inventory(home / "cloud.db")
        engine = SandboxEngine(
            StateStore(home / "sandbox"), lambda package, region: cloud_at(package, inventory, region=region), str
        )
        unpack = PackageCache(home).folder_of
        around = Surroundings(
            clients, lambda digest: unpack(home / "artifacts" / f"{digest}.zip"), logs.append, None, stores
        )
        service = sockets(await engine.deployed(STACK), around)
        assert service is not None
        async with service:
            yield service

    return opened


def token(secret: str = SECRET, **claims: Any) -> Handshake:
    """A handshake with a token for an hour: it is made when the tests are collected."""
    return Handshake((("token", signed({"exp": int(time.time()) + 3600, "iss": "us", **claims}, secret)),))


class TestBundledService:
    async def test_carries_a_request_to_an_extension_and_its_answer_back(
        self, deployed: Deployed, clients: Memory
    ) -> None:
        async with deployed() as service:
            assert [await service.connect(id, Handshake()) for id in ("c", "e")] == [ADMITTED] * 2
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

    async def test_refuses_what_is_over_the_limit_of_the_stage(self, deployed: Deployed, clients: Memory) -> None:
        async with deployed(throttling={"rate": 0.001, "burst": 2}) as service:
            assert [await service.connect(id, Handshake()) for id in "abc"] == [ADMITTED, ADMITTED, 429]
            assert [await service.receive("a", '{"type": "ping"}') for _ in range(3)] == [True, True, False]

        assert clients.types("a")[-1] == "Too Many Requests"


class TestAuthorizer:
    @pytest.mark.parametrize(
        ("handshake", "status"),
        [
            (token(), ADMITTED),
            (Handshake(), 401),
            (token("another secret"), 401),
            (token(iss="them"), 401),
            (token(exp=1), 401),
        ],
        ids=["good", "none", "other-signature", "other-issuer", "over"],
    )
    async def test_lets_in_by_the_token_alone(self, deployed: Deployed, handshake: Handshake, status: int) -> None:
        async with deployed(**GUARDED) as service:
            assert await service.connect("a", handshake) == status

    async def test_tells_the_function_what_the_token_says(self, deployed: Deployed, clients: Memory) -> None:
        async with deployed(**GUARDED) as service:
            await service.connect("a", token(clientType="cli"))
            await service.receive("a", '{"type": "authenticate", "clientType": "extension"}')

        assert "The token is not one" in clients.heard["a"][-1]["message"]

    async def test_keeps_the_secret_from_every_log(self, deployed: Deployed, logs: list[Invocation]) -> None:
        async with deployed(**GUARDED) as service:
            await service.connect("a", token())

        assert not any(SECRET in str(invocation) for invocation in logs)


class TestOwnHandler:
    NODE = """
    exports.handler = async (event) => {
      const { eventType, connectionId, authorizer } = event.requestContext;
      if (event.body === "die") throw new Error("told to");
      if (eventType === "CONNECT") {
        const [first] = (event.headers["Sec-WebSocket-Protocol"] ?? "").split(",");
        const statusCode = event.headers["X-Door"] === "shut" ? 403 : 200;
        return { statusCode, headers: { "sec-websocket-protocol": first } };
      }
      await fetch(`${process.env.SEMANTEST_CONNECTIONS_ENDPOINT}/@connections/${connectionId}`, {
        method: "POST", body: JSON.stringify({ type: eventType, body: event.body, who: authorizer?.principalId }) });
      return { statusCode: 200 };
    };
    """

    @pytest.fixture
    def section(self, tmp_path: Path) -> Mapping[str, Any]:
        folder = tmp_path / "own"
        folder.mkdir()
        (folder / "index.js").write_text(self.NODE, encoding="utf-8")
        return {"source": str(folder), "handler": "index.handler"}

    async def test_in_node_answers_by_way_of_the_cloud(
        self, deployed: Deployed, clients: Memory, section: Mapping[str, Any]
    ) -> None:
        async with deployed(**section, **GUARDED) as service:
            await service.connect("a", token(sub="me"))
            assert await service.receive("a", "not json at all")

        assert clients.heard["a"] == [{"type": "MESSAGE", "body": "not json at all", "who": "me"}]

    async def test_may_refuse_a_client(self, deployed: Deployed, section: Mapping[str, Any]) -> None:
        async with deployed(**section) as service:
            assert await service.connect("a", Handshake(headers=(("X-Door", "shut"),))) == 403

    @pytest.mark.parametrize(("offered", "agreed"), [("v2,v1", "v2"), ("", "")], ids=["several", "none"])
    async def test_may_agree_on_a_subprotocol(
        self, deployed: Deployed, section: Mapping[str, Any], offered: str, agreed: str
    ) -> None:
        async with deployed(**section) as service:
            await service.connect("a", Handshake(headers=(("Sec-WebSocket-Protocol", offered),)))

            assert service.subprotocol("a") == agreed

    async def test_that_fails_is_told_to_the_client(
        self, deployed: Deployed, clients: Memory, section: Mapping[str, Any]
    ) -> None:
        async with deployed(**section) as service:
            await service.connect("a", Handshake())
            assert not await service.receive("a", "die")

        assert clients.types("a") == ["Internal server error"]


class TestVerification:
    async def test_brings_the_version_before_back_where_a_new_one_takes_no_message(
        self, home: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "app.py").write_text(
            "def handler(event, _):\n    return {'statusCode': 200 // ('body' not in event)}"
        )
        cases = Application(home).deployments({})
        good = await cases.deploy(STACK, {})

        section = {"source": str(tmp_path), "handler": "app.handler"}
        bad = await cases.deploy(STACK, {"components": {"websocket": section}})
        assert (good.state, bad.state) == ("completed", "rolled_back")
        assert "a connection ended with 500" in str(bad.error)
