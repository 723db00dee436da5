"""A service that answers what it is told to."""

from __future__ import annotations

from collections.abc import Sequence

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import ProbeAnswer, WebSocketConversation
from tests.fakes.points import Points


class FakeServiceProbe:
    """Healthy unless `answers` holds the status of the next calls."""

    def __init__(self, points: Points) -> None:
        self.points = points
        self.answers: list[int] = []
        self.logs = ""
        self.conversation: WebSocketConversation | None = None

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        """Answer with the next status, by way of `call`."""
        await self.points.reach("call")
        status = self.answers.pop(0) if self.answers else 200
        return ProbeAnswer(HttpResponse(status, body=f"{request.method} {request.path}".encode()), logs=self.logs)

    async def converse(self, stack: Stack, messages: Sequence[str]) -> WebSocketConversation:
        """Take every message and answer it, unless there is another `conversation`."""
        await self.points.reach("call")
        return self.conversation or WebSocketConversation(101, tuple(messages))
