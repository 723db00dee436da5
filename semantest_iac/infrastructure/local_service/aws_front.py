"""API Gateway and Lambda as what is deployed describes them."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from semantest_iac.domain.deployment.deployed import DeployedResource
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.function_runtimes import http_api
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.function_runtimes.http_api import ApiIdentity
from semantest_iac.infrastructure.function_runtimes.routes import RouteMatch, match_route
from semantest_iac.infrastructure.local_service.cors import CorsRules
from semantest_iac.infrastructure.local_service.front import Arrival, Front, Unpack

Resources = Sequence[DeployedResource]
Properties = Mapping[str, Any]

_UNCHECKED = "The token was not checked: its issuer's keys are not on this machine."


def front(resources: Resources, unpack: Unpack) -> Front | None:
    """The API of a stack, or None where the stack has none."""
    api = next(_outputs(resources, "aws:apigatewayv2/api:Api"), None)
    function = next(_outputs(resources, "aws:lambda/function:Function"), None)
    if api is None or function is None:
        return None
    account = function["arn"].split(":")[4]
    host = api["apiEndpoint"].removeprefix("https://")
    identity = ApiIdentity(host.partition(".")[0], host, account)
    routes = {route["routeKey"]: route for route in _outputs(resources, "aws:apigatewayv2/route:Route")}
    rules = _cors(api)

    def admit(request: HttpRequest) -> Arrival:
        preflight = rules and rules.preflight(request)
        return Arrival(refusal=preflight) if preflight else _admit(request, routes, identity)

    def answer(request: HttpRequest, invocation: Invocation) -> HttpResponse:
        response = http_api.response_for(invocation)
        return rules.dressed(request, response) if rules else response

    return Front(partial(_function, resources, function, unpack), admit, answer)


def _cors(api: Properties) -> CorsRules | None:
    rules = api.get("corsConfiguration")
    if not rules:
        return None
    return CorsRules(
        origins=rules.get("allowOrigins") or (),
        methods=rules.get("allowMethods") or (),
        headers=rules.get("allowHeaders") or (),
        exposed=rules.get("exposeHeaders") or (),
        credentials=bool(rules.get("allowCredentials")),
        max_age=int(rules.get("maxAge") or 0),
    )


def _function(resources: Resources, function: Properties, unpack: Unpack) -> FunctionSpec:
    digest = base64.b64decode(function["sourceCodeHash"]).hex()
    _, _, _, region, account, _, name = function["arn"].split(":")
    return FunctionSpec(
        package=unpack(digest),
        handler=function["handler"],
        runtime=function["runtime"],
        environment=(function.get("environment") or {}).get("variables") or {},
        memory_mb=int(function["memorySize"]),
        timeout_s=float(function["timeout"]),
        secrets=dict(_secrets(resources)),
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


def _outputs(resources: Resources, type_: str) -> Iterator[Properties]:
    return (resource.outputs for resource in resources if resource.type == type_)


def _secrets(resources: Resources) -> Iterator[tuple[str, str]]:
    for version in _outputs(resources, "aws:secretsmanager/secretVersion:SecretVersion"):
        yield version["secretId"], version["secretString"]
