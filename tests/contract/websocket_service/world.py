"""Clients of the WebSocket service, and what they receive."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.contract.websocket_service.payload import import_payload

LARGEST = 128 * 1024


def error(message: str, **more: Any) -> dict[str, Any]:
    return {"type": "error", **more, "message": message}


class World:
    """All clients by id; `connections` builds the store over a function that sends to a client, or returns False."""

    def __init__(self, connections: Callable[[Callable[[str, bytes], bool]], Any]) -> None:
        self._received: dict[str, list[dict[str, Any]]] = {}
        protocol = import_payload("websocket_service", "semantest_protocol")
        self._handler = protocol.ProtocolHandler(connections(self._deliver))

    def connect(self, *ids: str, claims: Mapping[str, Any] | None = None) -> None:
        for id in ids:
            self._received[id] = []
            self._handler.handle_connect(id, claims or {})

    def join(self, kind: str, *ids: str) -> None:
        """Connect and authenticate clients."""
        self.connect(*ids)
        for id in ids:
            self.send(id, type="authenticate", clientType=kind)
            self.receive(id)

    def send(self, id: str, text: str = "", /, **message: Any) -> None:
        """Send a text, or a message with these fields."""
        self._handler.handle_message(id, text or json.dumps(message))

    def leave(self, id: str) -> None:
        self.vanish(id)
        self._handler.handle_disconnect(id)

    def vanish(self, id: str) -> None:
        """Disconnect a client, unnoticed by the service."""
        del self._received[id]

    def forget(self, id: str) -> None:
        """Make the service forget a client that is still connected."""
        self._handler.handle_disconnect(id)

    def receive(self, id: str) -> list[dict[str, Any]]:
        """Take the messages that a client has received, without times."""
        messages, self._received[id] = self._received[id], []
        return [{name: value for name, value in message.items() if name != "timestamp"} for message in messages]

    def _deliver(self, id: str, data: bytes) -> bool:
        if id in self._received:
            self._received[id].append(json.loads(data))
        return id in self._received
