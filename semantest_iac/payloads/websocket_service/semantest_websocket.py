"""The bundled WebSocket service, called with events of API Gateway: over DynamoDB on AWS, over tables on Azure."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from semantest_protocol import ProtocolHandler

OK, FORBIDDEN = 200, 403


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Handle one event on AWS and print a line, which is the access log of the API."""
    request = event["requestContext"]
    status = handle_event(_protocol_on_aws(), event)
    line = {"event": request["eventType"], "connection": request["connectionId"], "request": request.get("requestId")}
    print(json.dumps({**line, "status": status}))
    return {"statusCode": status}


def handler_on_azure(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Handle one event on Azure, where the wrapper before this handler prints the access log."""
    return {"statusCode": handle_event(_protocol_on_azure(), event)}


def handle_event(protocol: ProtocolHandler, event: Mapping[str, Any]) -> int:
    """Handle one event and return its status; the status of a connect decides whether the client is admitted."""
    request = event["requestContext"]
    id, kind = request["connectionId"], request["eventType"]
    if kind == "CONNECT":
        if not _is_allowed_origin(_header(event, "origin"), os.environ.get("ALLOWED_ORIGINS", "")):
            return FORBIDDEN
        protocol.handle_connect(id, _claims(request.get("authorizer") or {}))
    elif kind == "DISCONNECT":
        protocol.handle_disconnect(id)
    else:
        protocol.handle_message(id, event.get("body") or "", _claims(request.get("authorizer") or {}))
    return OK


@cache
def _protocol_on_aws() -> ProtocolHandler:
    from semantest_dynamodb import DynamoConnections

    return ProtocolHandler(DynamoConnections.from_environment())


@cache
def _protocol_on_azure() -> ProtocolHandler:
    from semantest_tables import TableConnections

    return ProtocolHandler(TableConnections.from_environment())


def _is_allowed_origin(origin: str, allowed: str) -> bool:
    """Only browsers send an origin; without one, or without a list, every client is allowed."""
    origins = [each.strip() for each in allowed.split(",") if each.strip()]
    return not origin or not origins or origin in origins or "*" in origins


def _header(event: Mapping[str, Any], wanted: str) -> str:
    headers = event.get("headers") or {}
    return next((str(value) for name, value in headers.items() if name.lower() == wanted), "")


def _claims(authorizer: Mapping[str, Any]) -> Mapping[str, Any]:
    claims: Mapping[str, Any] = json.loads(authorizer.get("claims") or "{}")
    return claims
