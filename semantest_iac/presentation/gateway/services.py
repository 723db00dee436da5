"""What the gateway needs of the services that it serves."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.domain.networking.http_exchange import BodyLimit, HttpRequest
from semantest_iac.domain.ports.service_probe import ProbeAnswer


class ClientSocket(Protocol):
    """The socket of one client; both methods raise ConnectionError if the client is gone."""

    async def send(self, data: bytes) -> None:
        """Send one text message, encoded as UTF-8."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Close with a WebSocket close code."""
        ...


class GatewayConnection(Protocol):
    """The service's side of one accepted WebSocket connection."""

    @property
    def limits(self) -> ConnectionLimits:
        """The limits that the gateway enforces."""
        ...

    @property
    def subprotocol(self) -> str:
        """The subprotocol that client and service agreed on; empty if none."""
        ...

    def attach(self, channel: ClientSocket) -> None:
        """Register the socket, so that the service can send to the client."""
        ...

    def time_left_s(self) -> float:
        """Return the seconds until the connection must close if the client sends nothing."""
        ...

    async def deliver(self, text: str) -> None:
        """Pass one message of the client to the service."""
        ...

    async def disconnect(self, code: int, reason: str) -> None:
        """Tell the service that the client is gone; called once."""
        ...


class GatewayServices(Protocol):
    """Deployed services by stack name; leaving the context ends every process that runs for them."""

    async def __aenter__(self) -> GatewayServices: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def names(self) -> Sequence[str]:
        """List the stacks that are served now."""
        ...

    async def find_domain(self, host: str) -> str | None:
        """Return what answers at a domain of a stack: `<stack>/<path>`, or `<stack>` alone for all paths of a site."""
        ...

    async def takes_web_sockets(self, name: str) -> bool:
        """Return whether WebSocket clients may connect to a stack; requests to others are plain ones, with `call`."""
        ...

    async def connect(self, name: str, request: HttpRequest) -> GatewayConnection | int:
        """Connect a client of a WebSocket API, or return the HTTP status of the refusal; raises as `call` does."""
        ...

    async def body_limit(self, name: str) -> BodyLimit:
        """Return the limit of a stack's cloud for bodies; raises as `call` does."""
        ...

    async def call(self, name: str, request: HttpRequest, *, at_own_host: bool = False) -> ProbeAnswer:
        """Send one request to one stack; raises NotFoundError if the stack is not served.

        At a host of its own, such as `rest-api.aws.development.us-east-1.localhost`, a stack has all paths.
        """
        ...


ListenAddress = tuple[str, int]
RunningGateway = AbstractAsyncContextManager[str]
"""Yields the gateway's URL; the gateway stops at the end of the context."""
