"""An HTTP API of API Gateway before a Lambda function, read from deployed resources."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from semantest_iac.domain.networking.http_exchange import BodyLimit, HttpRequest, HttpResponse
from semantest_iac.infrastructure.clouds.aws_variables import SECRETS_SETTING
from semantest_iac.infrastructure.function_runtimes import api_gateway
from semantest_iac.infrastructure.function_runtimes.api_gateway import ApiIdentity, RouteMatch, match_route
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation, LogSettings
from semantest_iac.infrastructure.local_service.api_frontend import (
    AdmissionResult,
    ApiFrontend,
    CorsRules,
    DeployedResources,
    RateLimit,
    TokenBuckets,
    TokenCheck,
    UnpackPackage,
    make_web_socket_frontend,
)
from semantest_iac.infrastructure.local_service.aws.live_versions import (
    LAMBDA_TYPE,
    InvokedFunction,
    ResourceOutputs,
    find_invoked_function,
)
from semantest_iac.infrastructure.local_service.tokens.json_web_tokens import JwtRules, KeyFetching, WrongTokenError

_INTEGRATION = "aws:apigatewayv2/integration:Integration"

_DEFAULT_TIMEOUT_MS = 30_000  # API Gateway's own, for an integration without a timeout
_KEY_FETCHING = KeyFetching(lifetime_s=7200, pause_s=300, pause_after_failure_s=5)
_SIGNATURES = ("RS256", "RS384", "RS512")
"""Source: API Gateway's page on JWT authorizers (RSA alone, keys are kept for two hours); it names no pauses."""
_ORIGIN_PREFIXES = ("http://*", "https://*")  # any origin that begins so; source: CORS for HTTP APIs, developer guide
_HEADER_SOURCE = "$request.header."


def build_api_frontend(resources: DeployedResources, unpack: UnpackPackage) -> ApiFrontend | None:
    """Build the API of a stack; None if the stack has none."""
    api = next(outputs_of_type(resources, "aws:apigatewayv2/api:Api"), None)
    function = next(outputs_of_type(resources, LAMBDA_TYPE), None)
    if api is None or function is None:
        return None
    load_function = partial(read_function_spec, resources, function, unpack)
    if api.get("protocolType") == "WEBSOCKET":
        return make_web_socket_frontend(load_function)
    http_api = _read_http_api(resources, api, function)
    versions = {key: outputs for invoked in http_api.functions.values() for key, outputs in invoked.versions.items()}
    others = {key: partial(read_function_spec, resources, outputs, unpack) for key, outputs in versions.items()}
    integration: ResourceOutputs = next(outputs_of_type(resources, _INTEGRATION), {})
    timeout_s = int(integration.get("timeoutMilliseconds") or _DEFAULT_TIMEOUT_MS) / 1000
    limit = BodyLimit(api_gateway.MAX_API_BODY_BYTES, api_gateway.api_body_too_large_response())
    return ApiFrontend(
        load_function,
        http_api.admit,
        http_api.respond,
        timeout_s,
        body_limit=limit,
        other_functions=others,
        new_versions=frozenset(filter(None, (it.weighted_key for it in http_api.functions.values()))),
    )


_PLATFORM_MESSAGES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def is_platform_answer(response: HttpResponse) -> bool:
    """Whether a response has the form of API Gateway's own, which holds a message and nothing else.

    Code that answers in this very form cannot be told apart.
    """
    expected = _PLATFORM_MESSAGES.get(response.status)
    try:
        return expected is not None and json.loads(response.body) == {"message": expected}
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class _HttpApi:
    """Checks a request in API Gateway's order: path, route, preflight, throttling, token.

    `payload_formats` are those of events and results, `functions` those that are called, both by the targets of routes,
    such as `integrations/abc`.
    """

    routes: Mapping[str, ResourceOutputs]
    functions: Mapping[str, InvokedFunction]
    payload_formats: Mapping[str, str]
    identity: ApiIdentity
    cors: CorsRules | None
    token_buckets: TokenBuckets
    jwt_rules: JwtRules | None

    def admit(self, request: HttpRequest) -> AdmissionResult:
        if request.head_bytes > api_gateway.MAX_API_HEAD_BYTES:
            return AdmissionResult(direct_response=api_gateway.api_head_too_large_response())
        if not api_gateway.is_decodable(request.path):
            return AdmissionResult(direct_response=api_gateway.api_bad_request_response())
        match = match_route(self.routes, request.method, request.path)
        preflight = self.cors.answer_preflight(request) if self.cors else None
        if preflight and not (match and self._needs_token(match)):
            return AdmissionResult(direct_response=preflight)
        if match is None:
            return AdmissionResult(direct_response=api_gateway.api_not_found_response())
        if not self.token_buckets.try_acquire(match.route_key):
            return AdmissionResult(direct_response=api_gateway.api_too_many_requests_response())
        admission = self._admit_by_token(request, match)
        return replace(admission, direct_response=preflight) if preflight else admission

    def _needs_token(self, match: RouteMatch) -> bool:
        return self.jwt_rules is not None and self.routes[match.route_key].get("authorizationType") == "JWT"

    def _admit_by_token(self, request: HttpRequest, match: RouteMatch) -> AdmissionResult:
        if self.jwt_rules is None or not self._needs_token(match):
            return AdmissionResult(self._build_event(request, match), self._find_function(match))
        check = TokenCheck(self.jwt_rules, api_gateway.api_unauthorized_response())
        event = self._build_event(request, match)
        with suppress(WrongTokenError):  # refused by the check
            api_gateway.add_jwt_claims(event, self.jwt_rules.read_token(request).claims)
        return AdmissionResult(event, self._find_function(match), token_check=check)

    def _find_function(self, match: RouteMatch) -> str:
        invoked = self.functions.get(str(self.routes[match.route_key].get("target")))
        return invoked.choose() if invoked else ""

    def _find_payload_format(self, match: RouteMatch | None) -> str:
        target = str(self.routes[match.route_key].get("target")) if match else ""
        return self.payload_formats.get(target, api_gateway.PAYLOAD_2)

    def respond(self, request: HttpRequest, invocation: Invocation) -> HttpResponse:
        payload = self._find_payload_format(match_route(self.routes, request.method, request.path))
        response = api_gateway.build_api_response(invocation, request.method, payload)
        return self.cors.replace_headers(request, response) if self.cors else response

    def _build_event(self, request: HttpRequest, match: RouteMatch) -> dict[str, Any]:
        metadata = api_gateway.RequestMetadata(str(uuid.uuid4()), datetime.now(UTC), request.client)
        return api_gateway.build_api_event(request, match, self.identity, metadata, self._find_payload_format(match))


def _read_http_api(resources: DeployedResources, api: ResourceOutputs, function: ResourceOutputs) -> _HttpApi:
    host = api["apiEndpoint"].removeprefix("https://")
    authorizer = next(outputs_of_type(resources, "aws:apigatewayv2/authorizer:Authorizer"), None)
    stage = next(outputs_of_type(resources, "aws:apigatewayv2/stage:Stage"), None)
    return _HttpApi(
        routes={route["routeKey"]: route for route in outputs_of_type(resources, "aws:apigatewayv2/route:Route")},
        payload_formats=dict(_read_payload_formats(resources)),
        functions=dict(_read_targets(resources)),
        identity=ApiIdentity(host.partition(".")[0], host, function["arn"].split(":")[4]),
        cors=_read_cors_rules(api),
        token_buckets=TokenBuckets(read_stage_limits(stage)),
        jwt_rules=read_jwt_rules(authorizer) if authorizer else None,
    )


def _read_targets(resources: DeployedResources) -> Iterator[tuple[str, InvokedFunction]]:
    for integration in resources:
        uri = integration.outputs.get("integrationUri") if integration.type == _INTEGRATION else None
        if invoked := find_invoked_function(resources, uri):
            yield f"integrations/{integration.id}", invoked


def _read_cors_rules(api: ResourceOutputs) -> CorsRules | None:
    rules = api.get("corsConfiguration")
    if not rules:
        return None
    return CorsRules(
        origins=rules.get("allowOrigins") or (),
        methods=rules.get("allowMethods") or (),
        headers=rules.get("allowHeaders") or (),
        exposed_headers=rules.get("exposeHeaders") or (),
        allows_credentials=bool(rules.get("allowCredentials")),
        max_age_s=int(rules.get("maxAge") or 0),
        origin_prefixes=_ORIGIN_PREFIXES,
    )


def _read_payload_formats(resources: DeployedResources) -> Iterator[tuple[str, str]]:
    for integration in resources:
        if integration.type == _INTEGRATION and (payload := integration.outputs.get("payloadFormatVersion")):
            yield f"integrations/{integration.id}", str(payload)


@dataclass(frozen=True, slots=True)
class StageLimits:
    """The rate limit of each route; a route without one has the stage's."""

    default: RateLimit | None
    route_overrides: Mapping[str, RateLimit | None]

    def __call__(self, route: str) -> RateLimit | None:
        return self.route_overrides.get(route) or self.default


def read_stage_limits(stage: ResourceOutputs | None) -> StageLimits:
    stage = stage or {}
    route_overrides = {str(it["routeKey"]): _read_rate_limit(it) for it in stage.get("routeSettings") or ()}
    return StageLimits(_read_rate_limit(stage.get("defaultRouteSettings") or {}), route_overrides)


def _read_rate_limit(settings: Mapping[str, Any]) -> RateLimit | None:
    rate, burst = settings.get("throttlingRateLimit"), settings.get("throttlingBurstLimit")
    return None if rate is None and burst is None else RateLimit(float(rate or 0), int(burst or 0))


def read_jwt_rules(authorizer: ResourceOutputs) -> JwtRules:
    jwt = authorizer.get("jwtConfiguration") or {}
    source = next(iter(authorizer.get("identitySources") or ()), f"{_HEADER_SOURCE}authorization")
    header = str(source).removeprefix(_HEADER_SOURCE).lower()
    return JwtRules(
        str(jwt.get("issuer", "")),
        tuple(jwt.get("audiences") or ()),
        header,
        fetching=_KEY_FETCHING,
        algorithms=_SIGNATURES,
        needs_scheme=False,
        takes_client_id=True,
        checks_issue_time=True,
    )


def read_function_spec(resources: DeployedResources, function: ResourceOutputs, unpack: UnpackPackage) -> FunctionSpec:
    """Read what a deployed function needs to run, with the secrets that its variables refer to."""
    digest = base64.b64decode(function["sourceCodeHash"]).hex()
    variables = (function.get("environment") or {}).get("variables") or {}
    references = {*json.loads(variables.get(SECRETS_SETTING) or "{}").values()}
    _, _, _, region, account, _, name = function["arn"].split(":")
    return FunctionSpec(
        package=unpack(digest),
        handler=function["handler"],
        runtime=function["runtime"],
        environment=variables,
        memory_mb=int(function["memorySize"]),
        timeout_s=float(function["timeout"]),
        secrets={arn: value for arn, value in read_secret_values(resources).items() if arn in references},
        log_settings=_read_log_settings(function.get("loggingConfig") or {}),
        qualifier=_find_qualifier(resources, function["arn"]),
        name=name,
        version=str(function["version"]),
        region=region,
        account=account,
        instances=max(0, int(function.get("reservedConcurrentExecutions") or 0)),
    )


def _read_log_settings(settings: Mapping[str, Any]) -> LogSettings:
    return LogSettings(
        is_json=settings.get("logFormat") == "JSON",
        group=str(settings.get("logGroup") or ""),
        application_level=str(settings.get("applicationLogLevel") or ""),
        system_level=str(settings.get("systemLogLevel") or "INFO"),
    )


def _find_qualifier(resources: DeployedResources, arn: str) -> str:
    """Find the alias through which an API calls a function: its integrations and authorizers name it."""
    used = [
        str(it.get("integrationUri")) for it in outputs_of_type(resources, "aws:apigatewayv2/integration:Integration")
    ]
    used += [
        str(it.get("authorizerUri")) for it in outputs_of_type(resources, "aws:apigatewayv2/authorizer:Authorizer")
    ]
    found = (match for uri in used if (match := re.search(rf"{re.escape(arn)}:([\w$-]+)(?:/|$)", uri)))
    return next((match[1] for match in found), "")


def read_secret_values(resources: DeployedResources) -> dict[str, str]:
    """Return the values of the secrets of a stack, by their ARNs."""
    versions = outputs_of_type(resources, "aws:secretsmanager/secretVersion:SecretVersion")
    return {version["secretId"]: version["secretString"] for version in versions}


def outputs_of_type(resources: DeployedResources, type_: str) -> Iterator[ResourceOutputs]:
    return (resource.outputs for resource in resources if resource.type == type_)
