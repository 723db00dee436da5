"""What is read of a deployed WebSocket API."""

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
from semantest_iac.infrastructure.local_service.aws.web_socket_plan import (
    WebSocketPlan,
    read_web_socket_plan,
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


def planned(**routes: str) -> WebSocketPlan:
    found = read_web_socket_plan(stack(**(routes or {"_connect": "a", "_default": "", "ping": ""})), Path)
    assert found is not None
    return found


class TestPlan:
    def test_names_the_api_as_its_events_do(self) -> None:
        api = planned().api

        assert (api.id, api.stage, api.domain_name) == ("abc", "live", "abc.execute-api.us-east-1.amazonaws.com")

    def test_finds_each_function_by_what_the_gateway_invokes(self) -> None:
        found = planned()

        assert found.guard is not None
        assert (found.function.name, found.guard.function.name) == ("function", "authorizer")
        assert found.guard.parameters == ("token",)

    def test_gives_each_function_its_own_secrets_alone(self) -> None:
        found = planned()

        assert found.guard is not None
        assert (found.function.secrets, found.guard.function.secrets) == ({"arn:other": "s2"}, {"arn:jwt": "s1"})

    def test_has_no_guard_where_no_route_asks_for_one(self) -> None:
        assert planned(_connect="", _default="").guard is None

    def test_is_none_for_other_stacks(self) -> None:
        assert read_web_socket_plan(stack("HTTP"), Path) is None
        assert read_web_socket_plan([], Path) is None

    def test_lets_as_much_through_as_the_stage_does(self) -> None:
        throttles = TokenBuckets(planned().limits)

        assert [throttles.admits("$default") for _ in range(2)] == [True, False]

    def test_is_the_same_for_what_is_deployed_again(self) -> None:
        assert planned() == planned()
        assert planned() != planned(_connect="")


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
    def test_are_chosen_by_the_field_that_the_api_names(self, message: Any, route: str) -> None:
        assert planned().route_of(message) == route

    def test_may_take_nothing(self) -> None:
        assert planned(_connect="").route_of({"type": "ping"}) is None


class TestReaching:
    def test_turns_calls_to_aws_to_this_machine(self) -> None:
        told = redirect_to_local_endpoints(planned().function, "http://t", "http://c").environment

        assert (told["SEMANTEST_CONNECTIONS_ENDPOINT"], told["AWS_ENDPOINT_URL_DYNAMODB"]) == ("http://c", "http://t")


class TestPlainRequests:
    def test_are_told_to_upgrade_first(self) -> None:
        answered = build_api_frontend(stack(), Path)

        assert answered is not None
        refusal = answered.admit(HttpRequest("GET", "/")).refusal
        assert refusal is not None
        assert (refusal.status, dict(refusal.headers)["upgrade"]) == (426, "websocket")
