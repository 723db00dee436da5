"""HTTP and WebSocket APIs: endpoints, connection events and connection limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from semantest_iac.domain.environments.settings import Authorizer, Cors, Throttling
from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True)
class ApiEndpoint:
    """One route: a method (or ANY) and a path; `{name}` matches one part, `{name+}` the rest."""

    method: str
    path: str
    public: bool = True

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpApi(Resource):
    """A public HTTPS address whose endpoints are answered by one live function version."""

    target: Ref
    endpoints: tuple[ApiEndpoint, ...]
    throttling: Throttling
    access_log: Ref | None = None
    cors: Cors | None = None
    authorizer: Authorizer | None = None
    integration_timeout_s: int = 29


LONGEST_CONNECTION_S = 2 * 60 * 60


class ConnectionEvent(StrEnum):
    """What happens to a connection; each is a route of its own."""

    CONNECT = "connect"
    MESSAGE = "message"
    DISCONNECT = "disconnect"


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What every client may count on and none may pass, on the narrowest of the clouds.

    Source: the quotas of API Gateway; clients must say something every ten minutes and come back after two hours.
    """

    idle_s: int = 10 * 60
    duration_s: int = LONGEST_CONNECTION_S
    message_bytes: int = 128 * 1024
    frame_bytes: int = 32 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketAddress(Resource):
    """Where clients will connect, before anybody answers there: what answers must be told where to send to.

    `selection` is the field of a JSON message that says what kind of message it is.
    """

    selection: str = "type"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketEndpoint(Resource):
    """What happens at an address, answered by one live version of a function.

    The `authorizer` is the live version that is asked once, when a client connects: never again for its messages.
    """

    address: Ref
    target: Ref
    throttling: Throttling
    routes: tuple[ConnectionEvent, ...] = tuple(ConnectionEvent)
    authorizer: Ref | None = None
    access_log: Ref | None = None
    limits: ConnectionLimits = ConnectionLimits()
    integration_timeout_s: int = 29
