"""What the gateway puts before the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.service_probe import ProbeAnswer


class ClientSocket(Protocol):
    """The way to one client; one that is gone raises ConnectionError."""

    async def send(self, data: bytes) -> None:
        """One text message."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye."""
        ...


class GatewayConnection(Protocol):
    """One client that was let in."""

    @property
    def limits(self) -> ConnectionLimits:
        """What is enforced."""
        ...

    @property
    def subprotocol(self) -> str:
        """What was agreed on with the client; empty where nothing was."""
        ...

    def attach(self, channel: ClientSocket) -> None:
        """From now on it can be sent to."""
        ...

    def time_left(self) -> float:
        """Seconds until the connection ends if nothing is said."""
        ...

    async def deliver(self, text: str) -> None:
        """It said something."""
        ...

    async def disconnect(self, code: int, reason: str) -> None:
        """It is gone; said once."""
        ...


class GatewayServices(Protocol):
    """Deployed services by the names of their stacks; leaving the block ends whatever runs for them."""

    async def __aenter__(self) -> GatewayServices: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def names(self) -> Sequence[str]:
        """The stacks that are answered now."""
        ...

    async def connect(self, name: str, request: HttpRequest) -> GatewayConnection | int:
        """A client of a WebSocket API, or the status that it is refused with; raises as `call` does."""
        ...

    async def call(self, name: str, request: HttpRequest) -> ProbeAnswer:
        """One request to one stack; raises NotFoundError where that is not answered."""
        ...


@dataclass(frozen=True, slots=True)
class RequestLogEntry:
    """One line of the request log; `path` is without its query, which may hold what nobody should read."""

    method: str
    path: str
    stack: str
    status: int
    seconds: float
    note: str = ""


LogRequest = Callable[[RequestLogEntry], None]
ListenAddress = tuple[str, int]
RunningGateway = AbstractAsyncContextManager[str]
"""The gateway's URL for as long as the block."""
