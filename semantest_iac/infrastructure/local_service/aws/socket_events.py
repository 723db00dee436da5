"""The events of API Gateway's WebSocket APIs, as functions and authorizers receive them.

Source: the developer guide of API Gateway, integration requests and Lambda authorizers of WebSocket APIs.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from semantest_iac.domain.networking.http_exchange import Pairs
from semantest_iac.infrastructure.local_service.sockets import Handshake

CONNECT, MESSAGE, DISCONNECT = "CONNECT", "MESSAGE", "DISCONNECT"


@dataclass(frozen=True, slots=True)
class SocketApi:
    """The deployed API and stage whose name the events carry."""

    id: str
    domain_name: str
    stage: str
    execution_arn: str


@dataclass(frozen=True, slots=True)
class Client:
    """What every event repeats of the connection: when it began, from where, and what the authorizer said of it."""

    id: str
    handshake: Handshake
    authorizer: Mapping[str, Any] = field(default_factory=dict)
    since: float = field(default_factory=time.time)
    subprotocol: str = ""

    def header(self, wanted: str) -> str:
        """The last value of a header, empty where it was not sent."""
        return next((value for name, value in reversed(self.handshake.headers) if name.lower() == wanted), "")


def connect_event(api: SocketApi, client: Client) -> dict[str, Any]:
    """A client that was let in so far."""
    return {
        **_handshake(client),
        "requestContext": _context(api, client, CONNECT, "$connect"),
        "isBase64Encoded": False,
    }


def message_event(api: SocketApi, client: Client, route_key: str, text: str) -> dict[str, Any]:
    """A message on its route."""
    context = _context(api, client, MESSAGE, route_key) | {"messageId": request_id()}
    return {"requestContext": context, "body": text, "isBase64Encoded": False}


def disconnect_event(api: SocketApi, client: Client, code: int, reason: str) -> dict[str, Any]:
    """A client that is gone."""
    ending = {"disconnectStatusCode": code, "disconnectReason": reason}
    context = _context(api, client, DISCONNECT, "$disconnect") | ending
    return {**_handshake(client), "requestContext": context, "isBase64Encoded": False}


def authorizer_event(api: SocketApi, client: Client) -> dict[str, Any]:
    """The question whether a client may connect."""
    return {
        "type": "REQUEST",
        "methodArn": f"{api.execution_arn}/{api.stage}/$connect",
        "stageVariables": {},
        **_handshake(client),
        "requestContext": _context(api, client, CONNECT, "$connect"),
    }


def request_id() -> str:
    """A new one, in the form of API Gateway's."""
    return f"{uuid.uuid4().hex[:15]}="


def _handshake(client: Client) -> dict[str, Any]:
    query = client.handshake.query
    return {
        "headers": dict(client.handshake.headers),
        "multiValueHeaders": _listed(client.handshake.headers),
        **({"queryStringParameters": dict(query), "multiValueQueryStringParameters": _listed(query)} if query else {}),
    }


def _listed(pairs: Pairs) -> dict[str, list[str]]:
    listed: dict[str, list[str]] = {}
    for name, value in pairs:
        listed.setdefault(name, []).append(value)
    return listed


def _context(api: SocketApi, client: Client, event_type: str, route_key: str) -> dict[str, Any]:
    now, request = datetime.now(UTC), request_id()
    return {
        "routeKey": route_key,
        **({"authorizer": dict(client.authorizer)} if client.authorizer else {}),
        "eventType": event_type,
        "extendedRequestId": request,
        "requestId": request,
        "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now.timestamp() * 1000),
        "connectedAt": int(client.since * 1000),
        "messageDirection": "IN",
        "stage": api.stage,
        "identity": {"sourceIp": client.handshake.source_ip, "userAgent": client.header("user-agent") or None},
        "domainName": api.domain_name,
        "connectionId": client.id,
        "apiId": api.id,
    }
