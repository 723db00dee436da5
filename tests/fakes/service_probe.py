"""A service whose answers the test chooses."""

from __future__ import annotations

from collections.abc import Sequence

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ArtifactError, Fault
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import AnswerOrigin, ProbeAnswer, WebSocketConversation
from tests.fakes.control_points import ControlPoints


class FakeServiceProbe:
    """Answers 200 unless `answers` holds the status of the next calls; passes the point `call`."""

    def __init__(self, points: ControlPoints) -> None:
        self.points = points
        self.answers: list[int] = []
        self.logs = ""
        self.notes: tuple[str, ...] = ()
        self.origin = AnswerOrigin.UNKNOWN
        self.package_fault: Fault | None = None
        self.conversation: WebSocketConversation | None = None

    def check_package(self, artifact: Artifact) -> None:
        if self.package_fault:
            raise ArtifactError("Cannot run the package on this machine.", faults=[self.package_fault])

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        await self.points.reach("call")
        status = self.answers.pop(0) if self.answers else 200
        response = HttpResponse(status, body=f"{request.method} {request.path}".encode())
        return ProbeAnswer(response, logs=self.logs, notes=self.notes, origin=self.origin)

    async def converse(self, stack: Stack, messages: Sequence[str]) -> WebSocketConversation:
        await self.points.reach("call")
        return self.conversation or WebSocketConversation(101, tuple(messages))
