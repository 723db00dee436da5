"""HTTP and WebSocket APIs with their authorizers, integrations and routes, and what API Gateway refuses of them."""

from __future__ import annotations

import re
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.compute_guards.functions import FUNCTION_TYPE
from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    API,
    DOC,
    GENERAL,
    OBSERVED,
    Length,
    OneOf,
    Pattern,
    Range,
    ValueKind,
)
from semantest_iac.infrastructure.simulated_cloud.schema.published import (
    REPLACES,
    UNORDERED,
    change_kind,
    refine,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    GuardContext,
    OnDelete,
    RequestGuard,
    ResourceReference,
    TypeRule,
    UniqueHandle,
)
from semantest_iac.infrastructure.simulated_cloud.schema.values import RequestFacts

API_TYPE: Final = "aws:apigatewayv2/api:Api"
AUTHORIZER_TYPE: Final = "aws:apigatewayv2/authorizer:Authorizer"
INTEGRATION_TYPE: Final = "aws:apigatewayv2/integration:Integration"
API_ROUTE_TYPE: Final = "aws:apigatewayv2/route:Route"

_BAD_REQUEST: Final = "BadRequestException"
_NOT_FOUND: Final = "NotFoundException"
_ROUTE_METHODS: Final = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_HTTP_TIMEOUT_MS: Final = 30_000
_WEBSOCKET_TIMEOUT_MS: Final = 29_000


def is_http_api(facts: RequestFacts) -> bool:
    """Return True for the facts of an HTTP API or of a part of one."""
    return bool((facts["api"] or facts)["protocolType"] == "HTTP")


def _cors_setting(context: GuardContext, name: str) -> Any:
    return (context.facts["corsConfiguration"] or {}).get(name)


def _allows_credentials_from_any_origin(context: GuardContext) -> bool:
    """Browsers do not send credentials to an API that allows every origin."""
    return bool(_cors_setting(context, "allowCredentials")) and "*" in (_cors_setting(context, "allowOrigins") or ())


def _lacks_route_selection(context: GuardContext) -> bool:
    """A WebSocket API routes by the body of messages."""
    return not is_http_api(context.facts) and not str(context.facts["routeSelectionExpression"]).startswith(
        ("$request.body", "${request.body")
    )


def _is_not_proxy_integration(context: GuardContext) -> bool:
    """HTTP APIs take proxy integrations only."""
    return is_http_api(context.facts) and not str(context.facts["integrationType"]).endswith("_PROXY")


def _exceeds_websocket_timeout(context: GuardContext) -> bool:
    """Integrations of WebSocket APIs time out one second earlier than those of HTTP APIs."""
    return not is_http_api(context.facts) and (context.facts["timeoutMilliseconds"] or 0) > _WEBSOCKET_TIMEOUT_MS


def _lacks_method_and_path(context: GuardContext) -> bool:
    """A route of an HTTP API is a method and a path."""
    method, _, path = str(context.facts["routeKey"]).partition(" ")
    return (
        is_http_api(context.facts) and method != "$default" and not (method in _ROUTE_METHODS and path.startswith("/"))
    )


def _differs_only_in_variable_names(context: GuardContext) -> bool:
    """Whether another route of the API differs by the names of variables only."""
    facts = context.facts
    shape = re.sub(r"\{\w+", "{", str(facts["routeKey"]))
    others = [
        str(row["routeKey"])
        for row in context.resources_of(API_ROUTE_TYPE)
        if row["apiId"] == facts["apiId"] and row["routeKey"] != facts["routeKey"]
    ]
    facts["other_route"] = next((key for key in others if re.sub(r"\{\w+", "{", key) == shape), "")
    return is_http_api(facts) and bool(facts["other_route"])


def _lacks_authorizer(context: GuardContext) -> bool:
    return context.facts["authorizationType"] in ("JWT", "CUSTOM") and not context.facts["authorizerId"]


def _authorizes_after_connect(context: GuardContext) -> bool:
    """A WebSocket client is authorized only when it connects."""
    is_authorized = context.facts["authorizationType"] not in ("NONE", "")
    return is_authorized and not is_http_api(context.facts) and context.facts["routeKey"] != "$connect"


def _lacks_jwt_configuration(context: GuardContext) -> bool:
    return context.facts["authorizerType"] == "JWT" and not context.facts["jwtConfiguration"]


def _is_jwt_authorizer_of_websocket(context: GuardContext) -> bool:
    """WebSocket APIs take authorizers that call a function only."""
    return not is_http_api(context.facts) and context.facts["authorizerType"] != "REQUEST"


API_REFERENCE: Final = ResourceReference(
    "apiId",
    (API_TYPE,),
    Refusal(_NOT_FOUND, "Invalid API identifier specified {account}:{value}", 404),
    API,
    fact_name="api",
    on_delete=OnDelete.CASCADE,
)


def _api_part_reference(path: str, type_: str, noun: str, pattern: str = "") -> ResourceReference:
    refusal = Refusal(_NOT_FOUND, f"Invalid {noun} identifier specified {{value}}", 404)
    return ResourceReference(
        path, (type_,), refusal, API, pattern=pattern, handle="{apiId}/{value}", on_delete=OnDelete.REFUSE
    )


def _refusal_while_routed(noun: str) -> Refusal:
    message = f"Cannot delete {noun} because it is referenced by the following Routes with Ids: [{{dependents}}]"
    return Refusal("ConflictException", message, 409)


def _api_endpoint(facts: RequestFacts) -> str:
    scheme = "https" if is_http_api(facts) else "wss"
    return f"{scheme}://{facts['small10']}.execute-api.{facts['region']}.amazonaws.com"


_CORS_LISTS: Final = ("allowHeaders", "allowMethods", "allowOrigins", "exposeHeaders")

GATEWAY_TYPES: Final[dict[str, TypeRule]] = {
    API_TYPE: AwsType(API_TYPE, "{small10}").rule(
        {
            "protocolType": refine(OneOf(("HTTP", "WEBSOCKET"), DOC)),
            "apiKeySelectionExpression": refine(
                OneOf(("$context.authorizer.usageIdentifierKey", "$request.header.x-api-key"), DOC),
                default="$request.header.x-api-key",
            ),
            "body": change_kind(ValueKind.TEXT),  # YAML, too
            **dict.fromkeys((f"corsConfiguration.{name}" for name in _CORS_LISTS), UNORDERED),
            "corsConfiguration.maxAge": refine(Range(-1, 86400, API)),
            "description": refine(Length(0, 1024, DOC)),
            "disableExecuteApiEndpoint": refine(default=False),
            "ipAddressType": refine(OneOf(("ipv4", "dualstack"), DOC)),
            "name": refine(Length(1, 128, DOC)),
            "routeSelectionExpression": refine(default="$request.method $request.path"),
            "target": REPLACES,
            "version": refine(Length(1, 64, DOC)),
        },
        computed={
            "apiEndpoint": _api_endpoint,
            "executionArn": "arn:aws:execute-api:{region}:{account}:{small10}",
        },
        guards=(
            RequestGuard(
                _allows_credentials_from_any_origin,
                Refusal(_BAD_REQUEST, "allow-credentials is not supported if 'allow-origin' is *"),
                OBSERVED,
            ),
            RequestGuard(
                lambda context: not is_http_api(context.facts) and bool(context.facts["corsConfiguration"]),
                Refusal(_BAD_REQUEST, "CORS configuration is only supported for HTTP APIs"),
                API,
            ),
            RequestGuard(
                _lacks_route_selection, Refusal(_BAD_REQUEST, "A WebSocket API needs a route selection expression"), API
            ),
        ),
        latency_seconds=2,
    ),
    AUTHORIZER_TYPE: AwsType(AUTHORIZER_TYPE, "{small7}").rule(
        {
            "authorizerType": refine(OneOf(("JWT", "REQUEST"), API)),
            "authorizerPayloadFormatVersion": refine(OneOf(("1.0", "2.0"), API)),
            "authorizerResultTtlInSeconds": refine(Range(0, 3600, API)),
            **dict.fromkeys(("identitySources", "jwtConfiguration.audiences"), UNORDERED),
            "name": refine(Length(1, 128, DOC)),
        },
        unique_within=("apiId",),
        references=(API_REFERENCE,),
        guards=(
            RequestGuard(
                _lacks_jwt_configuration, Refusal(_BAD_REQUEST, "A JWT authorizer needs a JWT configuration"), API
            ),
            RequestGuard(
                _is_jwt_authorizer_of_websocket,
                Refusal(_BAD_REQUEST, "Only REQUEST authorizers are supported for WebSocket APIs"),
                API,
            ),
        ),
        in_use_refusal=_refusal_while_routed("Authorizer"),
    ),
    INTEGRATION_TYPE: AwsType(INTEGRATION_TYPE, "{small7}").rule(
        {
            "integrationType": refine(OneOf(("AWS", "AWS_PROXY", "HTTP", "HTTP_PROXY", "MOCK"), DOC), force_new=True),
            "connectionId": refine(Length(1, 1024, DOC)),
            "connectionType": refine(OneOf(("INTERNET", "VPC_LINK"), DOC)),
            "contentHandlingStrategy": refine(OneOf(("CONVERT_TO_BINARY", "CONVERT_TO_TEXT"), DOC)),
            "integrationMethod": refine(OneOf(_ROUTE_METHODS, DOC), computed_default=True),
            "integrationSubtype": refine(Length(1, 128, DOC), force_new=True),
            "passthroughBehavior": refine(
                OneOf(("NEVER", "WHEN_NO_MATCH", "WHEN_NO_TEMPLATES"), DOC), computed_default=True, default=None
            ),
            "payloadFormatVersion": refine(OneOf(("1.0", "2.0"), DOC)),
            "responseParameters": UNORDERED,
            "timeoutMilliseconds": refine(Range(50, _HTTP_TIMEOUT_MS, DOC)),
        },
        unique_within=("apiId",),
        computed={
            "timeoutMilliseconds": lambda facts: _HTTP_TIMEOUT_MS if is_http_api(facts) else _WEBSOCKET_TIMEOUT_MS
        },
        references=(
            API_REFERENCE,
            ResourceReference(
                "integrationUri",
                (FUNCTION_TYPE, "aws:lambda/alias:Alias"),
                Refusal("ResourceNotFoundException", "Function not found: {value}", 404),
                GENERAL,
                pattern=r"functions/(.+)/invocations$",
            ),
        ),
        guards=(
            RequestGuard(
                _is_not_proxy_integration,
                Refusal(
                    _BAD_REQUEST,
                    "Currently, an API with a protocol type of HTTP may only be associated with proxy integrations "
                    "(AWS_PROXY, HTTP_PROXY)",
                ),
                OBSERVED,
            ),
            RequestGuard(
                _exceeds_websocket_timeout, Refusal(_BAD_REQUEST, "Timeout should be between 50 ms and 29000 ms"), DOC
            ),
        ),
        in_use_refusal=_refusal_while_routed("Integration"),
    ),
    API_ROUTE_TYPE: AwsType(API_ROUTE_TYPE, "{small7}").rule(
        {
            **dict.fromkeys(("authorizationScopes", "requestParameters"), UNORDERED),
            "authorizationType": refine(OneOf(("AWS_IAM", "CUSTOM", "JWT", "NONE"), API)),
            "operationName": refine(Length(1, 64, API)),
            "target": refine(Pattern(r"^integrations/.+$", DOC)),
        },
        unique_within=("apiId",),
        unique=(
            UniqueHandle(
                "{apiId} {routeKey}",
                Refusal("ConflictException", "Route with key {routeKey} already exists for this API", 409),
            ),
        ),
        references=(
            API_REFERENCE,
            _api_part_reference("target", INTEGRATION_TYPE, "Integration", r"^integrations/(.+)$"),
            _api_part_reference("authorizerId", AUTHORIZER_TYPE, "Authorizer"),
        ),
        guards=(
            RequestGuard(
                _lacks_method_and_path,
                Refusal(_BAD_REQUEST, "The provided route key is not formatted properly for HTTP protocol."),
                API,
            ),
            RequestGuard(  # source: answers of HTTP APIs to renamed path parameters, serverless/serverless#3785
                _differs_only_in_variable_names,
                Refusal(
                    "ConflictException",
                    "The provided route key {routeKey} has a conflicting variable on the same hierarchical level as "
                    "{other_route}",
                    409,
                ),
                OBSERVED,
            ),
            RequestGuard(
                _lacks_authorizer, Refusal(_BAD_REQUEST, "An authorizer is required for this authorization type"), API
            ),
            RequestGuard(
                _authorizes_after_connect,
                Refusal(_BAD_REQUEST, "Authorization is only supported on the $connect route"),
                DOC,
            ),
        ),
    ),
}
