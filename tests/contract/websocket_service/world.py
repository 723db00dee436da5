"""Clients of the WebSocket service, and what they hear."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.contract.websocket_service.payload import shipped

LARGEST = 128 * 1024


def error(message: str, **more: Any) -> dict[str, Any]:
    """What a client is told instead of what it wanted."""
    return {"type": "error", **more, "message": message}


class World:
    """Everybody by id; `connections` makes the port over a way to send, which says whether somebody was there."""

    def __init__(self, connections: Callable[[Callable[[str, bytes], bool]], Any]) -> None:
        self._there: dict[str, list[dict[str, Any]]] = {}
        self._service = shipped("websocket_service", "semantest_conversation").Conversation(connections(self._deliver))

    def connect(self, *ids: str, claims: Mapping[str, Any] | None = None) -> None:
        """They are let in."""
        for id in ids:
            self._there[id] = []
            self._service.connected(id, claims or {})

    def join(self, kind: str, *ids: str) -> None:
        """They connect, say what they are, and have heard the welcome."""
        self.connect(*ids)
        for id in ids:
            self.say(id, type="authenticate", clientType=kind)
            self.hear(id)

    def say(self, id: str, text: str = "", /, **message: Any) -> None:
        """One says something: these words, or a message with these fields."""
        self._service.said(id, text or json.dumps(message))

    def leave(self, id: str) -> None:
        """One goes."""
        self.vanish(id)
        self._service.disconnected(id)

    def vanish(self, id: str) -> None:
        """One goes and nobody is told."""
        del self._there[id]

    def lose(self, id: str) -> None:
        """Nobody knows of one any more, who is still there."""
        self._service.disconnected(id)

    def hear(self, id: str) -> list[dict[str, Any]]:
        """What one has heard since it was asked last, without times."""
        heard, self._there[id] = self._there[id], []
        return [{name: value for name, value in message.items() if name != "timestamp"} for message in heard]

    def _deliver(self, id: str, data: bytes) -> bool:
        if id in self._there:
            self._there[id].append(json.loads(data))
        return id in self._there
