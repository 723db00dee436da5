"""WebSocket APIs on API Gateway v2.

Their access log is written through a role in the settings of the whole account and region, which has its own stack.
They have no execution log, because API Gateway would keep it forever in a log group that it creates itself.
"""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from semantest_iac.domain.networking.apis import ConnectionEvent, WebSocketAddress, WebSocketEndpoint
from semantest_iac.domain.resource import Ref
from semantest_iac.infrastructure.cloud_programs.aws.foundation import aws_name
from semantest_iac.infrastructure.cloud_programs.aws.http_apis import access_log_settings, allow_invocation
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext
from semantest_iac.infrastructure.clouds.aws_variables import CONNECTIONS_ENDPOINT_SETTING

LIVE_STAGE = "live"
ROUTE_KEYS = {
    ConnectionEvent.CONNECT: "$connect",
    ConnectionEvent.MESSAGE: "$default",
    ConnectionEvent.DISCONNECT: "$disconnect",
}
_TOKEN_SOURCE = "route.request.querystring.token"  # noqa: S105 - browsers can send no header when they connect
# Who connected, with which result, and what failed; the request id is also in the function's own log.
_ACCESS_LOG_FORMAT = json.dumps(
    {
        "requestId": "$context.requestId",
        "connectionId": "$context.connectionId",
        "ip": "$context.identity.sourceIp",
        "time": "$context.requestTime",
        "route": "$context.routeKey",
        "event": "$context.eventType",
        "status": "$context.status",
        "error": "$context.error.message",
        "authorizerError": "$context.authorizer.error",
        "integrationError": "$context.integrationErrorMessage",
    }
)
_CONNECTION_METHODS = ("DELETE", "GET", "POST")


def create_web_socket_address(address: WebSocketAddress, context: ProgramContext) -> Outputs:
    """Create an API without routes; its id determines its addresses."""
    api = aws.apigatewayv2.Api(
        address.name,
        name=aws_name("api", context),
        protocol_type="WEBSOCKET",
        route_selection_expression=f"$request.body.{address.type_field}",
        tags=context.tags,
        opts=context.options(),
    )
    management = api.api_endpoint.apply(lambda endpoint: f"{endpoint.replace('wss://', 'https://', 1)}/{LIVE_STAGE}")
    return {
        "id": api.id,
        "name": api.name,
        "execution_arn": api.execution_arn,
        "endpoint": pulumi.Output.concat(api.api_endpoint, "/", LIVE_STAGE),
        "management_endpoint": management,
        "variables": {CONNECTIONS_ENDPOINT_SETTING: management},
        "statements": [
            {
                "Effect": "Allow",
                "Action": ["execute-api:ManageConnections"],
                "Resource": [
                    pulumi.Output.concat(api.execution_arn, f"/{LIVE_STAGE}/{method}/@connections/*")
                    for method in _CONNECTION_METHODS
                ],
            }
        ],
    }


def create_web_socket_endpoint(endpoint: WebSocketEndpoint, context: ProgramContext) -> Outputs:
    """Create the routes of an API, its authorizer, and the stage on which they go live."""
    address = context.outputs[endpoint.address]
    routes = _create_routes(endpoint, context)
    permissions = [
        _allow_api_part(
            f"{endpoint.name} {event}", endpoint.target, f"/{LIVE_STAGE}/{ROUTE_KEYS[event]}", endpoint, context
        )
        for event in endpoint.routes
    ]
    stage = aws.apigatewayv2.Stage(
        endpoint.name,
        name=LIVE_STAGE,
        api_id=address["id"],
        auto_deploy=True,
        access_log_settings=access_log_settings(endpoint.access_log, _ACCESS_LOG_FORMAT, context),
        default_route_settings={
            "throttling_burst_limit": endpoint.throttling.burst,
            "throttling_rate_limit": endpoint.throttling.rate,
        },
        tags=context.tags,
        opts=context.options(depends_on=[*routes, *permissions]),
    )
    return {
        "id": address["id"],
        "name": address["name"],
        "stage": stage.name,
        "endpoint": stage.invoke_url,
        "routes": [route.route_key for route in routes],
        "protocol": "WEBSOCKET",
    }


def _create_routes(endpoint: WebSocketEndpoint, context: ProgramContext) -> list[aws.apigatewayv2.Route]:
    api = context.outputs[endpoint.address]["id"]
    integration = aws.apigatewayv2.Integration(
        endpoint.name,
        api_id=api,
        integration_type="AWS_PROXY",
        integration_method="POST",
        integration_uri=context.outputs[endpoint.target]["invoke_arn"],
        timeout_milliseconds=endpoint.integration_timeout_s * 1000,
        opts=context.options(),
    )
    authorization = _create_authorization(endpoint, context)
    return [
        aws.apigatewayv2.Route(
            f"{endpoint.name} {event}",
            api_id=api,
            route_key=ROUTE_KEYS[event],
            target=pulumi.Output.concat("integrations/", integration.id),
            opts=context.options(),
            **(authorization if event is ConnectionEvent.CONNECT else {"authorization_type": "NONE"}),
        )
        for event in endpoint.routes
    ]


def _create_authorization(endpoint: WebSocketEndpoint, context: ProgramContext) -> dict[str, pulumi.Input[str]]:
    """Return the authorization arguments of the `$connect` route, and create its authorizer."""
    if endpoint.authorizer is None:
        return {"authorization_type": "NONE"}
    address, name = context.outputs[endpoint.address], f"{endpoint.name} authorizer"
    authorizer = aws.apigatewayv2.Authorizer(
        endpoint.name,
        name=f"{endpoint.name}-token",
        api_id=address["id"],
        authorizer_type="REQUEST",
        authorizer_uri=context.outputs[endpoint.authorizer]["invoke_arn"],
        identity_sources=[_TOKEN_SOURCE],
        opts=context.options(),
    )
    _allow_api_part(name, endpoint.authorizer, pulumi.Output.concat("/authorizers/", authorizer.id), endpoint, context)
    return {"authorization_type": "CUSTOM", "authorizer_id": authorizer.id}


def _allow_api_part(
    name: str, target: Ref, api_path: pulumi.Input[str], endpoint: WebSocketEndpoint, context: ProgramContext
) -> aws.lambda_.Permission:
    """Allow one part of the API to call one live version."""
    source_arn = pulumi.Output.concat(context.outputs[endpoint.address]["execution_arn"], api_path)
    return allow_invocation(name, target, source_arn, name.replace(" ", "-"), context)
