"""Messages as they are read and handed on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.websocket_service.payload import shipped

messages = shipped("websocket_service", "semantest_messages")


class TestEncoded:
    def test_refuses_what_is_too_deep_to_be_written(self) -> None:
        payload: list[Any] = []
        for _ in range(5000):
            payload = [payload]

        with pytest.raises(messages.ProtocolError, match="too deep"):
            messages.encoded({"type": "broadcast", "payload": payload})
