"""The WebSocket API of each cloud, deployed by each engine and served by one gateway process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.web_sockets.clients import Room, opened
from tests.contract.web_sockets.places import CONFIGURATION, PLACES, SECRET, House, Place
from tests.e2e.conftest import Workspace
from tests.e2e.serving import run_gateway
from tests.pulumi_cli import needed


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Nothing is deployed in it until a test needs it."""
    workspace = Workspace(tmp_path_factory.mktemp("house"), {"SEMANTEST_SECRET_JWT_SECRET": SECRET})
    (workspace.folder / "semantest.yaml").write_text(CONFIGURATION, encoding="utf-8")
    with run_gateway(workspace, "serve", "--port", "0", "--json") as gateway:
        yield House(workspace, gateway)


@pytest.fixture(scope="session", params=PLACES, ids=str)
def place(request: pytest.FixtureRequest) -> Place:
    """Each in turn."""
    found: Place = request.param
    if found.engine == "pulumi":
        needed()
    return found


@pytest.fixture
async def room(house: House, place: Place) -> AsyncIterator[Room]:
    """Where nobody is asked for a token."""
    async with opened(house.url(place)) as room:
        yield room


@pytest.fixture
async def guarded(house: House, place: Place) -> AsyncIterator[Room]:
    """Where a token is asked for."""
    async with opened(house.url(place.guarded())) as room:
        yield room
