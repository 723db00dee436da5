"""Clients of a WebSocket API that live in this process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class Memory:
    """Clients by id: what they heard, and whether they are there."""

    def __init__(self) -> None:
        self.heard: dict[str, list[dict[str, Any]]] = {}
        self.gone: set[str] = set()

    async def send(self, id: str, data: bytes) -> bool:
        """Hear it, unless gone."""
        if id in self.gone:
            return False
        self.heard.setdefault(id, []).append(json.loads(data))
        return True

    async def close(self, id: str) -> bool:
        """Go."""
        was_there = id not in self.gone
        self.gone.add(id)
        return was_there

    def facts(self, id: str) -> Mapping[str, Any] | None:
        """Since when."""
        return None if id in self.gone else {"connectedAt": "2026-01-01T00:00:00Z"}

    def types(self, id: str) -> list[str]:
        """What kinds of messages one has heard, in order."""
        return [str(message.get("type") or message.get("message")) for message in self.heard.get(id, [])]
