"""Web PubSub's events as API Gateway's WebSocket APIs tell them, so that one handler answers on both clouds.

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

from semantest_entrance import admitted, is_negotiation, negotiated
from semantest_handler import named_handler
from semantest_hub import hub
from semantest_identity import identity
from semantest_upstream import CONNECT, CONNECTED, DISCONNECTED, Answer, Event, answered, served

KINDS = {CONNECT: "CONNECT", CONNECTED: "CONNECT", DISCONNECTED: "DISCONNECT"}
ROUTES = {"CONNECT": "$connect", "MESSAGE": "$default", "DISCONNECT": "$disconnect"}
BAD_GATEWAY = 502
UNTOLD = 1005  # the code for: nobody said a code

Handler = Callable[[Any, Any], Any]


def handler(request: Mapping[str, Any], context: Any) -> Answer:
    """One event, or somebody who wants to connect where nobody is asked for a token."""
    if is_negotiation(request):
        return negotiated(request, lambda _: None, hub())
    return served(request, identity(), partial(told, behind(), context))


@cache
def behind() -> Handler:
    """What the door is before, loaded with the first event."""
    return named_handler()


def told(handler: Handler, context: Any, event: Event) -> Answer:
    """What the handler made of an event; what it says to a connect decides, as on the other cloud.

    Whom an authorizer has let in, it hears of when the client is in: who is refused then is sent away.
    """
    was_judged = "claims" in event.state
    if event.kind == CONNECTED and not was_judged:
        return answered(204)  # heard of when it asked
    result = handler(event_of(event), context)
    if event.kind == CONNECT:
        return admitted(event, subprotocol=_subprotocol(result)) if _allows(result) else answered(_status(result))
    if event.kind == CONNECTED and not _allows(result):
        hub().close(event.id, "Forbidden")
    return answered(204)


def event_of(event: Event) -> dict[str, Any]:
    """The event in the words of API Gateway; binary messages, which it does not carry, in base64."""
    kind = KINDS.get(event.kind, "MESSAGE")
    said = event.told() if event.kind == CONNECT else event.state
    request: dict[str, Any] = {"requestContext": _context(event, kind, said), "isBase64Encoded": False}
    if kind == "CONNECT":
        return {**_handshake(said), **request}
    if kind == "DISCONNECT":
        ending = {"disconnectStatusCode": UNTOLD, "disconnectReason": str(event.told().get("reason") or "")}
        return {**_handshake(said), **request, "requestContext": {**request["requestContext"], **ending}}
    try:
        return {**request, "body": event.body.decode()}
    except UnicodeDecodeError:
        return {**request, "body": base64.b64encode(event.body).decode(), "isBase64Encoded": True}


def _context(event: Event, kind: str, said: Mapping[str, Any]) -> dict[str, Any]:
    now = time.time()
    return {
        "routeKey": ROUTES[kind],
        "eventType": kind,
        "connectionId": event.id,
        "connectedAt": int(event.state.get("since", now) * 1000),
        "requestId": f"{event.id}:{event.number}",
        "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now * 1000),
        "messageDirection": "IN",
        "domainName": event.host,
        "stage": "$default",
        "identity": {"sourceIp": _last(said, "x-forwarded-for"), "userAgent": _last(said, "user-agent") or None},
        **({"messageId": event.number} if kind == "MESSAGE" else {}),
        **_authorizer(event),
    }


def _authorizer(event: Event) -> dict[str, Any]:
    claims = event.state.get("claims")
    if claims is None:
        return {}
    return {"authorizer": {"principalId": str(claims.get("sub", "client")), "claims": json.dumps(claims)}}


def _handshake(said: Mapping[str, Any]) -> dict[str, Any]:
    query, headers = said.get("query") or {}, said.get("headers") or {}
    shown = {"queryStringParameters": _lasts(query), "multiValueQueryStringParameters": query} if query else {}
    return {"headers": _lasts(headers), "multiValueHeaders": headers, **shown}


def _lasts(listed: Mapping[str, Any]) -> dict[str, str]:
    return {name: values[-1] for name, values in listed.items() if values}


def _last(said: Mapping[str, Any], wanted: str) -> str:
    headers = _lasts(said.get("headers") or {})
    return next((value for name, value in headers.items() if name.lower() == wanted), "")


def _subprotocol(result: Mapping[str, Any]) -> str:
    headers: Mapping[str, Any] = result.get("headers") or {}
    return next((str(value) for name, value in headers.items() if name.lower() == "sec-websocket-protocol"), "")


def _allows(result: Any) -> bool:
    return 200 <= _status(result) < 300


def _status(result: Any) -> int:
    status = result.get("statusCode") if isinstance(result, dict) else None
    return status if isinstance(status, int) else BAD_GATEWAY
