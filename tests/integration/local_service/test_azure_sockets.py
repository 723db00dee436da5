"""Web PubSub with everything real but the cloud: packages, programs, processes, tables, tokens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache
from semantest_iac.infrastructure.local_service.azure_sockets import AzureSockets, sockets
from semantest_iac.infrastructure.local_service.socket_tokens import signed
from semantest_iac.infrastructure.local_service.sockets import ADMITTED, Handshake, Surroundings
from semantest_iac.infrastructure.sandbox_engine.engine import SandboxEngine
from semantest_iac.infrastructure.sandbox_engine.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.catalogue import cloud_at
from semantest_iac.infrastructure.simulated_cloud.inventory import Inventory
from tests.integration.local_service.clients import Memory

STACK = Stack("websocket", "azure", "development", "eastus")
SECRET = "a-canary-of-some-length"
PAGE = "https://app.example.org"
GUARDED = {
    "environment": {
        "AUTHENTICATION_REQUIRED": "true",
        "JWT_SECRET": "${secrets.jwt}",
        "JWT_ISSUER": "us",
        "ALLOWED_ORIGINS": PAGE,
    }
}

Deployed = Callable[..., AbstractAsyncContextManager[AzureSockets]]


@pytest.fixture
def clients() -> Memory:
    return Memory()


@pytest.fixture
def logs() -> list[Invocation]:
    return []


@pytest.fixture
def deployed(home: Path, clients: Memory, logs: list[Invocation]) -> Deployed:
    """Deploys the section and gives its hub, which shares its rows with those before it."""
    variables = {"SEMANTEST_SECRET_JWT": SECRET}
    stores: dict[str, Any] = {}

    @asynccontextmanager
    async def opened(**section: Any) -> AsyncIterator[AzureSockets]:
        values = {"components": {"websocket": section}}
        row = await Application(home).deployments(variables).deploy(STACK, values)
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


def token(secret: str = SECRET, *headers: tuple[str, str], **claims: Any) -> Handshake:
    """A handshake with a token for an hour: it is made when the tests are collected."""
    good = signed({"exp": int(time.time()) + 3600, "iss": "us", **claims}, secret)
    return Handshake((("token", good),), headers)


class TestBundledService:
    async def test_carries_a_request_to_an_extension_and_its_answer_back(
        self, deployed: Deployed, clients: Memory
    ) -> None:
        async with deployed() as service:
            assert [await service.connect(id, Handshake()) for id in ("c", "e")] == [ADMITTED] * 2
            for id, text in (
                ("c", '{"type": "authenticate", "clientType": "cli"}'),
                ("e", '{"type": "authenticate", "clientType": "extension"}'),
                ("c", '{"type": "ImageGenerationRequestedEvent", "requestId": "r/1", "prompt": "x"}'),
                ("e", '{"type": "image_generated", "requestId": "r/1", "url": "u"}'),
            ):
                assert await service.receive(id, text)

        assert clients.types("e") == ["welcome", "authentication_success", "generate_image"]
        assert clients.heard["c"][-1] == {"type": "image_generated", "requestId": "r/1", "url": "u"}

    async def test_loses_and_doubles_nothing_under_many_at_once(self, deployed: Deployed, clients: Memory) -> None:
        async with deployed() as service:
            await asyncio.gather(*(service.connect(str(number), Handshake()) for number in range(20)))
            pings = [service.receive(str(number % 20), '{"type": "ping"}') for number in range(200)]
            assert all(await asyncio.gather(*pings))

        heard = [clients.types(str(number)) for number in range(20)]
        assert all(sorted(types) == ["pong"] * 10 + ["welcome"] for types in heard)

    async def test_passes_by_an_extension_that_is_gone_unseen(self, deployed: Deployed, clients: Memory) -> None:
        async with deployed() as service:
            for id, kind in (("c", "cli"), ("e", "extension")):
                await service.connect(id, Handshake())
                await service.receive(id, f'{{"type": "authenticate", "clientType": "{kind}"}}')
            await clients.close("e")
            await service.receive("c", '{"type": "ImageGenerationRequestedEvent", "requestId": "r1"}')

        assert clients.heard["c"][-1]["message"] == "No extension available"


class TestGuard:
    @pytest.mark.parametrize(
        ("handshake", "status"),
        [
            (token(), ADMITTED),
            (token(SECRET, ("Origin", PAGE)), ADMITTED),
            (Handshake(), 401),
            (token("another secret"), 401),
            (token(iss="them"), 401),
            (token(exp=1), 401),
            (token(SECRET, ("Origin", "https://evil.example.org")), 403),
        ],
        ids=["good", "of-our-page", "none", "other-signature", "other-issuer", "over", "of-another-page"],
    )
    async def test_lets_in_by_token_and_page(self, deployed: Deployed, handshake: Handshake, status: int) -> None:
        async with deployed(**GUARDED) as service:
            assert await service.connect("a", handshake) == status

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
            assert await service.connect("a", Handshake()) == ADMITTED

        async with deployed(**GUARDED) as service:
            assert await service.connect("b", Handshake()) == 401
