"""What the conversation remembers between two messages."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.websocket_service.payload import shipped
from tests.fakes.connections import FakeConnections


class Talk:
    """A cli that asks, beside extensions; the time stands still."""

    def __init__(self) -> None:
        self.now = 0.0
        self.heard: dict[str, list[str]] = {"c": []}
        self.leaving = ""
        service = shipped("websocket_service", "semantest_conversation").Conversation
        self.service = service(FakeConnections(self._deliver), lambda: self.now)
        self.join("cli", "c")

    def join(self, kind: str, id: str) -> None:
        """One more client."""
        self.heard[id] = []
        self.service.connected(id, {})
        self.service.said(id, json.dumps({"type": "authenticate", "clientType": kind}))

    def ask(self, count: int) -> None:
        """So many requests."""
        for number in range(count):
            request = {"type": "ImageGenerationRequestedEvent", "requestId": f"{self.now}-{number}"}
            self.service.said("c", json.dumps(request))

    def orders(self, id: str) -> int:
        """How many requests have reached one."""
        return self.heard[id].count("generate_image")

    def _deliver(self, id: str, data: bytes) -> bool:
        if id == self.leaving:
            self.service.disconnected(id)
            return False
        message: dict[str, Any] = json.loads(data)
        self.heard[id].append(message["type"])
        return True


class TestExtensions:
    def test_that_come_get_requests_a_second_later(self) -> None:
        talk = Talk()
        talk.join("extension", "e")
        talk.ask(1)
        talk.join("extension", "f")

        talk.ask(20)
        assert (talk.orders("e"), talk.orders("f")) == (21, 0)
        talk.now = 1.1
        talk.ask(20)
        assert talk.orders("f") > 0

    def test_are_not_waited_for_where_there_is_none(self) -> None:
        talk = Talk()
        talk.ask(1)
        talk.join("extension", "e")

        talk.ask(1)
        assert talk.orders("e") == 1

    def test_that_leave_just_then_are_told_of_once(self) -> None:
        talk = Talk()
        talk.join("extension", "e")
        talk.leaving = "e"

        talk.ask(1)
        assert talk.heard["c"].count("error") == 1
