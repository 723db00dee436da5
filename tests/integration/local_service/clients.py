"""Clients of a WebSocket API in this process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class MemoryClients:
    """WebSocketClients that store what they receive, by id."""

    def __init__(self) -> None:
        self.received: dict[str, list[dict[str, Any]]] = {}
        self.gone: set[str] = set()

    async def send(self, id: str, data: bytes) -> bool:
        if id in self.gone:
            return False
        self.received.setdefault(id, []).append(json.loads(data))
        return True

    async def close(self, id: str) -> bool:
        was_there = id not in self.gone
        self.gone.add(id)
        return was_there

    def describe(self, id: str) -> Mapping[str, Any] | None:
        return None if id in self.gone else {"connectedAt": "2026-01-01T00:00:00Z"}

    def types(self, id: str) -> list[str]:
        """The types, or else the messages, that a client received, in order."""
        return [str(message.get("type") or message.get("message")) for message in self.received.get(id, [])]
