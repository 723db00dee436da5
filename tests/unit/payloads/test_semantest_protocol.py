"""What the protocol caches between two messages, and how it encodes messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.websocket_service.payload import import_payload
from tests.fakes.connections import FakeConnections


class World:
    """A cli that requests images from extensions, on a manual clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.received: dict[str, list[str]] = {"c": []}
        self.leaving = ""
        protocol = import_payload("websocket_service", "semantest_protocol")
        self.handler = protocol.ProtocolHandler(FakeConnections(self._deliver), lambda: self.now)
        self.join("cli", "c")

    def join(self, kind: str, id: str) -> None:
        self.received[id] = []
        self.handler.handle_connect(id, {})
        self.handler.handle_message(id, json.dumps({"type": "authenticate", "clientType": kind}))

    def request(self, count: int) -> None:
        for number in range(count):
            message = {"type": "ImageGenerationRequestedEvent", "requestId": f"{self.now}-{number}"}
            self.handler.handle_message("c", json.dumps(message))

    def count_requests(self, id: str) -> int:
        return self.received[id].count("generate_image")

    def _deliver(self, id: str, data: bytes) -> bool:
        if id == self.leaving:
            self.handler.handle_disconnect(id)
            return False
        message: dict[str, Any] = json.loads(data)
        self.received[id].append(message["type"])
        return True


class TestExtensions:
    def test_that_connect_get_requests_a_second_later(self) -> None:
        world = World()
        world.join("extension", "e")
        world.request(1)
        world.join("extension", "f")

        world.request(20)
        assert (world.count_requests("e"), world.count_requests("f")) == (21, 0)
        world.now = 1.1
        world.request(20)
        assert world.count_requests("f") > 0

    def test_are_not_cached_if_there_is_none(self) -> None:
        world = World()
        world.request(1)
        world.join("extension", "e")

        world.request(1)
        assert world.count_requests("e") == 1

    def test_that_leave_meanwhile_cause_one_error(self) -> None:
        world = World()
        world.join("extension", "e")
        world.leaving = "e"

        world.request(1)
        assert world.received["c"].count("error") == 1


class TestEncodeMessage:
    def test_refuses_what_is_too_deep(self) -> None:
        protocol = import_payload("websocket_service", "semantest_protocol")
        payload: list[Any] = []
        for _ in range(200_000):  # beyond the limit of every Python
            payload = [payload]

        with pytest.raises(protocol.ProtocolError, match="too deep"):
            protocol.encode_message({"type": "broadcast", "payload": payload})
