"""Requests of PythonEDA and what carries them out, without PythonEDA."""

from __future__ import annotations

from pathlib import Path

import pytest

from semantest_iac.infrastructure.pythoneda_bridge.exchange import RequestExchange
from semantest_iac.infrastructure.pythoneda_bridge.unanswered_requests import UnansweredRequests
from tests.fakes.pythoneda_entrance import FakeBridgeService, FakeEntrance


@pytest.fixture
def entrance() -> FakeEntrance:
    return FakeEntrance()


@pytest.fixture
def unanswered(home: Path) -> UnansweredRequests:
    return UnansweredRequests(home, "app")


@pytest.fixture
def pauses() -> list[float]:
    """The pauses that the exchange made."""
    return []


@pytest.fixture
def exchange(entrance: FakeEntrance, unanswered: UnansweredRequests, pauses: list[float]) -> RequestExchange:
    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    return RequestExchange(entrance, unanswered, "app", pause)


@pytest.fixture
def service(home: Path) -> FakeBridgeService:
    return FakeBridgeService(home)
