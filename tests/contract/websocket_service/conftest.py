"""The clients of the WebSocket service, over each of the stores."""

from __future__ import annotations

import pytest

from tests.contract.websocket_service.stores import WORLDS
from tests.contract.websocket_service.world import World


@pytest.fixture(params=WORLDS.values(), ids=list(WORLDS))
def world(request: pytest.FixtureRequest) -> World:
    created: World = request.param()
    return created
