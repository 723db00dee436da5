"""A WebSocket API of API Gateway, read from deployed resources, and the events that it sends to functions.

Source: the developer guide of API Gateway, integration requests and Lambda authorizers of WebSocket APIs.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from semantest_iac.domain.networking.http_exchange import group_values
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources, UnpackPackage
from semantest_iac.infrastructure.local_service.aws.api_frontend import (
    StageLimits,
    outputs_of_type,
    read_function_spec,
    read_stage_limits,
)
from semantest_iac.infrastructure.local_service.aws.live_versions import find_invoked_function
from semantest_iac.infrastructure.local_service.aws.tables import TableSchema
from semantest_iac.infrastructure.local_service.web_socket_service import Handshake

CONNECTIONS_ENDPOINT = "SEMANTEST_CONNECTIONS_ENDPOINT"
_CONNECT, _MESSAGE, _DISCONNECT = "CONNECT", "MESSAGE", "DISCONNECT"
_DEFAULT_ROUTE = "$default"
_GATEWAY = "aws:apigatewayv2"
_API, _STAGE, _ROUTE = f"{_GATEWAY}/api:Api", f"{_GATEWAY}/stage:Stage", f"{_GATEWAY}/route:Route"
_AUTHORIZER = f"{_GATEWAY}/authorizer:Authorizer"
_INTEGRATION = f"{_GATEWAY}/integration:Integration"
_TABLE = "aws:dynamodb/table:Table"
_QUERY_SOURCE = "route.request.querystring."
_ROUTE_SELECTION = re.compile(r"\$request\.body\.(\w+)")


@dataclass(frozen=True, slots=True)
class WebSocketApiIdentity:
    """The deployed API and stage that the events name."""

    id: str
    domain_name: str
    stage: str
    execution_arn: str


@dataclass(frozen=True, slots=True)
class WebSocketAuthorizer:
    """The function that admits clients; API Gateway refuses those without the required query parameters itself."""

    function: FunctionSpec
    required_parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeployedWebSocketApi:
    """One deployed API; the `route_field` of a JSON message may name a route."""

    identity: WebSocketApiIdentity
    route_field: str
    routes: frozenset[str]
    function: FunctionSpec
    authorizer: WebSocketAuthorizer | None
    stage_limits: StageLimits
    tables: Mapping[str, TableSchema]
    timeout_s: float

    def find_route(self, message: Any) -> str | None:
        """Find the route of a decoded message, which is None if it is no JSON; None if no route accepts it."""
        named = message.get(self.route_field) if isinstance(message, dict) else None
        wanted = named if isinstance(named, str) and not named.startswith("$") else _DEFAULT_ROUTE
        return next((route for route in (wanted, _DEFAULT_ROUTE) if route in self.routes), None)


def read_deployed_web_socket_api(resources: DeployedResources, unpack: UnpackPackage) -> DeployedWebSocketApi | None:
    """Read the API of a stack; None if it has none. Blocks, because it unpacks packages."""
    apis = outputs_of_type(resources, _API)
    api = next((api for api in apis if api.get("protocolType") == "WEBSOCKET"), None)
    stage, integration = (next(outputs_of_type(resources, type_), None) for type_ in (_STAGE, _INTEGRATION))
    function = _find_function(resources, integration.get("integrationUri", ""), unpack) if integration else None
    if api is None or stage is None or integration is None or function is None:
        return None
    selection = _ROUTE_SELECTION.fullmatch(str(api.get("routeSelectionExpression")))
    domain = api["apiEndpoint"].removeprefix("wss://")
    return DeployedWebSocketApi(
        identity=WebSocketApiIdentity(domain.partition(".")[0], domain, stage["name"], api["executionArn"]),
        route_field=selection.group(1) if selection else "",
        routes=frozenset(route["routeKey"] for route in outputs_of_type(resources, _ROUTE)),
        function=function,
        authorizer=_read_authorizer(resources, unpack),
        stage_limits=read_stage_limits(stage),
        tables={table["name"]: TableSchema.from_outputs(table) for table in outputs_of_type(resources, _TABLE)},
        timeout_s=int(integration.get("timeoutMilliseconds") or 29_000) / 1000,
    )


def redirect_to_local_endpoints(function: FunctionSpec, tables_url: str, connections_url: str) -> FunctionSpec:
    """Make the function call these URLs in place of AWS; SDKs read the standard names and need some credentials."""
    variables = {
        CONNECTIONS_ENDPOINT: connections_url,
        "AWS_ENDPOINT_URL_DYNAMODB": tables_url,
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": connections_url,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
    }
    return replace(function, environment={**function.environment, **variables})


def _read_authorizer(resources: DeployedResources, unpack: UnpackPackage) -> WebSocketAuthorizer | None:
    is_authorized = any(route.get("authorizerId") for route in outputs_of_type(resources, _ROUTE))
    authorizer = next(outputs_of_type(resources, _AUTHORIZER), None) if is_authorized else None
    function = _find_function(resources, authorizer["authorizerUri"], unpack) if authorizer else None
    if authorizer is None or function is None:
        return None
    sources = authorizer.get("identitySources") or ()
    parameters = tuple(it.removeprefix(_QUERY_SOURCE) for it in sources if it.startswith(_QUERY_SOURCE))
    return WebSocketAuthorizer(function, parameters)


def _find_function(resources: DeployedResources, uri: str, unpack: UnpackPackage) -> FunctionSpec | None:
    """Find the version of a function that an invocation URI of API Gateway names."""
    invoked = find_invoked_function(resources, uri)
    return read_function_spec(resources, invoked.live, unpack) if invoked else None


@dataclass(frozen=True, slots=True)
class ConnectedClient:
    """What every event of a connection repeats: its handshake, its start, and what the authorizer returned."""

    id: str
    handshake: Handshake
    authorizer_context: Mapping[str, Any] = field(default_factory=dict)
    connected_at: float = field(default_factory=time.time)
    subprotocol: str = ""

    def header(self, wanted: str) -> str:
        """The last value of a header by its lower-case name; empty if the client did not send it."""
        return next((value for name, value in reversed(self.handshake.headers) if name.lower() == wanted), "")


def build_connect_event(api: WebSocketApiIdentity, client: ConnectedClient) -> dict[str, Any]:
    return {
        **_handshake_fields(client),
        "requestContext": _request_context(api, client, _CONNECT, "$connect"),
        "isBase64Encoded": False,
    }


def build_message_event(
    api: WebSocketApiIdentity, client: ConnectedClient, route_key: str, text: str
) -> dict[str, Any]:
    context = _request_context(api, client, _MESSAGE, route_key) | {"messageId": new_request_id()}
    return {"requestContext": context, "body": text, "isBase64Encoded": False}


def build_disconnect_event(
    api: WebSocketApiIdentity, client: ConnectedClient, code: int, reason: str
) -> dict[str, Any]:
    ending = {"disconnectStatusCode": code, "disconnectReason": reason}
    context = _request_context(api, client, _DISCONNECT, "$disconnect") | ending
    return {**_handshake_fields(client), "requestContext": context, "isBase64Encoded": False}


def build_authorizer_event(api: WebSocketApiIdentity, client: ConnectedClient) -> dict[str, Any]:
    return {
        "type": "REQUEST",
        "methodArn": f"{api.execution_arn}/{api.stage}/$connect",
        "stageVariables": {},
        **_handshake_fields(client),
        "requestContext": _request_context(api, client, _CONNECT, "$connect"),
    }


def new_request_id() -> str:
    """Make an id in the form of API Gateway's."""
    return f"{uuid.uuid4().hex[:15]}="


def _handshake_fields(client: ConnectedClient) -> dict[str, Any]:
    headers, query = client.handshake.headers, client.handshake.query
    fields: dict[str, Any] = {"headers": dict(headers), "multiValueHeaders": group_values(headers)}
    if query:
        fields |= {"queryStringParameters": dict(query), "multiValueQueryStringParameters": group_values(query)}
    return fields


def _request_context(
    api: WebSocketApiIdentity, client: ConnectedClient, event_type: str, route_key: str
) -> dict[str, Any]:
    now, request = datetime.now(UTC), new_request_id()
    return {
        "routeKey": route_key,
        **({"authorizer": dict(client.authorizer_context)} if client.authorizer_context else {}),
        "eventType": event_type,
        "extendedRequestId": request,
        "requestId": request,
        "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now.timestamp() * 1000),
        "connectedAt": int(client.connected_at * 1000),
        "messageDirection": "IN",
        "stage": api.stage,
        "identity": {"sourceIp": client.handshake.source_ip, "userAgent": client.header("user-agent") or None},
        "domainName": api.domain_name,
        "connectionId": client.id,
        "apiId": api.id,
    }
