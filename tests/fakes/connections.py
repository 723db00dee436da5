"""The WebSocket service's connections in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any


class FakeConnections:
    """The port with nothing behind it but a way to send."""

    def __init__(self, deliver: Callable[[str, bytes], bool]) -> None:
        self._deliver = deliver
        self._known: dict[str, Any] = {}
        self._claims: dict[str, tuple[str, str]] = {}

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

    def claim(self, request: str, asker: str, holder: str) -> bool:
        """Whoever is first."""
        if self._claims.get(request, (asker,))[0] != asker:
            return False
        self._claims[request] = asker, holder
        return True

    def asker(self, request: str) -> str | None:
        """Who was first."""
        return self._claims.get(request, (None,))[0]

    def held_by(self, id: str) -> Sequence[str]:
        """What is not settled."""
        return [request for request, (_, holder) in self._claims.items() if holder == id]

    def settle(self, request: str, holder: str | None = None) -> str | None:
        """Nobody's again."""
        asker, held = self._claims.get(request, (None, ""))
        if holder not in (None, held):
            return None
        self._claims.pop(request, None)
        return asker

    def post(self, id: str, data: bytes) -> bool:
        """Deliver it."""
        return self._deliver(id, data)
