"""Receives Web PubSub's events: CloudEvents over HTTP, in API Gateway's payload format 2.0.

Source: Azure's documentation of CloudEvents for Web PubSub's event handlers. Each event prints one line to the log.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from semantest_identity import SenderIdentity
from semantest_tokens import TokenError

CONNECT, CONNECTED, DISCONNECTED = "connect", "connected", "disconnected"
SYSTEM, USER = "azure.webpubsub.sys.", "azure.webpubsub.user."
STATE_HEADER = "ce-connectionState"

Response = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """An event of a connection; `state` is what its admission stored, `user` is named by its client token.

    `number` is unique among the events of the connection; `host` is that of the service.
    """

    kind: str
    id: str
    body: bytes
    state: Mapping[str, Any]
    user: str = ""
    number: str = ""
    host: str = ""

    def json(self) -> Mapping[str, Any]:
        """The JSON body of a system event, such as query and headers of a connect."""
        return _parse_object(self.body)


def receive_event(request: Mapping[str, Any], sender: SenderIdentity, handle: Callable[[Event], Response]) -> Response:
    """Handle an event whose sender proves that it is Web PubSub.

    A service that asks whether it may send events proves nothing and only receives the permission.
    """
    headers = request["headers"]
    if request["requestContext"]["http"]["method"] == "OPTIONS":
        return build_response(200, headers={"WebHook-Allowed-Origin": headers.get("webhook-request-origin", "")})
    kind = headers.get("ce-type", "")
    if not kind.startswith((SYSTEM, USER)):
        return build_response(400)
    try:
        sender.check(headers.get("authorization", ""))
    except TokenError as reason:
        print(json.dumps({"event": kind[:64], "refused": str(reason)}))
        return build_response(401)
    event = _read_event(kind, request, headers)
    response = handle(event)
    print(json.dumps({"event": kind, "connection": event.id, "status": response["statusCode"]}))
    return response


def build_response(
    status: int, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Build a response, with or without JSON; one with status 204 sends nothing to the client."""
    all_headers = {"content-type": "application/json", **(headers or {})}
    return {"statusCode": status, "headers": all_headers, "body": json.dumps(body) if body is not None else ""}


def accept_connect(user: str, state: Mapping[str, Any], subprotocol: str = "") -> Response:
    """Accept a client; Web PubSub repeats the state with each of its events."""
    chosen = {"subprotocol": subprotocol} if subprotocol else {}
    encoded_state = base64.b64encode(json.dumps(state).encode()).decode()
    return build_response(200, {"userId": user, **chosen}, {STATE_HEADER: encoded_state})


def _read_event(kind: str, request: Mapping[str, Any], headers: Mapping[str, str]) -> Event:
    body: str = request.get("body") or ""
    return Event(
        kind.removeprefix(SYSTEM),
        headers.get("ce-connectionid", ""),
        base64.b64decode(body) if request.get("isBase64Encoded") else body.encode(),
        _decode_state(headers.get(STATE_HEADER.lower(), "")),
        headers.get("ce-userid", ""),
        headers.get("ce-id", ""),
        headers.get("webhook-request-origin", ""),
    )


def _decode_state(text: str) -> Mapping[str, Any]:
    try:
        return _parse_object(base64.b64decode(text, validate=True))
    except binascii.Error:
        return {}


def _parse_object(data: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(data or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
