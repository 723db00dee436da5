"""The protocol over nothing but memory."""

from __future__ import annotations

from functools import partial

import pytest

from tests.contract.websocket_service import protocol_contract as contract
from tests.contract.websocket_service.payload import shipped
from tests.contract.websocket_service.world import LARGEST, World
from tests.fakes.connections import FakeConnections


@pytest.fixture
def world() -> World:
    too_large = shipped("websocket_service", "semantest_connections").TooLargeError
    return World(partial(FakeConnections, too_large=too_large, largest=LARGEST))


class TestWelcome(contract.WelcomeContract): ...


class TestAuthenticate(contract.AuthenticateContract): ...


class TestAsking(contract.AskingContract): ...


class TestAnswering(contract.AnsweringContract): ...


class TestBroadcast(contract.BroadcastContract): ...


class TestNonsense(contract.NonsenseContract): ...


class TestStranger(contract.StrangerContract): ...
