"""API Gateway and Lambda as what is deployed describes them."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from semantest_iac.domain.deployment.deployed import DeployedResource
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.function_runtimes import http_api
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.function_runtimes.http_api import ApiIdentity
from semantest_iac.infrastructure.function_runtimes.routes import RouteMatch, match_route
from semantest_iac.infrastructure.local_service.aws.tokens import UNCHECKED, TokenRules, token_rules
from semantest_iac.infrastructure.local_service.cors import CorsRules
from semantest_iac.infrastructure.local_service.front import Arrival, Front, Unpack, for_sockets_only
from semantest_iac.infrastructure.local_service.throttling import Throttles, stage_limits

Resources = Sequence[DeployedResource]
Properties = Mapping[str, Any]

_LONGEST_MS = 30_000  # what API Gateway waits where an integration says nothing


@dataclass(frozen=True, slots=True)
class _Gates:
    """What a request must pass, as API Gateway asks it: preflight, route, throttling, token."""

    routes: Mapping[str, Properties]
    identity: ApiIdentity
    cors: CorsRules | None
    throttles: Throttles
    tokens: TokenRules | None

    def admit(self, request: HttpRequest) -> Arrival:
        if self.cors and (preflight := self.cors.preflight(request)):
            return Arrival(refusal=preflight)
        match = match_route(self.routes, request.method, request.path)
        if match is None:
            return Arrival(refusal=http_api.not_found())
        if not self.throttles.admits(match.route_key):
            return Arrival(refusal=http_api.too_many_requests())
        return self._past_the_token(request, match)

    def _past_the_token(self, request: HttpRequest, match: RouteMatch) -> Arrival:
        if self.tokens is None or self.routes[match.route_key].get("authorizationType") != "JWT":
            return Arrival(event=_event(request, match, self.identity))
        claims = self.tokens.claims(request)
        if claims is None:
            return Arrival(refusal=http_api.unauthorized())
        event = _event(request, match, self.identity)
        event["requestContext"] |= {"authorizer": {"jwt": {"claims": http_api.flat(claims), "scopes": None}}}
        return Arrival(event=event, note=UNCHECKED)

    def answer(self, request: HttpRequest, invocation: Invocation) -> HttpResponse:
        response = http_api.response_for(invocation)
        return self.cors.dressed(request, response) if self.cors else response


def front(resources: Resources, unpack: Unpack) -> Front | None:
    """The API of a stack, or None where the stack has none."""
    api = next(_outputs(resources, "aws:apigatewayv2/api:Api"), None)
    function = next(_outputs(resources, "aws:lambda/function:Function"), None)
    if api is None or function is None:
        return None
    if api.get("protocolType") == "WEBSOCKET":
        return for_sockets_only(partial(function_spec, resources, function, unpack))
    gates = _gates(resources, api, function)
    integration: Properties = next(_outputs(resources, "aws:apigatewayv2/integration:Integration"), {})
    longest_s = int(integration.get("timeoutMilliseconds") or _LONGEST_MS) / 1000
    return Front(partial(function_spec, resources, function, unpack), gates.admit, gates.answer, longest_s)


def _gates(resources: Resources, api: Properties, function: Properties) -> _Gates:
    host = api["apiEndpoint"].removeprefix("https://")
    authorizer = next(_outputs(resources, "aws:apigatewayv2/authorizer:Authorizer"), None)
    stage = next(_outputs(resources, "aws:apigatewayv2/stage:Stage"), None)
    return _Gates(
        routes={route["routeKey"]: route for route in _outputs(resources, "aws:apigatewayv2/route:Route")},
        identity=ApiIdentity(host.partition(".")[0], host, function["arn"].split(":")[4]),
        cors=_cors(api),
        throttles=Throttles(stage_limits(stage)),
        tokens=token_rules(authorizer) if authorizer else None,
    )


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


def function_spec(resources: Resources, function: Properties, unpack: Unpack) -> FunctionSpec:
    """What it takes to run a deployed function, with every secret of its stack."""
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
        instances=max(0, int(function.get("reservedConcurrentExecutions") or 0)),
    )


def _event(request: HttpRequest, match: RouteMatch, identity: ApiIdentity) -> dict[str, Any]:
    return http_api.event_for(
        request, match, identity, http_api.Arrival(str(uuid.uuid4()), datetime.now(UTC), request.client)
    )


def _outputs(resources: Resources, type_: str) -> Iterator[Properties]:
    return (resource.outputs for resource in resources if resource.type == type_)


def _secrets(resources: Resources) -> Iterator[tuple[str, str]]:
    for version in _outputs(resources, "aws:secretsmanager/secretVersion:SecretVersion"):
        yield version["secretId"], version["secretString"]
