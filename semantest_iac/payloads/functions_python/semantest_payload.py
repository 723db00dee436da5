"""Translates events and results between API Gateway's payload formats 2.0 and 1.0, for handlers written for the latter.

Azure's host has joined repeated headers before, so each list of headers has one value.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

EMPTY_IDENTITY = (
    *("accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType"),
    *("cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "user", "userArn"),
)


class AnyCaseHeaders(dict[str, Any]):
    """Headers that a handler finds in any case: Azure makes the names lower, and format 1.0 keeps them as sent."""

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(name if super().__contains__(name) else name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and super().__contains__(name.lower()))

    def get(self, name: str, default: Any = None, /) -> Any:
        return super().get(name if super().__contains__(name) else name.lower(), default)


def build_event_of_format_1(event: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Build the event of format 1.0 from one of format 2.0 and the path as it was sent, still encoded.

    Of repeated parameters, one value is the last.
    """
    headers = {**event["headers"], **({"cookie": "; ".join(event["cookies"])} if "cookies" in event else {})}
    query = parse_qs(event["rawQueryString"], keep_blank_values=True)
    resource = event["routeKey"].partition(" ")[2] or event["routeKey"]
    return {
        "version": "1.0",
        "resource": resource,
        "path": path,
        "httpMethod": event["requestContext"]["http"]["method"],
        "headers": AnyCaseHeaders(headers),
        "multiValueHeaders": AnyCaseHeaders({name: [value] for name, value in headers.items()}),
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "requestContext": _request_context(event["requestContext"], event["rawPath"], resource),
        "pathParameters": event.get("pathParameters"),
        "stageVariables": None,
        "body": event.get("body"),
        "isBase64Encoded": event["isBase64Encoded"],
    }


def _request_context(context: Mapping[str, Any], path: str, resource: str) -> dict[str, Any]:
    call, epoch = context["http"], context["timeEpoch"]
    return {
        "accountId": context["accountId"],
        "apiId": context["apiId"],
        "authorizer": {"claims": None, "scopes": None},
        "domainName": context["domainName"],
        "domainPrefix": context["domainPrefix"],
        "extendedRequestId": context["requestId"],
        "httpMethod": call["method"],
        "identity": {**dict.fromkeys(EMPTY_IDENTITY), "sourceIp": call["sourceIp"], "userAgent": call["userAgent"]},
        "path": path,
        "protocol": call["protocol"],
        "requestId": context["requestId"],
        "requestTime": datetime.fromtimestamp(epoch / 1000, UTC).strftime("%d/%b/%Y:%H:%M:%S %z"),
        "requestTimeEpoch": epoch,
        "resourceId": context["routeKey"],
        "resourcePath": resource,
        "stage": context["stage"],
    }


def build_result_of_format_2(result: Any) -> dict[str, Any]:
    """Turn a result of format 1.0 into one of format 2.0; raises ValueError for one without a status code."""
    if not isinstance(result, dict) or "statusCode" not in result:
        raise ValueError("A result of payload format 1.0 must have a statusCode.")
    headers = {name.lower(): [value] for name, value in (result.get("headers") or {}).items()}
    for name, values in (result.get("multiValueHeaders") or {}).items():
        if not isinstance(values, list):
            raise ValueError(f"multiValueHeaders.{name} must be a list.")
        before = headers.get(name.lower(), [])
        headers[name.lower()] = [*(value for value in before if value not in values), *values]
    cookies = headers.pop("set-cookie", [])
    joined = {name: values[0] if len(values) == 1 else ", ".join(map(str, values)) for name, values in headers.items()}
    return {**result, "headers": joined, "cookies": cookies}
