"""HTTP and WebSocket APIs with their authorizers, integrations and routes."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws import api_guards as guards
from semantest_iac.infrastructure.simulated_cloud.aws.every_type import (
    REGION,
    REGIONAL,
    REGIONAL_AND_TAGGED,
    TAGS,
)
from semantest_iac.infrastructure.simulated_cloud.aws.function_guards import FUNCTION
from semantest_iac.infrastructure.simulated_cloud.limits import Evidence, Length, OneOf, Pattern, Range
from semantest_iac.infrastructure.simulated_cloud.properties import (
    alike,
    block,
    flag,
    integer,
    map_of,
    set_of,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import (
    Guard,
    OnDelete,
    Reference,
    TypeRule,
    Unique,
)
from semantest_iac.infrastructure.simulated_cloud.values import Facts

API_: Final = "aws:apigatewayv2/api:Api"
AUTHORIZER: Final = "aws:apigatewayv2/authorizer:Authorizer"
INTEGRATION: Final = "aws:apigatewayv2/integration:Integration"
ROUTE: Final = "aws:apigatewayv2/route:Route"

API, DOC, OBSERVED, GENERAL = Evidence.API, Evidence.DOC, Evidence.OBSERVED, Evidence.GENERAL
_BAD: Final = "BadRequestException"
_NOT_FOUND: Final = "NotFoundException"
_HTTP_TIMEOUT: Final = 30_000

OF_API: Final = Reference(
    "apiId",
    (API_,),
    Refusal(_NOT_FOUND, "Invalid API identifier specified {account}:{value}", 404),
    API,
    named="api",
    on_delete=OnDelete.CASCADE,
)


def _in_api(path: str, type_: str, noun: str, pattern: str = "") -> Reference:
    refusal = Refusal(_NOT_FOUND, f"Invalid {noun} identifier specified {{value}}", 404)
    return Reference(path, (type_,), refusal, API, pattern=pattern, handle="{apiId}/{value}", on_delete=OnDelete.REFUSE)


def _still_routed(noun: str) -> Refusal:
    message = f"Cannot delete {noun} because it is referenced by the following Routes with Ids: [{{dependents}}]"
    return Refusal("ConflictException", message, 409)


def _endpoint(facts: Facts) -> str:
    scheme = "https" if guards.is_http(facts) else "wss"
    return f"{scheme}://{facts['small10']}.execute-api.{facts['region']}.amazonaws.com"


TYPES: Final = {
    API_: TypeRule(
        properties={
            "protocolType": text(OneOf(("HTTP", "WEBSOCKET"), DOC), required=True, replaces=True),
            "apiKeySelectionExpression": text(
                OneOf(("$context.authorizer.usageIdentifierKey", "$request.header.x-api-key"), DOC),
                default="$request.header.x-api-key",
            ),
            "corsConfiguration": block(
                {
                    "allowCredentials": flag(),
                    **alike(set_of(text()), "allowHeaders", "allowMethods", "allowOrigins", "exposeHeaders"),
                    "maxAge": integer(Range(-1, 86400, API)),
                }
            ),
            "description": text(Length(0, 1024, DOC)),
            "disableExecuteApiEndpoint": flag(default=False),
            "failOnWarnings": flag(),
            "ipAddressType": text(OneOf(("ipv4", "dualstack"), DOC), settled=True),
            "name": text(Length(1, 128, DOC), settled=True),
            "routeSelectionExpression": text(default="$request.method $request.path"),
            "version": text(Length(1, 64, DOC)),
            **alike(text(), "body", "credentialsArn", "routeKey"),
            "target": text(replaces=True),
            **REGION,
            **TAGS,
        },
        identity="{small10}",
        name="name",
        planned=REGIONAL_AND_TAGGED,
        computed={
            "apiEndpoint": _endpoint,
            "arn": "arn:aws:apigateway:{region}::/apis/{small10}",
            "executionArn": "arn:aws:execute-api:{region}:{account}:{small10}",
            "ipAddressType": "ipv4",
        },
        guards=(
            Guard(
                guards.opens_credentials_to_all,
                Refusal(_BAD, "allow-credentials is not supported if 'allow-origin' is *"),
                OBSERVED,
            ),
            Guard(
                lambda around: not guards.is_http(around.facts) and bool(around.facts["corsConfiguration"]),
                Refusal(_BAD, "CORS configuration is only supported for HTTP APIs"),
                API,
            ),
            Guard(guards.routes_nothing, Refusal(_BAD, "A WebSocket API needs a route selection expression"), API),
        ),
        latency=2,
    ),
    AUTHORIZER: TypeRule(
        properties={
            "apiId": text(required=True, replaces=True),
            "authorizerType": text(OneOf(("JWT", "REQUEST"), API), required=True),
            "authorizerPayloadFormatVersion": text(OneOf(("1.0", "2.0"), API)),
            "authorizerResultTtlInSeconds": integer(Range(0, 3600, API), settled=True),
            "enableSimpleResponses": flag(),
            "identitySources": set_of(text()),
            "jwtConfiguration": block({"audiences": set_of(text()), "issuer": text()}),
            "name": text(Length(1, 128, DOC), settled=True),
            **alike(text(), "authorizerCredentialsArn", "authorizerUri"),
            **REGION,
        },
        identity="{small7}",
        within=("apiId",),
        name="name",
        planned=REGIONAL,
        references=(OF_API,),
        guards=(
            Guard(guards.lacks_issuer, Refusal(_BAD, "A JWT authorizer needs a JWT configuration"), API),
            Guard(
                guards.checks_tokens_of_messages,
                Refusal(_BAD, "Only REQUEST authorizers are supported for WebSocket APIs"),
                API,
            ),
        ),
        in_use=_still_routed("Authorizer"),
    ),
    INTEGRATION: TypeRule(
        properties={
            "apiId": text(required=True, replaces=True),
            "integrationType": text(
                OneOf(("AWS", "AWS_PROXY", "HTTP", "HTTP_PROXY", "MOCK"), DOC), required=True, replaces=True
            ),
            "connectionId": text(Length(1, 1024, DOC)),
            "connectionType": text(OneOf(("INTERNET", "VPC_LINK"), DOC), default="INTERNET"),
            "contentHandlingStrategy": text(OneOf(("CONVERT_TO_BINARY", "CONVERT_TO_TEXT"), DOC)),
            "credentialsArn": text(
                Pattern(r"arn:(aws|aws-cn|aws-us-gov):iam::[0-9]*:(role|user|group)\/.*", Evidence.CFN)
            ),
            "integrationMethod": text(OneOf(guards.METHODS, DOC), settled=True),
            "integrationSubtype": text(Length(1, 128, DOC), replaces=True),
            "passthroughBehavior": text(OneOf(("NEVER", "WHEN_NO_MATCH", "WHEN_NO_TEMPLATES"), DOC), settled=True),
            "payloadFormatVersion": text(OneOf(("1.0", "2.0"), DOC), default="1.0"),
            **alike(map_of(text()), "requestParameters", "requestTemplates"),
            "responseParameters": set_of(
                block({"mappings": map_of(text(), required=True), "statusCode": text(required=True)})
            ),
            "timeoutMilliseconds": integer(Range(50, _HTTP_TIMEOUT, DOC), settled=True),
            "tlsConfig": block({"serverNameToVerify": text()}),
            **alike(text(), "description", "integrationUri", "templateSelectionExpression"),
            **REGION,
        },
        identity="{small7}",
        within=("apiId",),
        planned=REGIONAL,
        computed={
            "timeoutMilliseconds": lambda facts: _HTTP_TIMEOUT if guards.is_http(facts) else guards.WEBSOCKET_TIMEOUT,
            "integrationResponseSelectionExpression": "",
        },
        references=(
            OF_API,
            Reference(
                "integrationUri",
                (FUNCTION, "aws:lambda/alias:Alias"),
                Refusal("ResourceNotFoundException", "Function not found: {value}", 404),
                GENERAL,
                pattern=r"functions/(.+)/invocations$",
            ),
        ),
        guards=(
            Guard(
                guards.is_not_a_proxy,
                Refusal(
                    _BAD,
                    "Currently, an API with a protocol type of HTTP may only be associated with proxy integrations "
                    "(AWS_PROXY, HTTP_PROXY)",
                ),
                OBSERVED,
            ),
            Guard(guards.waits_too_long, Refusal(_BAD, "Timeout should be between 50 ms and 29000 ms"), DOC),
        ),
        in_use=_still_routed("Integration"),
    ),
    ROUTE: TypeRule(
        properties={
            "apiId": text(required=True, replaces=True),
            "routeKey": text(required=True),
            "apiKeyRequired": flag(default=False),
            "authorizationScopes": set_of(text()),
            "authorizationType": text(OneOf(("AWS_IAM", "CUSTOM", "JWT", "NONE"), API), default="NONE"),
            "operationName": text(Length(1, 64, API)),
            "requestModels": map_of(text()),
            "requestParameters": set_of(
                block({"requestParameterKey": text(required=True), "required": flag(required=True)})
            ),
            "target": text(Pattern(r"^integrations/.+$", DOC)),
            **alike(text(), "authorizerId", "modelSelectionExpression", "routeResponseSelectionExpression"),
            **REGION,
        },
        identity="{small7}",
        within=("apiId",),
        planned=REGIONAL,
        unique=(
            Unique(
                "{apiId} {routeKey}",
                Refusal("ConflictException", "Route with key {routeKey} already exists for this API", 409),
            ),
        ),
        references=(
            OF_API,
            _in_api("target", INTEGRATION, "Integration", r"^integrations/(.+)$"),
            _in_api("authorizerId", AUTHORIZER, "Authorizer"),
        ),
        guards=(
            Guard(
                guards.has_no_path,
                Refusal(_BAD, "The provided route key is not formatted properly for HTTP protocol."),
                API,
            ),
            Guard(guards.lacks_authorizer, Refusal(_BAD, "An authorizer is required for this authorization type"), API),
            Guard(guards.guards_late, Refusal(_BAD, "Authorization is only supported on the $connect route"), DOC),
        ),
    ),
}
