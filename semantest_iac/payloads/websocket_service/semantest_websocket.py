"""The WebSocket service as API Gateway's WebSocket APIs call it, over DynamoDB.

Each event leaves one line in the log, which is the access log of the API.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from semantest_conversation import Conversation

OK, FORBIDDEN = 200, 403


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """One connect, message or disconnect."""
    request = event["requestContext"]
    status = answer(conversation(), event)
    line = {"event": request["eventType"], "connection": request["connectionId"], "request": request.get("requestId")}
    print(json.dumps({**line, "status": status}))
    return {"statusCode": status}


def answer(conversation: Conversation, event: Mapping[str, Any]) -> int:
    """The status of one event; that of a connect decides whether the client is let in."""
    request = event["requestContext"]
    id, kind = request["connectionId"], request["eventType"]
    if kind == "CONNECT":
        if not _is_welcome(_header(event, "origin"), os.environ.get("ALLOWED_ORIGINS", "")):
            return FORBIDDEN
        conversation.connected(id, _claims(request.get("authorizer") or {}))
    elif kind == "DISCONNECT":
        conversation.disconnected(id)
    else:
        conversation.said(id, event.get("body") or "", _claims(request.get("authorizer") or {}))
    return OK


@cache
def conversation() -> Conversation:
    """One for the life of the process, with the connections that it keeps open."""
    from semantest_dynamodb import DynamoConnections

    return Conversation(DynamoConnections.of_environment())


def _is_welcome(origin: str, allowed: str) -> bool:
    """Browsers say which page they come from; who says nothing is no page, and no list means every page."""
    origins = [each.strip() for each in allowed.split(",") if each.strip()]
    return not origin or not origins or origin in origins or "*" in origins


def _header(event: Mapping[str, Any], wanted: str) -> str:
    headers = event.get("headers") or {}
    return next((str(value) for name, value in headers.items() if name.lower() == wanted), "")


def _claims(authorizer: Mapping[str, Any]) -> Mapping[str, Any]:
    claims: Mapping[str, Any] = json.loads(authorizer.get("claims") or "{}")
    return claims
