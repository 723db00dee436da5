"""A WebSocket API of API Gateway, read from deployed resources, and the events that it sends to functions.

Source: the developer guide of API Gateway, integration requests and Lambda authorizers of WebSocket APIs.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from semantest_iac.domain.networking.http_exchange import Pairs
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.local_service.api_frontend import StageLimits, UnpackPackage, read_stage_limits
from semantest_iac.infrastructure.local_service.aws.api_frontend import read_function_spec
from semantest_iac.infrastructure.local_service.aws.tables import TableSchema
from semantest_iac.infrastructure.local_service.web_socket_service import DeployedResources, Handshake

_CONNECT, _MESSAGE, _DISCONNECT = "CONNECT", "MESSAGE", "DISCONNECT"


@dataclass(frozen=True, slots=True)
class WebSocketApi:
    """The deployed API and stage whose name the events carry."""

    id: str
    domain_name: str
    stage: str
    execution_arn: str


@dataclass(frozen=True, slots=True)
class ConnectedClient:
    """What every event repeats of the connection: when it began, from where, and what the authorizer said of it."""

    id: str
    handshake: Handshake
    authorizer: Mapping[str, Any] = field(default_factory=dict)
    since: float = field(default_factory=time.time)
    subprotocol: str = ""

    def header(self, wanted: str) -> str:
        """The last value of a header, empty where it was not sent."""
        return next((value for name, value in reversed(self.handshake.headers) if name.lower() == wanted), "")


def build_connect_event(api: WebSocketApi, client: ConnectedClient) -> dict[str, Any]:
    """A client that was let in so far."""
    return {
        **_handshake_fields(client),
        "requestContext": _request_context(api, client, _CONNECT, "$connect"),
        "isBase64Encoded": False,
    }


def build_message_event(api: WebSocketApi, client: ConnectedClient, route_key: str, text: str) -> dict[str, Any]:
    """A message on its route."""
    context = _request_context(api, client, _MESSAGE, route_key) | {"messageId": new_request_id()}
    return {"requestContext": context, "body": text, "isBase64Encoded": False}


def build_disconnect_event(api: WebSocketApi, client: ConnectedClient, code: int, reason: str) -> dict[str, Any]:
    """A client that is gone."""
    ending = {"disconnectStatusCode": code, "disconnectReason": reason}
    context = _request_context(api, client, _DISCONNECT, "$disconnect") | ending
    return {**_handshake_fields(client), "requestContext": context, "isBase64Encoded": False}


def build_authorizer_event(api: WebSocketApi, client: ConnectedClient) -> dict[str, Any]:
    """The question whether a client may connect."""
    return {
        "type": "REQUEST",
        "methodArn": f"{api.execution_arn}/{api.stage}/$connect",
        "stageVariables": {},
        **_handshake_fields(client),
        "requestContext": _request_context(api, client, _CONNECT, "$connect"),
    }


def new_request_id() -> str:
    """A new one, in the form of API Gateway's."""
    return f"{uuid.uuid4().hex[:15]}="


def _handshake_fields(client: ConnectedClient) -> dict[str, Any]:
    query = client.handshake.query
    return {
        "headers": dict(client.handshake.headers),
        "multiValueHeaders": _group_values(client.handshake.headers),
        **(
            {"queryStringParameters": dict(query), "multiValueQueryStringParameters": _group_values(query)}
            if query
            else {}
        ),
    }


def _group_values(pairs: Pairs) -> dict[str, list[str]]:
    listed: dict[str, list[str]] = {}
    for name, value in pairs:
        listed.setdefault(name, []).append(value)
    return listed


def _request_context(api: WebSocketApi, client: ConnectedClient, event_type: str, route_key: str) -> dict[str, Any]:
    now, request = datetime.now(UTC), new_request_id()
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


_Outputs = Mapping[str, Any]

CONNECTIONS_ENDPOINT = "SEMANTEST_CONNECTIONS_ENDPOINT"
_DEFAULT_ROUTE = "$default"
_GATEWAY = "aws:apigatewayv2"
_API, _STAGE, _ROUTE = f"{_GATEWAY}/api:Api", f"{_GATEWAY}/stage:Stage", f"{_GATEWAY}/route:Route"
_AUTHORIZER = f"{_GATEWAY}/authorizer:Authorizer"
_INTEGRATION = f"{_GATEWAY}/integration:Integration"
_FUNCTION, _TABLE = "aws:lambda/function:Function", "aws:dynamodb/table:Table"
_FUNCTION_ARN = re.compile(r"functions/(arn:aws[\w-]*:lambda:[^:]+:[^:]+:function:[^:/]+)")
_QUERY_SOURCE = "route.request.querystring."
_ROUTE_SELECTION = re.compile(r"\$request\.body\.(\w+)")


@dataclass(frozen=True, slots=True)
class WebSocketAuthorizer:
    """The function that lets clients in, and the query parameters without which it is not even asked."""

    function: FunctionSpec
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WebSocketPlan:
    """One deployed API; `selection` is the field of a message that may name a route."""

    api: WebSocketApi
    selection: str
    routes: frozenset[str]
    function: FunctionSpec
    guard: WebSocketAuthorizer | None
    limits: StageLimits
    tables: Mapping[str, TableSchema]
    longest_s: float

    def route_of(self, message: Any) -> str | None:
        """The route that takes a message, parsed where it is JSON; None where no route does."""
        named = message.get(self.selection) if isinstance(message, dict) else None
        wanted = named if isinstance(named, str) and not named.startswith("$") else _DEFAULT_ROUTE
        return next((route for route in (wanted, _DEFAULT_ROUTE) if route in self.routes), None)


def read_web_socket_plan(resources: DeployedResources, unpack: UnpackPackage) -> WebSocketPlan | None:
    """The API of a stack, or None where it has none; reads packages, so it blocks."""
    api = next((api for api in _outputs_of_type(resources, _API) if api.get("protocolType") == "WEBSOCKET"), None)
    stage, integration = (next(iter(_outputs_of_type(resources, type_)), None) for type_ in (_STAGE, _INTEGRATION))
    function = _find_function(resources, integration.get("integrationUri", ""), unpack) if integration else None
    if api is None or stage is None or integration is None or function is None:
        return None
    selection = _ROUTE_SELECTION.fullmatch(str(api.get("routeSelectionExpression")))
    domain = api["apiEndpoint"].removeprefix("wss://")
    return WebSocketPlan(
        api=WebSocketApi(domain.partition(".")[0], domain, stage["name"], api["executionArn"]),
        selection=selection.group(1) if selection else "",
        routes=frozenset(route["routeKey"] for route in _outputs_of_type(resources, _ROUTE)),
        function=function,
        guard=_read_authorizer(resources, unpack),
        limits=read_stage_limits(stage),
        tables={table["name"]: TableSchema.of(table) for table in _outputs_of_type(resources, _TABLE)},
        longest_s=int(integration.get("timeoutMilliseconds") or 29_000) / 1000,
    )


def redirect_to_local_endpoints(function: FunctionSpec, tables_url: str, connections_url: str) -> FunctionSpec:
    """The function, told to call these in the place of AWS; SDKs read the standard names and need some credentials."""
    told = {
        CONNECTIONS_ENDPOINT: connections_url,
        "AWS_ENDPOINT_URL_DYNAMODB": tables_url,
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": connections_url,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
    }
    return replace(function, environment={**function.environment, **told})


def _read_authorizer(resources: DeployedResources, unpack: UnpackPackage) -> WebSocketAuthorizer | None:
    guarded = any(route.get("authorizerId") for route in _outputs_of_type(resources, _ROUTE))
    authorizer = next(iter(_outputs_of_type(resources, _AUTHORIZER)), None) if guarded else None
    function = _find_function(resources, authorizer["authorizerUri"], unpack) if authorizer else None
    if authorizer is None or function is None:
        return None
    sources = authorizer.get("identitySources") or ()
    return WebSocketAuthorizer(
        function, tuple(it.removeprefix(_QUERY_SOURCE) for it in sources if it.startswith(_QUERY_SOURCE))
    )


def _find_function(resources: DeployedResources, uri: str, unpack: UnpackPackage) -> FunctionSpec | None:
    """The function that an address of API Gateway's invokes, with no more secrets than it has been told of."""
    match = _FUNCTION_ARN.search(uri)
    found = next((it for it in _outputs_of_type(resources, _FUNCTION) if match and it["arn"] == match.group(1)), None)
    if found is None:
        return None
    spec = read_function_spec(resources, found, unpack)
    own = set(json.loads(spec.environment.get("SEMANTEST_SECRETS") or "{}").values())
    return replace(spec, secrets={arn: value for arn, value in spec.secrets.items() if arn in own})


def _outputs_of_type(resources: DeployedResources, type_: str) -> Iterator[_Outputs]:
    return (resource.outputs for resource in resources if resource.type == type_)
