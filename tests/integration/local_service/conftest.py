"""A deployed WebSocket API with everything real but the cloud: packages, programs, processes, tables, tokens."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.bootstrap.engines import ENGINES, EngineContext
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.infrastructure.artifact_stores.package_folder import PackageFolder
from semantest_iac.infrastructure.function_runtimes.function_spec import Invocation
from semantest_iac.infrastructure.local_service.local_probe import LocalProbe
from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import sign_hs256_token
from semantest_iac.infrastructure.local_service.web_socket_service import Handshake, WebSocketContext, WebSocketService
from tests.fakes.secret_store import FakeSecretStore
from tests.integration.local_service.clients import MemoryClients
from tests.integration.local_service.entrances import CLOUDS, Deployed, serve_entrances

AWS, AZURE = Stack("websocket", "aws", "development", "us-east-1"), Stack("websocket", "azure", "development", "eastus")
SECRET = "a-canary-of-some-length"
ALLOWED_ORIGIN = "https://app.example.org"
AUTHORIZED = {
    "environment": {
        "AUTHENTICATION_REQUIRED": "true",
        "JWT_SECRET": "${secrets.jwt}",
        "JWT_ISSUER": "us",
        "ALLOWED_ORIGINS": ALLOWED_ORIGIN,
    }
}

DeployWebSocket = Callable[..., AbstractAsyncContextManager[WebSocketService]]


def token(secret: str = SECRET, *headers: tuple[str, str], **claims: Any) -> Handshake:
    """A handshake with a token for one hour, because it is made when the tests are collected."""
    signed = sign_hs256_token({"exp": int(time.time()) + 3600, "iss": "us", **claims}, secret)
    return Handshake((("token", signed),), headers)


@pytest.fixture
def clients() -> MemoryClients:
    return MemoryClients()


@pytest.fixture
def logs() -> list[Invocation]:
    """The invocations of functions."""
    return []


@pytest.fixture(params=[AWS, AZURE], ids=["aws", "azure"])
def stack(request: pytest.FixtureRequest) -> Stack:
    found: Stack = request.param
    return found


@pytest.fixture
def deploy(home: Path, stack: Stack, clients: MemoryClients, logs: list[Invocation]) -> DeployWebSocket:
    """Deploys the section and opens its API, which shares its tables with earlier versions."""
    sandbox, packages = ENGINES["sandbox"], PackageFolder(home / "artifacts")
    engine_context = EngineContext(home, EngineChoice(), FakeSecretStore({"jwt": SECRET}), packages)
    probe = sandbox.probe(engine_context, sandbox.provisioner(engine_context))
    assert isinstance(probe, LocalProbe)
    context = WebSocketContext(clients, probe.unpack_package, logs.append)

    @asynccontextmanager
    async def deploy_section(**section: Any) -> AsyncIterator[WebSocketService]:
        use_cases = Application(home).deployments({"SEMANTEST_SECRET_JWT": SECRET})
        row = await use_cases.deploy(stack, {"components": {"websocket": section}})
        assert (row.state, row.error) == ("completed", None)
        async with await probe.build_web_socket_service(stack, context) as service:
            yield service

    return deploy_section


@pytest.fixture(params=list(CLOUDS))
async def deployed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Deployed]:
    """A stack whose gateway and site a test deploys, on each cloud."""
    async with serve_entrances(str(request.param), tmp_path) as world:
        yield world
