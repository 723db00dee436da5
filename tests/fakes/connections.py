"""The Connections port of the WebSocket service, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any


class FakeConnections:
    def __init__(self, deliver: Callable[[str, bytes], bool]) -> None:
        self._deliver = deliver
        self._connections: dict[str, Any] = {}
        self._claims: dict[str, tuple[str, str]] = {}

    def add(self, connection: Any) -> None:
        self._connections.setdefault(connection.id, connection)

    def remove(self, id: str) -> None:
        self._connections.pop(id, None)

    def find(self, id: str) -> Any:
        return self._connections.get(id)

    def find_by_kind(self, kind: str) -> Sequence[str]:
        return [id for id, connection in self._connections.items() if connection.kind == kind]

    def set_kind(self, id: str, kind: str) -> None:
        self._connections[id] = replace(self._connections[id], kind=kind)

    def mark_greeted(self, id: str) -> bool:
        connection = self._connections[id]
        self._connections[id] = replace(connection, greeted=True)
        return not connection.greeted

    def claim_request(self, request: str, asker: str, holder: str) -> bool:
        if self._claims.get(request, (asker,))[0] != asker:
            return False
        self._claims[request] = asker, holder
        return True

    def find_asker(self, request: str) -> str | None:
        return self._claims.get(request, (None,))[0]

    def open_requests_of(self, holder: str) -> Sequence[str]:
        return [request for request, (_, other) in self._claims.items() if other == holder]

    def complete_request(self, request: str, holder: str | None = None) -> str | None:
        asker, current = self._claims.get(request, (None, ""))
        if holder not in (None, current):
            return None
        self._claims.pop(request, None)
        return asker

    def send(self, id: str, data: bytes) -> bool:
        return self._deliver(id, data)
