"""HTTP APIs on API Gateway v2."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.environments.settings import Authorizer, Cors
from semantest_iac.domain.networking.apis import ApiEndpoint, HttpApi
from semantest_iac.domain.resource import Ref
from semantest_iac.infrastructure.cloud_programs.aws.foundation import aws_name
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

# What an operator needs to trace one request; the request id is also in the function's own log.
_ACCESS_LOG_FORMAT = json.dumps(
    {
        "requestId": "$context.requestId",
        "ip": "$context.identity.sourceIp",
        "time": "$context.requestTime",
        "route": "$context.routeKey",
        "status": "$context.status",
        "bytes": "$context.responseLength",
        "latency": "$context.responseLatency",
        "error": "$context.integrationErrorMessage",
    }
)


def create_http_api(api: HttpApi, context: ProgramContext) -> Outputs:
    """Create an API whose routes each call a live version, with throttling and an access log."""
    gateway = aws.apigatewayv2.Api(
        api.name,
        name=aws_name("api", context),
        protocol_type="HTTP",
        cors_configuration=_cors_configuration(api.cors),
        tags=context.tags,
        opts=context.options(),
    )
    routes = _create_routes(api, gateway, context)
    stage = _create_stage(api, gateway, routes, context)
    every_route = pulumi.Output.concat(gateway.execution_arn, "/*/*")
    permissions = [
        allow_invocation(name, target, every_route, "api-gateway", context) for name, target in _named_targets(api)
    ]
    return {
        "id": gateway.id,
        "name": gateway.name,
        "stage": stage.name,
        "endpoint": gateway.api_endpoint,
        "routes": [route.route_key for route in routes],
        "permission": permissions[0].id,
    }


def _named_targets(api: HttpApi) -> list[tuple[str, Ref]]:
    """Return each live version that answers with the name of what leads to it: the API's own has the API's name."""
    targets = dict.fromkeys(endpoint.target for endpoint in api.endpoints)
    return [(f"{api.name} {target}" if target else api.name, target or api.target) for target in targets]


def allow_invocation(
    name: str, target: Ref, source_arn: pulumi.Input[str], statement_id: str, context: ProgramContext
) -> aws.lambda_.Permission:
    """Allow what the ARN names of an API (HTTP or WebSocket) to call one live version."""
    live = context.outputs[target]
    return aws.lambda_.Permission(
        name,
        action="lambda:InvokeFunction",
        function=live["function_name"],
        principal="apigateway.amazonaws.com",
        qualifier=live["qualifier"],
        source_arn=source_arn,
        statement_id=statement_id,
        opts=context.options(),
    )


def _cors_configuration(cors: Cors | None) -> dict[str, object] | None:
    if cors is None:
        return None
    return {
        "allow_origins": list(cors.origins),
        "allow_methods": list(cors.methods),
        "allow_headers": list(cors.headers),
        "allow_credentials": cors.credentials,
        "max_age": cors.max_age,
    }


def _create_routes(
    api: HttpApi, gateway: aws.apigatewayv2.Api, context: ProgramContext
) -> list[aws.apigatewayv2.Route]:
    integrations = {
        target: _create_integration(name, target, api, gateway, context) for name, target in _named_targets(api)
    }
    authorizer = _create_authorizer(api.name, api.authorizer, gateway, context) if api.authorizer else None
    return [
        aws.apigatewayv2.Route(
            f"{api.name} {endpoint.shape}",
            api_id=gateway.id,
            route_key=str(endpoint),
            target=pulumi.Output.concat("integrations/", integrations[endpoint.target or api.target].id),
            authorization_type="JWT" if authorizer and not endpoint.public else "NONE",
            authorizer_id=authorizer.id if authorizer and not endpoint.public else None,
            opts=context.options(aliases=_former_names(api, endpoint)),
        )
        for endpoint in (*api.endpoints, *_preflight_endpoints(api))
    ]


def _former_names(api: HttpApi, endpoint: ApiEndpoint) -> list[pulumi.Alias] | None:
    """Return the name that earlier versions of this program gave a route.

    Names without those of variables let a variable be renamed in place: API Gateway refuses a second route that has
    another variable at the same place, and a new resource is created before the old one is deleted.
    """
    return [pulumi.Alias(name=f"{api.name} {endpoint}")] if endpoint.shape != str(endpoint) else None


def _create_integration(
    name: str, target: Ref, api: HttpApi, gateway: aws.apigatewayv2.Api, context: ProgramContext
) -> aws.apigatewayv2.Integration:
    return aws.apigatewayv2.Integration(
        name,
        api_id=gateway.id,
        integration_type="AWS_PROXY",
        integration_method="POST",
        integration_uri=context.outputs[target]["invoke_arn"],
        payload_format_version=api.payload_of(target),
        timeout_milliseconds=api.integration_timeout_s * 1000,
        opts=context.options(),
    )


def _preflight_endpoints(api: HttpApi) -> Iterator[ApiEndpoint]:
    """Yield a public OPTIONS endpoint beside each that takes every method and a token: preflights carry none.

    API Gateway routes before it answers a preflight. Source: its developer guide, CORS with a route for all methods and
    an authorizer.
    """
    listed = {endpoint.shape for endpoint in api.endpoints}
    for endpoint in api.endpoints if api.cors and api.authorizer else ():
        preflight = ApiEndpoint("OPTIONS", endpoint.path, target=endpoint.target)
        if endpoint.method == "ANY" and not endpoint.public and preflight.shape not in listed:
            yield preflight


def _create_authorizer(
    name: str, jwt: Authorizer, gateway: aws.apigatewayv2.Api, context: ProgramContext
) -> aws.apigatewayv2.Authorizer:
    return aws.apigatewayv2.Authorizer(
        name,
        name=f"{name}-jwt",
        api_id=gateway.id,
        authorizer_type="JWT",
        identity_sources=[f"$request.header.{jwt.header}"],
        jwt_configuration={"issuer": jwt.issuer, "audiences": list(jwt.audience)},
        opts=context.options(),
    )


def _create_stage(
    api: HttpApi, gateway: aws.apigatewayv2.Api, routes: list[aws.apigatewayv2.Route], context: ProgramContext
) -> aws.apigatewayv2.Stage:
    """Create the default stage. Both throttling values are always set: a missing one means zero, and 429 for all."""
    return aws.apigatewayv2.Stage(
        api.name,
        name="$default",
        api_id=gateway.id,
        auto_deploy=True,
        access_log_settings=access_log_settings(api.access_log, _ACCESS_LOG_FORMAT, context),
        default_route_settings={
            "throttling_burst_limit": api.throttling.burst,
            "throttling_rate_limit": api.throttling.rate,
        },
        tags=context.tags,
        opts=context.options(depends_on=routes),
    )


def access_log_settings(store: Ref | None, line: str, context: ProgramContext) -> dict[str, object] | None:
    return {"destination_arn": context.outputs[store]["arn"], "format": line} if store else None
