"""An HTTP API of API Gateway before a Lambda function, read from deployed resources."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.function_runtimes import api_gateway
from semantest_iac.infrastructure.function_runtimes.api_gateway import ApiIdentity, RouteMatch, match_route
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.local_service.api_frontend import (
    AdmissionResult,
    ApiFrontend,
    CorsRules,
    TokenBuckets,
    UnpackPackage,
    make_web_socket_frontend,
    read_stage_limits,
)

_UNVERIFIED_TOKEN_NOTE = "The token's signature was not checked: its issuer's keys are not on this machine."  # noqa: S105
_HEADER_SOURCE = "$request.header."


@dataclass(frozen=True, slots=True)
class JwtRules:
    """Who must have signed for whom, and which header carries the token."""

    issuer: str
    audiences: Sequence[str]
    header: str = "authorization"

    def claims(self, request: HttpRequest, clock: Callable[[], float] = time.time) -> Mapping[str, Any] | None:
        """The claims of the request's token; None where there is none that API Gateway would accept."""
        text = request.header(self.header)
        claims = _decode_claims(text.removeprefix("Bearer ").removeprefix("bearer ").strip())
        return claims if claims is not None and self._accepts(claims, clock()) else None

    def _accepts(self, claims: Mapping[str, Any], now: float) -> bool:
        meant = claims.get("aud", claims.get("client_id"))
        audiences = meant if isinstance(meant, list) else [meant]
        times = [claims.get("exp"), claims.get("nbf", 0), claims.get("iat", 0)]
        if claims.get("iss") != self.issuer or not set(self.audiences) & {
            it for it in audiences if isinstance(it, str)
        }:
            return False
        if not all(isinstance(it, (int, float)) for it in times):
            return False
        expires, *begins = times
        return bool(now < expires and all(begin <= now for begin in begins))


def read_jwt_rules(authorizer: Mapping[str, Any]) -> JwtRules:
    """The rules of a deployed JWT authorizer."""
    jwt = authorizer.get("jwtConfiguration") or {}
    source = next(iter(authorizer.get("identitySources") or ()), f"{_HEADER_SOURCE}authorization")
    header = str(source).removeprefix(_HEADER_SOURCE).lower()
    return JwtRules(str(jwt.get("issuer", "")), tuple(jwt.get("audiences") or ()), header)


def _decode_claims(token: str) -> Mapping[str, Any] | None:
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        return None
    try:
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2])
    except ValueError:
        return None
    is_signed = isinstance(header, dict) and str(header.get("alg", "none")).startswith(("RS", "ES", "PS"))
    return claims if is_signed and isinstance(claims, dict) else None


DeployedResources = Sequence[DeployedResource]
ResourceOutputs = Mapping[str, Any]

_DEFAULT_TIMEOUT_MS = 30_000  # what API Gateway waits where an integration says nothing


@dataclass(frozen=True, slots=True)
class _HttpApi:
    """What a request must pass, as API Gateway asks it: preflight, route, throttling, token."""

    routes: Mapping[str, ResourceOutputs]
    identity: ApiIdentity
    cors: CorsRules | None
    throttles: TokenBuckets
    tokens: JwtRules | None

    def admit(self, request: HttpRequest) -> AdmissionResult:
        if self.cors and (preflight := self.cors.preflight(request)):
            return AdmissionResult(refusal=preflight)
        match = match_route(self.routes, request.method, request.path)
        if match is None:
            return AdmissionResult(refusal=api_gateway.api_not_found_response())
        if not self.throttles.admits(match.route_key):
            return AdmissionResult(refusal=api_gateway.api_too_many_requests_response())
        return self._past_the_token(request, match)

    def _past_the_token(self, request: HttpRequest, match: RouteMatch) -> AdmissionResult:
        if self.tokens is None or self.routes[match.route_key].get("authorizationType") != "JWT":
            return AdmissionResult(event=_build_event(request, match, self.identity))
        claims = self.tokens.claims(request)
        if claims is None:
            return AdmissionResult(refusal=api_gateway.api_unauthorized_response())
        event = _build_event(request, match, self.identity)
        event["requestContext"] |= {
            "authorizer": {"jwt": {"claims": api_gateway.flatten_claims(claims), "scopes": None}}
        }
        return AdmissionResult(event=event, note=_UNVERIFIED_TOKEN_NOTE)

    def answer(self, request: HttpRequest, invocation: Invocation) -> HttpResponse:
        response = api_gateway.build_api_response(invocation)
        return self.cors.dressed(request, response) if self.cors else response


def build_api_frontend(resources: DeployedResources, unpack: UnpackPackage) -> ApiFrontend | None:
    """The API of a stack, or None where the stack has none."""
    api = next(_outputs_of_type(resources, "aws:apigatewayv2/api:Api"), None)
    function = next(_outputs_of_type(resources, "aws:lambda/function:Function"), None)
    if api is None or function is None:
        return None
    if api.get("protocolType") == "WEBSOCKET":
        return make_web_socket_frontend(partial(read_function_spec, resources, function, unpack))
    gates = _read_http_api(resources, api, function)
    integration: ResourceOutputs = next(_outputs_of_type(resources, "aws:apigatewayv2/integration:Integration"), {})
    longest_s = int(integration.get("timeoutMilliseconds") or _DEFAULT_TIMEOUT_MS) / 1000
    return ApiFrontend(partial(read_function_spec, resources, function, unpack), gates.admit, gates.answer, longest_s)


def _read_http_api(resources: DeployedResources, api: ResourceOutputs, function: ResourceOutputs) -> _HttpApi:
    host = api["apiEndpoint"].removeprefix("https://")
    authorizer = next(_outputs_of_type(resources, "aws:apigatewayv2/authorizer:Authorizer"), None)
    stage = next(_outputs_of_type(resources, "aws:apigatewayv2/stage:Stage"), None)
    return _HttpApi(
        routes={route["routeKey"]: route for route in _outputs_of_type(resources, "aws:apigatewayv2/route:Route")},
        identity=ApiIdentity(host.partition(".")[0], host, function["arn"].split(":")[4]),
        cors=_read_cors_rules(api),
        throttles=TokenBuckets(read_stage_limits(stage)),
        tokens=read_jwt_rules(authorizer) if authorizer else None,
    )


def _read_cors_rules(api: ResourceOutputs) -> CorsRules | None:
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


def read_function_spec(resources: DeployedResources, function: ResourceOutputs, unpack: UnpackPackage) -> FunctionSpec:
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
        secrets=dict(_read_secrets(resources)),
        name=name,
        version=str(function["version"]),
        region=region,
        account=account,
        instances=max(0, int(function.get("reservedConcurrentExecutions") or 0)),
    )


def _build_event(request: HttpRequest, match: RouteMatch, identity: ApiIdentity) -> dict[str, Any]:
    return api_gateway.build_api_event(
        request, match, identity, api_gateway.RequestMetadata(str(uuid.uuid4()), datetime.now(UTC), request.client)
    )


def _outputs_of_type(resources: DeployedResources, type_: str) -> Iterator[ResourceOutputs]:
    return (resource.outputs for resource in resources if resource.type == type_)


def _read_secrets(resources: DeployedResources) -> Iterator[tuple[str, str]]:
    for version in _outputs_of_type(resources, "aws:secretsmanager/secretVersion:SecretVersion"):
        yield version["secretId"], version["secretString"]
