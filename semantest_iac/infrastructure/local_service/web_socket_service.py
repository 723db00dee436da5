"""The interface of a deployed WebSocket API to whatever carries its connections; implemented once per cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs
from semantest_iac.infrastructure.function_runtimes.function_process import PoolLimits
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources, UnpackPackage
from semantest_iac.infrastructure.local_service.warm_service import InvocationListener, ignore_invocation

SWITCHING_PROTOCOLS = 101
HEAD_TOO_LARGE = 431
SUBPROTOCOL_HEADER = "sec-websocket-protocol"


@dataclass(frozen=True, slots=True)
class Handshake:
    """The request with which a client connects; header names are in any case."""

    query: Pairs = ()
    headers: Pairs = ()
    source_ip: str = "127.0.0.1"
    head_bytes: int = 0

    @property
    def subprotocols(self) -> list[str]:
        """The subprotocols that the client offers, in its order."""
        offered = (value.split(",") for name, value in self.headers if name.lower() == SUBPROTOCOL_HEADER)
        return [name.strip() for names in offered for name in names if name.strip()]


class WebSocketClients(Protocol):
    """The connected clients by connection id, as the functions of a WebSocket API reach them."""

    async def send(self, id: str, data: bytes) -> bool:
        """Send a message; False if the client is gone."""
        ...

    async def close(self, id: str) -> bool:
        """Close a connection; False if the client is gone."""
        ...

    def describe(self, id: str) -> Mapping[str, Any] | None:
        """What the cloud's API says of a connection, such as when it began; None if the client is gone."""
        ...


@dataclass(frozen=True, slots=True)
class WebSocketContext:
    """What a WebSocket API needs besides its deployed resources.

    `stores` holds what its functions have written, by name; the next version of the API receives it too.
    """

    clients: WebSocketClients
    unpack: UnpackPackage
    on_invocation: InvocationListener = ignore_invocation
    pool_limits: PoolLimits | None = None
    stores: MutableMapping[str, Any] = field(default_factory=dict)


class WebSocketService(Protocol):
    """One deployed WebSocket API; its functions run as long as the block, and its methods may run concurrently."""

    @property
    def limits(self) -> ConnectionLimits:
        """The limits that the carrier of the connections enforces."""
        ...

    @property
    def deployed_api(self) -> object:
        """What is deployed; versions with equal APIs are the same to their clients."""
        ...

    async def __aenter__(self) -> WebSocketService: ...

    async def __aexit__(self, *_: object) -> None: ...

    def probe_handshake(self) -> Handshake:
        """A handshake that the API accepts."""
        ...

    async def connect(self, id: str, handshake: Handshake) -> int:
        """Admit a client with SWITCHING_PROTOCOLS, or return the status that refuses it."""
        ...

    def subprotocol_of(self, id: str) -> str:
        """The subprotocol that was agreed on with an admitted client; empty if none was."""
        ...

    async def answer_plain_http(self, request: HttpRequest, client_url: str) -> HttpResponse | None:
        """Answer a plain request, or return None; clients connect on this machine at `client_url`."""
        ...

    async def deliver(self, id: str, text: str) -> bool:
        """Deliver a message of a client; if it fails, the client learns it and the result is False."""
        ...

    async def disconnect(self, id: str, code: int, reason: str) -> None:
        """Report that a client is gone."""
        ...


WebSocketServiceFactory = Callable[[DeployedResources, WebSocketContext], WebSocketService | None]
"""Builds the WebSocket API of a stack; None if the stack has none."""
