"""Reading a deployed WebSocket API."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.api_frontend import TokenBuckets
from semantest_iac.infrastructure.local_service.aws.api_frontend import build_api_frontend
from semantest_iac.infrastructure.local_service.aws.deployed_web_socket_api import (
    DeployedWebSocketApi,
    read_deployed_web_socket_api,
    redirect_to_local_endpoints,
)

ARN = "arn:aws:lambda:us-east-1:123456789012:function:{}"
URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}:live/invocations"
TOKEN = "route.request.querystring.token"
SECRETS = "aws:secretsmanager/secretVersion:SecretVersion"


def function(name: str, **variables: str) -> DeployedResource:
    outputs = {
        "arn": ARN.format(name),
        "name": name,
        "handler": f"{name}.handler",
        "runtime": "python3.13",
        "environment": {"variables": variables},
        "memorySize": 256,
        "timeout": 60,
        "version": "1",
        "sourceCodeHash": base64.b64encode(b"x" * 32).decode(),
    }
    return DeployedResource("aws:lambda/function:Function", name, outputs)


def gateway(kind: str, **outputs: Any) -> DeployedResource:
    return DeployedResource(f"aws:apigatewayv2/{kind[0].lower()}{kind[1:]}:{kind}", kind, outputs)


def stack(protocol: str = "WEBSOCKET", **routes: str) -> list[DeployedResource]:
    references = json.dumps({"JWT_SECRET": "arn:jwt"})
    return [
        function("authorizer", SEMANTEST_SECRETS=references),
        function("function", SEMANTEST_SECRETS=json.dumps({"OTHER": "arn:other"})),
        gateway(
            "Api",
            protocolType=protocol,
            apiEndpoint="wss://abc.execute-api.us-east-1.amazonaws.com",
            executionArn="arn:aws:execute-api:us-east-1:123456789012:abc",
            routeSelectionExpression="$request.body.type",
        ),
        gateway("Authorizer", authorizerUri=URI.format(ARN.format("authorizer")), identitySources=[TOKEN]),
        gateway("Integration", integrationUri=URI.format(ARN.format("function")), timeoutMilliseconds=29000),
        gateway("Stage", name="live", defaultRouteSettings={"throttlingRateLimit": 1, "throttlingBurstLimit": 1}),
        *(gateway("Route", routeKey=key.replace("_", "$"), authorizerId=id) for key, id in routes.items()),
        DeployedResource(SECRETS, "jwt", {"secretId": "arn:jwt", "secretString": "s1"}),
        DeployedResource(SECRETS, "other", {"secretId": "arn:other", "secretString": "s2"}),
        DeployedResource("aws:dynamodb/table:Table", "t", {"name": "t", "hashKey": "id"}),
    ]  # fmt: skip


def read_api(**routes: str) -> DeployedWebSocketApi:
    deployed_api = read_deployed_web_socket_api(
        stack(**(routes or {"_connect": "a", "_default": "", "ping": ""})), Path
    )
    assert deployed_api is not None
    return deployed_api


class TestPlan:
    def test_names_the_api_as_events_do(self) -> None:
        api = read_api().identity

        assert (api.id, api.stage, api.domain_name) == ("abc", "live", "abc.execute-api.us-east-1.amazonaws.com")

    def test_finds_each_function_by_its_invocation_uri(self) -> None:
        found = read_api()

        assert found.authorizer is not None
        assert (found.function.name, found.authorizer.function.name) == ("function", "authorizer")
        assert found.authorizer.required_parameters == ("token",)

    def test_gives_each_function_only_its_own_secrets(self) -> None:
        found = read_api()

        assert found.authorizer is not None
        assert (found.function.secrets, found.authorizer.function.secrets) == ({"arn:other": "s2"}, {"arn:jwt": "s1"})

    def test_has_no_authorizer_if_no_route_names_one(self) -> None:
        assert read_api(_connect="", _default="").authorizer is None

    def test_is_none_for_other_stacks(self) -> None:
        assert read_deployed_web_socket_api(stack("HTTP"), Path) is None
        assert read_deployed_web_socket_api([], Path) is None

    def test_has_the_rate_limit_of_the_stage(self) -> None:
        buckets = TokenBuckets(read_api().stage_limits)

        assert [buckets.try_acquire("$default") for _ in range(2)] == [True, False]

    def test_is_equal_after_the_same_deployment(self) -> None:
        assert read_api() == read_api()
        assert read_api() != read_api(_connect="")


class TestRoutes:
    @pytest.mark.parametrize(
        ("message", "route"),
        [
            ({"type": "ping"}, "ping"),
            ({"type": "pong"}, "$default"),
            ({"type": "$connect"}, "$default"),
            ({"type": 7}, "$default"),
            ({}, "$default"),
            (None, "$default"),
            ([], "$default"),
        ],
        ids=str,
    )
    def test_are_chosen_by_the_route_field(self, message: Any, route: str) -> None:
        assert read_api().find_route(message) == route

    def test_are_none_without_a_default(self) -> None:
        assert read_api(_connect="").find_route({"type": "ping"}) is None


class TestRedirect:
    def test_replaces_the_endpoints_of_aws(self) -> None:
        variables = redirect_to_local_endpoints(read_api().function, "http://t", "http://c").environment

        assert (variables["SEMANTEST_CONNECTIONS_ENDPOINT"], variables["AWS_ENDPOINT_URL_DYNAMODB"]) == (
            "http://c",
            "http://t",
        )


class TestPlainRequests:
    def test_must_upgrade(self) -> None:
        frontend = build_api_frontend(stack(), Path)

        assert frontend is not None
        refusal = frontend.admit(HttpRequest("GET", "/")).direct_response
        assert refusal is not None
        assert (refusal.status, dict(refusal.headers)["upgrade"]) == (426, "websocket")
