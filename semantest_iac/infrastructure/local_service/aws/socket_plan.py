"""What is deployed of a WebSocket API on AWS: its routes, who lets clients in, its functions and their tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.local_service.aws.front import function_spec
from semantest_iac.infrastructure.local_service.aws.socket_events import SocketApi
from semantest_iac.infrastructure.local_service.aws.table_data import TableSchema
from semantest_iac.infrastructure.local_service.front import Unpack
from semantest_iac.infrastructure.local_service.sockets import Resources
from semantest_iac.infrastructure.local_service.throttling import StageLimits, stage_limits

Properties = Mapping[str, Any]

CONNECTIONS_ENDPOINT = "SEMANTEST_CONNECTIONS_ENDPOINT"
DEFAULT = "$default"
_GATEWAY = "aws:apigatewayv2"
_API, _STAGE, _ROUTE = f"{_GATEWAY}/api:Api", f"{_GATEWAY}/stage:Stage", f"{_GATEWAY}/route:Route"
_AUTHORIZER = f"{_GATEWAY}/authorizer:Authorizer"
_INTEGRATION = f"{_GATEWAY}/integration:Integration"
_FUNCTION, _TABLE = "aws:lambda/function:Function", "aws:dynamodb/table:Table"
_INVOKED = re.compile(r"functions/(arn:aws[\w-]*:lambda:[^:]+:[^:]+:function:[^:/]+)")
_IN_QUERY = "route.request.querystring."
_SELECTION = re.compile(r"\$request\.body\.(\w+)")


@dataclass(frozen=True, slots=True)
class Guard:
    """The function that lets clients in, and the query parameters without which it is not even asked."""

    function: FunctionSpec
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SocketPlan:
    """One deployed API; `selection` is the field of a message that may name a route."""

    api: SocketApi
    selection: str
    routes: frozenset[str]
    function: FunctionSpec
    guard: Guard | None
    limits: StageLimits
    tables: Mapping[str, TableSchema]
    longest_s: float

    def route_of(self, message: Any) -> str | None:
        """The route that takes a message, parsed where it is JSON; None where no route does."""
        named = message.get(self.selection) if isinstance(message, dict) else None
        wanted = named if isinstance(named, str) and not named.startswith("$") else DEFAULT
        return next((route for route in (wanted, DEFAULT) if route in self.routes), None)


def plan(resources: Resources, unpack: Unpack) -> SocketPlan | None:
    """The API of a stack, or None where it has none; reads packages, so it blocks."""
    api = next((api for api in _all(resources, _API) if api.get("protocolType") == "WEBSOCKET"), None)
    stage, integration = (next(iter(_all(resources, type_)), None) for type_ in (_STAGE, _INTEGRATION))
    function = _function(resources, integration.get("integrationUri", ""), unpack) if integration else None
    if api is None or stage is None or integration is None or function is None:
        return None
    selection = _SELECTION.fullmatch(str(api.get("routeSelectionExpression")))
    domain = api["apiEndpoint"].removeprefix("wss://")
    return SocketPlan(
        api=SocketApi(domain.partition(".")[0], domain, stage["name"], api["executionArn"]),
        selection=selection.group(1) if selection else "",
        routes=frozenset(route["routeKey"] for route in _all(resources, _ROUTE)),
        function=function,
        guard=_guard(resources, unpack),
        limits=stage_limits(stage),
        tables={table["name"]: TableSchema.of(table) for table in _all(resources, _TABLE)},
        longest_s=int(integration.get("timeoutMilliseconds") or 29_000) / 1000,
    )


def reaching(function: FunctionSpec, tables_url: str, connections_url: str) -> FunctionSpec:
    """The function, told to call these in the place of AWS; SDKs read the standard names and need some credentials."""
    told = {
        CONNECTIONS_ENDPOINT: connections_url,
        "AWS_ENDPOINT_URL_DYNAMODB": tables_url,
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": connections_url,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
    }
    return replace(function, environment={**function.environment, **told})


def _guard(resources: Resources, unpack: Unpack) -> Guard | None:
    guarded = any(route.get("authorizerId") for route in _all(resources, _ROUTE))
    authorizer = next(iter(_all(resources, _AUTHORIZER)), None) if guarded else None
    function = _function(resources, authorizer["authorizerUri"], unpack) if authorizer else None
    if authorizer is None or function is None:
        return None
    sources = authorizer.get("identitySources") or ()
    return Guard(function, tuple(it.removeprefix(_IN_QUERY) for it in sources if it.startswith(_IN_QUERY)))


def _function(resources: Resources, uri: str, unpack: Unpack) -> FunctionSpec | None:
    """The function that an address of API Gateway's invokes, with no more secrets than it has been told of."""
    match = _INVOKED.search(uri)
    found = next((it for it in _all(resources, _FUNCTION) if match and it["arn"] == match.group(1)), None)
    if found is None:
        return None
    spec = function_spec(resources, found, unpack)
    own = set(json.loads(spec.environment.get("SEMANTEST_SECRETS") or "{}").values())
    return replace(spec, secrets={arn: value for arn, value in spec.secrets.items() if arn in own})


def _all(resources: Resources, type_: str) -> Iterator[Properties]:
    return (resource.outputs for resource in resources if resource.type == type_)
