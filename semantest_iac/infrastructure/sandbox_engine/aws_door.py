"""API Gateway and Lambda as a stack's state describes them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.function_runtimes import http_api
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.function_runtimes.http_api import ApiIdentity
from semantest_iac.infrastructure.function_runtimes.routes import RouteMatch, match_route
from semantest_iac.infrastructure.sandbox_engine.front import Arrival, Front
from semantest_iac.infrastructure.sandbox_engine.snapshots import Snapshot
from semantest_iac.infrastructure.sandbox_engine.values import Package, Properties, bare

_UNCHECKED = "The token was not checked: its issuer's keys are not on this machine."


def front(snapshot: Snapshot, unpack: Callable[[Path], Path]) -> Front | None:
    """The API of a stack, or None where the stack has none."""
    api = next(_outputs(snapshot, "aws:apigatewayv2/api:Api"), None)
    function = next(_outputs(snapshot, "aws:lambda/function:Function"), None)
    if api is None or function is None:
        return None
    account = function["arn"].split(":")[4]
    host = api["apiEndpoint"].removeprefix("https://")
    identity = ApiIdentity(host.partition(".")[0], host, account)
    routes = {route["routeKey"]: route for route in _outputs(snapshot, "aws:apigatewayv2/route:Route")}
    return Front(
        function=_function(snapshot, function, unpack),
        admit=lambda request: _admit(request, routes, identity),
        answer=http_api.response_for,
    )


def _function(snapshot: Snapshot, function: Properties, unpack: Callable[[Path], Path]) -> FunctionSpec:
    code = function["code"]
    package = Path(code.path if isinstance(code, Package) else code)
    _, _, _, region, account, _, name = function["arn"].split(":")
    return FunctionSpec(
        package=unpack(package),
        handler=function["handler"],
        runtime=function["runtime"],
        environment=bare(function.get("environment", {})).get("variables", {}),
        memory_mb=function["memorySize"],
        timeout_s=function["timeout"],
        secrets=dict(_secrets(snapshot)),
        name=name,
        version=str(function["version"]),
        region=region,
        account=account,
    )


def _admit(request: HttpRequest, routes: dict[str, Properties], identity: ApiIdentity) -> Arrival:
    match = match_route(routes, request.method, request.path)
    if match is None:
        return Arrival(refusal=http_api.not_found())
    secured = routes[match.route_key].get("authorizationType") == "JWT"
    if secured and not any(name.lower() == "authorization" for name, _ in request.headers):
        return Arrival(refusal=_unauthorized())
    return Arrival(event=_event(request, match, identity), note=_UNCHECKED if secured else "")


def _event(request: HttpRequest, match: RouteMatch, identity: ApiIdentity) -> dict[str, object]:
    return http_api.event_for(request, match, identity, http_api.Arrival(str(uuid.uuid4()), datetime.now(UTC)))


def _unauthorized() -> HttpResponse:
    body = json.dumps({"message": "Unauthorized"}, separators=(",", ":")).encode()
    return HttpResponse(401, (("content-type", "application/json"), ("content-length", str(len(body)))), body)


def _outputs(snapshot: Snapshot, type_: str) -> Iterator[Properties]:
    return (state.outputs for state in snapshot if state.type == type_ and not state.delete)


def _secrets(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    for version in _outputs(snapshot, "aws:secretsmanager/secretVersion:SecretVersion"):
        yield bare(version["secretId"]), bare(version["secretString"])
