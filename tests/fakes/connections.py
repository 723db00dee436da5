"""The WebSocket service's connections in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any


class FakeConnections:
    """The port with nothing behind it; `too_large` is what is raised for a message over `largest` bytes."""

    def __init__(self, deliver: Callable[[str, bytes], bool], too_large: type[Exception], largest: int) -> None:
        self._deliver = deliver
        self._too_large = too_large
        self._largest = largest
        self._known: dict[str, Any] = {}
        self._claims: dict[str, str] = {}

    def remember(self, connection: Any) -> None:
        """Keep a new one."""
        self._known.setdefault(connection.id, connection)

    def forget(self, id: str) -> None:
        """Drop it."""
        self._known.pop(id, None)

    def find(self, id: str) -> Any:
        """What is kept."""
        return self._known.get(id)

    def find_by_kind(self, kind: str) -> Sequence[str]:
        """Those that said so."""
        return [id for id, connection in self._known.items() if connection.kind == kind]

    def identify(self, id: str, kind: str) -> None:
        """It said so."""
        self._known[id] = replace(self._known[id], kind=kind)

    def greet(self, id: str) -> bool:
        """The first time."""
        known = self._known[id]
        self._known[id] = replace(known, greeted=True)
        return not known.greeted

    def claim(self, request: str, id: str) -> bool:
        """Whoever is first."""
        return self._claims.setdefault(request, id) == id

    def claimant(self, request: str) -> str | None:
        """Who was first."""
        return self._claims.get(request)

    def release(self, request: str) -> None:
        """Nobody's again."""
        self._claims.pop(request, None)

    def post(self, id: str, message: Mapping[str, Any]) -> bool:
        """Deliver it."""
        data = json.dumps(message).encode()
        if len(data) > self._largest:
            raise self._too_large
        return self._deliver(id, data)
