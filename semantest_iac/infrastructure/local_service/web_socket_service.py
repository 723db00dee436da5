"""The interface of a deployed WebSocket API to whatever carries its connections; implemented once per cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.function_runtimes.function_process import PoolLimits
from semantest_iac.infrastructure.local_service.api_frontend import UnpackPackage
from semantest_iac.infrastructure.local_service.warm_service import InvocationListener, ignore_invocation

DeployedResources = Sequence[DeployedResource]

SWITCHING_PROTOCOLS = 101
SUBPROTOCOL_HEADER = "sec-websocket-protocol"


@dataclass(frozen=True, slots=True)
class Handshake:
    """The request with which a client connects; header names in any case."""

    query: Pairs = ()
    headers: Pairs = ()
    source_ip: str = "127.0.0.1"

    @property
    def subprotocols(self) -> list[str]:
        """What the client offers to speak, in its order."""
        offered = (value.split(",") for name, value in self.headers if name.lower() == SUBPROTOCOL_HEADER)
        return [name.strip() for names in offered for name in names if name.strip()]


class WebSocketClients(Protocol):
    """Those who are connected, by the id of their connection."""

    async def send(self, id: str, data: bytes) -> bool:
        """Whether somebody was there to get it."""
        ...

    async def close(self, id: str) -> bool:
        """Whether somebody was there to be sent away."""
        ...

    def facts(self, id: str) -> Mapping[str, Any] | None:
        """What the cloud tells of a connection, such as when it began; None for one that is not there."""
        ...


@dataclass(frozen=True, slots=True)
class WebSocketContext:
    """What a WebSocket API needs besides what is deployed.

    `stores` is what its functions have written; handed on to the next version, that finds it again.
    """

    clients: WebSocketClients
    unpack: UnpackPackage
    told: InvocationListener = ignore_invocation
    limits: PoolLimits | None = None
    stores: MutableMapping[str, Any] = field(default_factory=dict)


class WebSocketService(Protocol):
    """One deployed WebSocket API whose functions run as long as the block; any event may come beside any other."""

    @property
    def limits(self) -> ConnectionLimits:
        """What its carrier has to enforce."""
        ...

    @property
    def plan(self) -> object:
        """What it is deployed as: a version with an equal one is no other version to its clients."""
        ...

    async def __aenter__(self) -> WebSocketService: ...

    async def __aexit__(self, *_: object) -> None: ...

    def visitor(self) -> Handshake:
        """A handshake with which one is let in."""
        ...

    async def connect(self, id: str, handshake: Handshake) -> int:
        """ADMITTED, or the status that the client is refused with."""
        ...

    def subprotocol(self, id: str) -> str:
        """What was agreed on with a client that was let in, of what it had offered; empty where nothing was."""
        ...

    async def answer(self, request: HttpRequest, here: str) -> HttpResponse | None:
        """The answer to a plain request, None where there is none; `here` is where clients connect on this machine."""
        ...

    async def receive(self, id: str, text: str) -> bool:
        """Hand over a message of the client's; whether it was taken, which the client is told otherwise."""
        ...

    async def disconnect(self, id: str, code: int, reason: str) -> None:
        """Tell that a client is gone."""
        ...


WebSocketServiceFactory = Callable[[DeployedResources, WebSocketContext], WebSocketService | None]
"""The WebSocket API of a stack, or None where the stack has none."""
