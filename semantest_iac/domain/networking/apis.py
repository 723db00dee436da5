"""HTTP and WebSocket APIs: endpoints, connection events and connection limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from semantest_iac.domain.environments.environment_settings import Throttling
from semantest_iac.domain.environments.settings import DEFAULT_PAYLOAD, GATEWAY_TIMEOUT_S, Authorizer, Cors
from semantest_iac.domain.resource import Ref, Resource

_VARIABLE = re.compile(r"\{\w+(?P<greedy>\+?)\}")


@dataclass(frozen=True, slots=True)
class ApiEndpoint:
    """A method (or ANY) and a path; `{name}` matches one segment, `{name+}` the rest.

    `target` is the live function version that answers; the API's own without it.
    """

    method: str
    path: str
    public: bool = True
    target: Ref | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def shape(self) -> str:
        """Return the endpoint with `*` and `**` for its variables: endpoints of one shape take the same requests."""
        return _VARIABLE.sub(lambda match: "**" if match["greedy"] else "*", str(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiGateway(Resource):
    """What HTTP and WebSocket APIs share: `target` is the live function version that answers."""

    target: Ref
    throttling: Throttling
    access_log: Ref | None = None
    integration_timeout_s: int = GATEWAY_TIMEOUT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpApi(ApiGateway):
    """A public HTTPS address with endpoints; `payloads` are the formats of events that are not the default one.

    They are given by the live versions that receive them.
    """

    endpoints: tuple[ApiEndpoint, ...]
    cors: Cors | None = None
    authorizer: Authorizer | None = None
    payloads: Mapping[str, str] = field(default_factory=dict)

    def payload_of(self, target: Ref) -> str:
        """Return the format of the events that a live version receives."""
        return self.payloads.get(target, DEFAULT_PAYLOAD)

    @property
    def targets(self) -> tuple[Ref, ...]:
        """Every live function version that answers an endpoint, each once."""
        return tuple(dict.fromkeys(endpoint.target or self.target for endpoint in self.endpoints))

    def needs(self) -> tuple[str, ...]:
        """Return the targets of the endpoints besides the resources that the API itself names."""
        return tuple(dict.fromkeys((*Resource.needs(self), *self.targets)))


LONGEST_CONNECTION_S = 2 * 60 * 60


class ConnectionEvent(StrEnum):
    """The events of a connection; each is a route."""

    CONNECT = "connect"
    MESSAGE = "message"
    DISCONNECT = "disconnect"


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The limits that hold on every cloud: clients send at least every ten minutes and reconnect after two hours.

    Source: the quotas of the strictest cloud.
    """

    idle_s: int = 10 * 60
    duration_s: int = LONGEST_CONNECTION_S
    message_bytes: int = 128 * 1024
    frame_bytes: int = 32 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketAddress(Resource):
    """The address at which clients connect, created before its endpoint because the functions need it to send.

    `type_field` is the field of a JSON message that names its type.
    """

    type_field: str = "type"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketEndpoint(ApiGateway):
    """The routes of a WebSocket address.

    The `authorizer` is a live function version that is called once, when a client connects, not for its messages.
    """

    address: Ref
    routes: tuple[ConnectionEvent, ...] = tuple(ConnectionEvent)
    authorizer: Ref | None = None
    limits: ConnectionLimits = ConnectionLimits()
