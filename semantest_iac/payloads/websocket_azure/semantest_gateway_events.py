"""Translates Web PubSub's events into those of API Gateway's WebSocket APIs, so that one handler runs on both clouds.

Source: the developer guide of API Gateway, integration requests of WebSocket APIs.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from semantest_admission import admit, is_negotiation, negotiate
from semantest_azure import get_hub
from semantest_cloudevents import (
    CONNECT,
    CONNECTED,
    DISCONNECTED,
    Event,
    Response,
    build_response,
    receive_event,
)
from semantest_handler import load_handler
from semantest_identity import get_sender_identity

EVENT_TYPES = {CONNECT: "CONNECT", CONNECTED: "CONNECT", DISCONNECTED: "DISCONNECT"}
ROUTES = {"CONNECT": "$connect", "MESSAGE": "$default", "DISCONNECT": "$disconnect"}
BAD_GATEWAY = 502
NO_CLOSE_CODE = 1005  # RFC 6455: the connection ended without a code

Handler = Callable[[Any, Any], Any]


def handler(request: Mapping[str, Any], context: Any) -> Response:
    """Handle one event with the user's handler, or issue a client token if no token is required."""
    if is_negotiation(request):
        return negotiate(request, lambda _: None, get_hub())
    return receive_event(request, get_sender_identity(), partial(call_handler, _user_handler(), context))


@cache
def _user_handler() -> Handler:
    """Load the user's handler with the first event."""
    return load_handler()


def call_handler(handler: Handler, context: Any, event: Event) -> Response:
    """Call the handler with an event; its answer to a connect decides whether the client is admitted.

    If an authorizer has admitted the client, the handler receives the connect once the client is connected; a client
    that it refuses then is disconnected.
    """
    was_authorized = "claims" in event.state
    if event.kind == CONNECTED and not was_authorized:
        return build_response(204)  # the handler has received the connect already
    result = handler(translate_event(event), context)
    if event.kind == CONNECT:
        if not _is_success(result):
            return build_response(_status(result))
        return admit(event, subprotocol=_subprotocol(result))
    if event.kind == CONNECTED and not _is_success(result):
        get_hub().close(event.id, "Forbidden")
    return build_response(204)


def translate_event(event: Event) -> dict[str, Any]:
    """Translate an event; binary messages, which API Gateway does not carry, are in base64."""
    event_type = EVENT_TYPES.get(event.kind, "MESSAGE")
    handshake = event.json() if event.kind == CONNECT else event.state
    request: dict[str, Any] = {
        "requestContext": _request_context(event, event_type, handshake),
        "isBase64Encoded": False,
    }
    if event_type == "CONNECT":
        return {**_handshake_fields(handshake), **request}
    if event_type == "DISCONNECT":
        reason = str(event.json().get("reason") or "")
        ending = {"disconnectStatusCode": NO_CLOSE_CODE, "disconnectReason": reason}
        context = {**request["requestContext"], **ending}
        return {**_handshake_fields(handshake), **request, "requestContext": context}
    try:
        return {**request, "body": event.body.decode()}
    except UnicodeDecodeError:
        return {**request, "body": base64.b64encode(event.body).decode(), "isBase64Encoded": True}


def _request_context(event: Event, event_type: str, handshake: Mapping[str, Any]) -> dict[str, Any]:
    now = time.time()
    identity = {
        "sourceIp": _last_header(handshake, "x-forwarded-for"),
        "userAgent": _last_header(handshake, "user-agent") or None,
    }
    return {
        "routeKey": ROUTES[event_type],
        "eventType": event_type,
        "connectionId": event.id,
        "connectedAt": int(event.state.get("since", now) * 1000),
        "requestId": f"{event.id}:{event.number}",
        "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now * 1000),
        "messageDirection": "IN",
        "domainName": event.host,
        "stage": "$default",
        "identity": identity,
        **({"messageId": event.number} if event_type == "MESSAGE" else {}),
        **_authorizer_context(event),
    }


def _authorizer_context(event: Event) -> dict[str, Any]:
    claims = event.state.get("claims")
    if claims is None:
        return {}
    return {"authorizer": {"principalId": str(claims.get("sub", "client")), "claims": json.dumps(claims)}}


def _handshake_fields(handshake: Mapping[str, Any]) -> dict[str, Any]:
    query, headers = handshake.get("query") or {}, handshake.get("headers") or {}
    fields = {"headers": _last_values(headers), "multiValueHeaders": headers}
    if query:
        fields |= {"queryStringParameters": _last_values(query), "multiValueQueryStringParameters": query}
    return fields


def _last_values(values_by_name: Mapping[str, Any]) -> dict[str, str]:
    return {name: values[-1] for name, values in values_by_name.items() if values}


def _last_header(handshake: Mapping[str, Any], wanted: str) -> str:
    headers = _last_values(handshake.get("headers") or {})
    return next((value for name, value in headers.items() if name.lower() == wanted), "")


def _subprotocol(result: Mapping[str, Any]) -> str:
    headers: Mapping[str, Any] = result.get("headers") or {}
    return next((str(value) for name, value in headers.items() if name.lower() == "sec-websocket-protocol"), "")


def _is_success(result: Any) -> bool:
    return 200 <= _status(result) < 300


def _status(result: Any) -> int:
    status = result.get("statusCode") if isinstance(result, dict) else None
    return status if isinstance(status, int) else BAD_GATEWAY
