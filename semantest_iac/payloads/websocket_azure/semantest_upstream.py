"""Web PubSub's events as its webhooks receive them: CloudEvents over HTTP, in API Gateway's payload format 2.0.

Source: Azure's documentation of CloudEvents for Web PubSub's event handlers. Each event leaves one line in the log.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
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
    """What happened to a connection; `claims` are what it was let in with, once it is in."""

    kind: str
    id: str
    body: str
    claims: Mapping[str, Any]

    def handshake(self) -> Mapping[str, Any]:
        """Of a client that wants to connect: its query and headers, each with a list of values."""
        found = json.loads(self.body or "{}")
        return found if isinstance(found, dict) else {}


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
    event = Event(kind.removeprefix(SYSTEM), headers.get("ce-connectionid", ""), _body(request), _claims(headers))
    answer = happened(event)
    print(json.dumps({"event": kind, "connection": event.id, "status": answer["statusCode"]}))
    return answer


def answered(status: int, told: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with or without JSON; 204 lets a client in or sends it nothing."""
    named = {"content-type": "application/json", **(headers or {})}
    return {"statusCode": status, "headers": named, "body": json.dumps(told) if told is not None else ""}


def let_in(principal: str, claims: Mapping[str, Any]) -> Answer:
    """A client whose claims come back with each of its events."""
    state = base64.b64encode(json.dumps(claims).encode()).decode()
    return answered(200, {"userId": principal}, {STATE: state})


def is_welcome(event: Event) -> bool:
    """Browsers say which page they come from; who says nothing is no page, and no list means every page."""
    headers = event.handshake().get("headers") or {}
    said = next((values for name, values in headers.items() if name.lower() == "origin"), None) or [""]
    origins = [each.strip() for each in os.environ.get("ALLOWED_ORIGINS", "").split(",") if each.strip()]
    return not said[0] or not origins or said[0] in origins or "*" in origins


def _body(request: Mapping[str, Any]) -> str:
    body: str = request.get("body") or ""
    return base64.b64decode(body).decode(errors="replace") if request.get("isBase64Encoded") else body


def _claims(headers: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        found = json.loads(base64.b64decode(headers.get(STATE.lower(), ""), validate=True) or b"{}")
    except (binascii.Error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
