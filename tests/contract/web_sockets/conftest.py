"""The WebSocket API of each cloud, deployed by each engine and served by one gateway process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.web_sockets.clients import StackClients, open_clients
from tests.contract.web_sockets.variants import CONFIGURATION, SECRET, VARIANTS, Deployments, StackVariant
from tests.e2e.conftest import Workspace
from tests.e2e.serving import run_gateway
from tests.pulumi_cli import require_pulumi_cli


@pytest.fixture(scope="session")
def deployments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployments]:
    workspace = Workspace(tmp_path_factory.mktemp("deployments"), {"SEMANTEST_SECRET_JWT_SECRET": SECRET})
    (workspace.folder / "semantest.yaml").write_text(CONFIGURATION, encoding="utf-8")
    with run_gateway(workspace, "serve", "--port", "0", "--json") as gateway:
        yield Deployments(workspace, gateway)


@pytest.fixture(scope="session", params=VARIANTS, ids=str)
def variant(request: pytest.FixtureRequest) -> StackVariant:
    found: StackVariant = request.param
    if found.engine == "pulumi":
        require_pulumi_cli()
    return found


@pytest.fixture
async def clients(deployments: Deployments, variant: StackVariant) -> AsyncIterator[StackClients]:
    """Clients of a stack that requires no tokens."""
    async with open_clients(deployments.url(variant)) as clients:
        yield clients


@pytest.fixture
async def authorized_clients(deployments: Deployments, variant: StackVariant) -> AsyncIterator[StackClients]:
    """Clients of a stack that requires tokens."""
    async with open_clients(deployments.url(variant.with_tokens())) as clients:
        yield clients
