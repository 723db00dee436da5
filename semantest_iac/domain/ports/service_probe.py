"""How a deployed service is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What came back, what the function printed meanwhile, and remarks on how it was run."""

    response: HttpResponse
    logs: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WebSocketConversation:
    """What a WebSocket client heard; `status` is 101 if it was let in and all it said was taken.

    `note` says what could not be tried.
    """

    status: int
    heard: tuple[str, ...] = ()
    logs: str = ""
    note: str = ""


class ServiceProbe(Protocol):
    """Calls the service of a stack through its real endpoint, as a client would."""

    async def call(self, stack: Stack, request: HttpRequest) -> ProbeAnswer:
        """Send one request; raises NotFoundError where nothing is deployed, RuntimeFailedError where nothing runs."""
        ...

    async def converse(self, stack: Stack, messages: Sequence[str]) -> WebSocketConversation:
        """Connect, say these one after the other, and leave; raises as `call` does."""
        ...
