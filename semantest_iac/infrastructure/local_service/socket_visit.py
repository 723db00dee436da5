"""A short visit at a WebSocket API of this machine: connect, say something, listen, leave."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from semantest_iac.domain.ports.service_probe import Conversation
from semantest_iac.infrastructure.local_service.sockets import ADMITTED, SocketService

GOING_AWAY = 1001


class Visitors:
    """The only client that there is, as the service's own way to it sees it."""

    def __init__(self) -> None:
        self.id = uuid.uuid4().hex
        self.heard: list[str] = []
        self.is_here = True

    async def send(self, id: str, data: bytes) -> bool:
        """Hear it."""
        if id == self.id:
            self.heard.append(data.decode(errors="replace"))
        return id == self.id and self.is_here

    async def close(self, id: str) -> bool:
        """Leave."""
        was_here, self.is_here = self.is_here and id == self.id, False
        return was_here

    def facts(self, id: str) -> Mapping[str, Any] | None:
        """Nothing that anybody needs."""
        return {} if id == self.id else None


async def visit(service: SocketService, visitors: Visitors, messages: Sequence[str]) -> Conversation:
    """What the service said to these messages; ends early where one is not taken."""
    async with service:
        status = await service.connect(visitors.id, service.visitor())
        if status != ADMITTED:
            return Conversation(status)
        for message in messages:
            if not await service.receive(visitors.id, message):
                return Conversation(500, tuple(visitors.heard))
        await service.disconnect(visitors.id, GOING_AWAY, "")
    return Conversation(status, tuple(visitors.heard))
