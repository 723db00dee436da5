"""The protocol over nothing but memory."""

from __future__ import annotations

import pytest

from tests.contract.websocket_service import protocol_contract as contract
from tests.contract.websocket_service.world import World
from tests.fakes.connections import FakeConnections


@pytest.fixture
def world() -> World:
    return World(FakeConnections)


class TestWelcome(contract.WelcomeContract): ...


class TestAuthenticate(contract.AuthenticateContract): ...


class TestAsking(contract.AskingContract): ...


class TestAnswering(contract.AnsweringContract): ...


class TestBroadcast(contract.BroadcastContract): ...


class TestNonsense(contract.NonsenseContract): ...


class TestStranger(contract.StrangerContract): ...
