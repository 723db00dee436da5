"""The port that calls deployed services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse


class AnswerOrigin(StrEnum):
    """Who gave an answer: the function's own code, the platform before or instead of it, or it is not known."""

    FUNCTION = "function"
    PLATFORM = "platform"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """The response with the log of the call, the duration and remarks on how it was run.

    `last_message` says on one line how the function failed, or is the last that it wrote.
    """

    response: HttpResponse
    logs: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    origin: AnswerOrigin = AnswerOrigin.UNKNOWN
    last_message: str = ""


@dataclass(frozen=True, slots=True)
class WebSocketConversation:
    """The messages that a WebSocket client received; `status` is 101 if it was admitted and could send everything.

    `note` says what could not be tried.
    """

    status: int
    received: tuple[str, ...] = ()
    logs: str = ""
    note: str = ""
    origin: AnswerOrigin = AnswerOrigin.UNKNOWN
    last_message: str = ""


class ServiceProbe(Protocol):
    """Calls the service of a stack through its endpoint, as a client would."""

    def check_package(self, artifact: Artifact) -> None:
        """Raise ArtifactError if the service of this package could not run where it is called. Blocks."""
        ...

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        """Send one request; raises NotFoundError if nothing is deployed, RuntimeFailedError if nothing runs.

        RuntimeFailedError is an UnreachableServiceError where a later try may succeed.
        """
        ...

    async def converse(self, stack: Stack, messages: Sequence[str]) -> WebSocketConversation:
        """Connect, send the messages one after the other, and close; raises as `call` does."""
        ...
