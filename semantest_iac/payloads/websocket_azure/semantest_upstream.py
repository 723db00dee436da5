"""Web PubSub's events as its webhooks receive them: CloudEvents over HTTP, in API Gateway's payload format 2.0.

Source: Azure's documentation of CloudEvents for Web PubSub's event handlers. Each event leaves one line in the log.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from semantest_identity import Identity
from semantest_tokens import TokenError

CONNECT, CONNECTED, DISCONNECTED = "connect", "connected", "disconnected"
SYSTEM, USER = "azure.webpubsub.sys.", "azure.webpubsub.user."
STATE = "ce-connectionState"

Answer = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """What happened to a connection; `state` is what it was let in with, `user` whom an access token names.

    `number` tells the event from every other one of the connection, `host` is the service's.
    """

    kind: str
    id: str
    body: bytes
    state: Mapping[str, Any]
    user: str = ""
    number: str = ""
    host: str = ""

    def told(self) -> Mapping[str, Any]:
        """The JSON of an event of the system's, such as the query and headers of who wants to connect."""
        return _object(self.body)


def served(request: Mapping[str, Any], identity: Identity, happened: Callable[[Event], Answer]) -> Answer:
    """What became of an event of Web PubSub's, which has to show who it is.

    A service that asks whether it may send events shows nothing, and hears nothing but that it may.
    """
    headers = request["headers"]
    if request["requestContext"]["http"]["method"] == "OPTIONS":
        return answered(200, headers={"WebHook-Allowed-Origin": headers.get("webhook-request-origin", "")})
    kind = headers.get("ce-type", "")
    if not kind.startswith((SYSTEM, USER)):
        return answered(400)
    try:
        identity.check(headers.get("authorization", ""))
    except TokenError as reason:
        print(json.dumps({"event": kind[:64], "refused": str(reason)}))
        return answered(401)
    event = _event(kind, request, headers)
    answer = happened(event)
    print(json.dumps({"event": kind, "connection": event.id, "status": answer["statusCode"]}))
    return answer


def answered(status: int, told: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with or without JSON; 204 sends a client nothing."""
    named = {"content-type": "application/json", **(headers or {})}
    return {"statusCode": status, "headers": named, "body": json.dumps(told) if told is not None else ""}


def let_in(user: str, state: Mapping[str, Any], subprotocol: str = "") -> Answer:
    """A client whose state comes back with each of its events."""
    agreed = {"subprotocol": subprotocol} if subprotocol else {}
    return answered(200, {"userId": user, **agreed}, {STATE: base64.b64encode(json.dumps(state).encode()).decode()})


def _event(kind: str, request: Mapping[str, Any], headers: Mapping[str, str]) -> Event:
    body: str = request.get("body") or ""
    return Event(
        kind.removeprefix(SYSTEM),
        headers.get("ce-connectionid", ""),
        base64.b64decode(body) if request.get("isBase64Encoded") else body.encode(),
        _state(headers.get(STATE.lower(), "")),
        headers.get("ce-userid", ""),
        headers.get("ce-id", ""),
        headers.get("webhook-request-origin", ""),
    )


def _state(text: str) -> Mapping[str, Any]:
    try:
        return _object(base64.b64decode(text, validate=True))
    except binascii.Error:
        return {}


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
