"""What the WebSocket API's program registers on AWS, and the pitfalls that it avoids."""

from __future__ import annotations

import json
from functools import cache
from itertools import product
from typing import Any

import pytest

from semantest_iac.domain.blueprints.components import build_websocket
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.infrastructure.sandbox_engine.protocol.values import to_cloud_value
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from tests.unit.cloud_programs.recorder import (
    SECRET,
    Registration,
    example_arn,
    inputs_named,
    of_type,
    record_program,
    urn,
)

_SIGNED = {"environment": {"JWT_SECRET": "${secrets.jwt}", "TOKEN": "${secrets.token}"}}
VARIANTS: dict[str, dict[str, Any]] = {
    "open": {"environment": {"AUTHENTICATION_REQUIRED": "false"}},
    "guarded": {**_SIGNED, "authorizer": {"issuer": "https://issuer.example.org", "audience": ["us"]}},
    "warm": {**_SIGNED, "instances": {"min": 2, "max": 10}},
    "logged": _SIGNED,
    "placed": {**_SIGNED, "network": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}},
}
_FUNCTION = "aws:lambda/function:Function"
_LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_PERMISSION = "aws:lambda/permission:Permission"


@cache
def _record(variant: str = "guarded", environment: str = "development") -> list[Registration]:
    features = {"access_logs": True} if variant == "logged" else {}
    section = {"components": {"websocket": VARIANTS[variant]}, "features": features}
    configuration = DeploymentConfiguration.model_validate(section)
    settings = resolve_component(configuration, "websocket", environment)
    return record_program(build_websocket(Stack("websocket", "aws", environment, "us-east-1"), 1, settings))


def _statements(name: str, registrations: list[Registration]) -> list[dict[str, Any]]:
    policy = to_cloud_value(inputs_named("aws:iam/rolePolicy:RolePolicy", name, registrations)["policy"])
    found: list[dict[str, Any]] = json.loads(policy)["Statement"]
    return found


@pytest.mark.parametrize(("variant", "environment"), list(product(VARIANTS, ("development", "production"))))
class TestEveryVariant:
    def test_has_only_types_that_the_sandbox_simulates(self, variant: str, environment: str) -> None:
        registrations = {each.type for each in _record(variant, environment)}

        assert {type_ for type_ in registrations if type_.startswith("aws:")} <= AWS_TYPES.keys()

    def test_passes_a_secret_to_the_secret_store_only(self, variant: str, environment: str) -> None:
        types = {each.type for each in _record(variant, environment) if SECRET in str(to_cloud_value(each.inputs))}

        assert types <= {"aws:secretsmanager/secretVersion:SecretVersion"}

    def test_names_each_action_and_limits_its_resources_if_possible(self, variant: str, environment: str) -> None:
        names = [each.name for each in of_type("aws:iam/role:Role", _record(variant, environment))]
        statements = [each for name in names for each in _statements(name, _record(variant, environment))]

        assert not any("*" in action for each in statements for action in each["Action"])
        unlimited = {action for each in statements if each["Resource"] == ["*"] for action in each["Action"]}
        assert {action.partition(":")[0] for action in unlimited} <= {"ec2", "xray"}

    def test_gives_every_resource_of_a_type_its_own_name(self, variant: str, environment: str) -> None:
        registrations = _record(variant, environment)

        for type_ in (_FUNCTION, "aws:iam/role:Role", _LOG_GROUP):
            names = [each.inputs["name"] for each in of_type(type_, registrations)]
            assert len(set(names)) == len(names)


class TestAddress:
    def test_selects_routes_by_message_type(self) -> None:
        api = inputs_named("aws:apigatewayv2/api:Api", "address", _record())

        assert (api["protocolType"], api["routeSelectionExpression"]) == ("WEBSOCKET", "$request.body.type")
        assert "corsConfiguration" not in api


class TestRoutes:
    def test_are_authorized_only_when_a_client_connects(self) -> None:
        routes = of_type("aws:apigatewayv2/route:Route", _record())

        kinds = {each.inputs["routeKey"]: each.inputs["authorizationType"] for each in routes}
        assert kinds == {"$connect": "CUSTOM", "$default": "NONE", "$disconnect": "NONE"}
        assert {each.inputs.get("authorizerId") for each in routes} == {"id of api", None}

    def test_are_open_without_an_authorizer(self) -> None:
        registrations = _record("open")

        assert {
            each.inputs["authorizationType"] for each in of_type("aws:apigatewayv2/route:Route", registrations)
        } == {"NONE"}
        assert of_type("aws:apigatewayv2/authorizer:Authorizer", registrations) == []

    def test_have_the_timeout_of_a_websocket(self) -> None:
        integration = inputs_named("aws:apigatewayv2/integration:Integration", "api", _record("open", "production"))

        assert 50 <= integration["timeoutMilliseconds"] <= 29_000
        assert "payloadFormatVersion" not in integration
        assert inputs_named(_FUNCTION, "function", _record("open", "production"))["timeout"] == 60


class TestAuthorizer:
    def test_reads_the_token_from_the_query(self) -> None:
        authorizer = inputs_named("aws:apigatewayv2/authorizer:Authorizer", "api", _record())

        assert authorizer["identitySources"] == ["route.request.querystring.token"]
        assert authorizer["authorizerType"] == "REQUEST"
        assert not {"authorizerPayloadFormatVersion", "authorizerResultTtlInSeconds"} & authorizer.keys()

    def test_runs_its_own_package(self) -> None:
        handlers = {each.name: each.inputs["handler"] for each in of_type(_FUNCTION, _record())}

        assert handlers == {"function": "index.handler", "authorizer": "guard.handler"}

    def test_alone_has_the_signing_secret(self) -> None:
        def secrets(name: str) -> list[str]:
            variables = inputs_named(_FUNCTION, name, _record())["environment"]["variables"]
            return list(json.loads(variables["SEMANTEST_SECRETS"]))

        assert (secrets("function"), secrets("authorizer")) == (["TOKEN"], ["JWT_SECRET"])

    def test_has_no_access_to_connections(self) -> None:
        actions = {action for each in _statements("authorizer-identity", _record()) for action in each["Action"]}

        assert actions == {"logs:CreateLogStream", "logs:PutLogEvents", "secretsmanager:GetSecretValue"}


class TestPermissions:
    def test_let_each_route_call_only_the_live_version(self) -> None:
        permissions = of_type(_PERMISSION, _record())

        api = "aws:apigatewayv2/api:Api:address"
        assert {each.inputs["sourceArn"] for each in permissions} == {
            f"{api}/live/$connect",
            f"{api}/live/$default",
            f"{api}/live/$disconnect",
            f"{api}/authorizers/id of api",
        }
        assert {each.inputs["qualifier"] for each in permissions} == {"live"}


class TestFunction:
    def test_gets_the_location_of_its_connections(self) -> None:
        variables = inputs_named(_FUNCTION, "function", _record())["environment"]["variables"]

        assert variables["SEMANTEST_CONNECTIONS_TABLE"].startswith("semantest-websocket-dev-")
        assert variables["SEMANTEST_CONNECTIONS_ENDPOINT"].endswith("/live")
        assert variables["SEMANTEST_CONNECTIONS_INDEX"] == "by-client-type"
        assert int(variables["SEMANTEST_CONNECTIONS_LIFETIME"]) >= 7200

    def test_can_access_only_its_own_rows_and_clients(self) -> None:
        table = example_arn("aws:dynamodb/table:Table", "connections")
        api = "aws:apigatewayv2/api:Api:address"
        allowed = {tuple(each["Action"]): each["Resource"] for each in _statements("identity", _record("open"))}

        assert allowed["dynamodb:Query",] == [f"{table}/index/by-client-type"]
        assert allowed["execute-api:ManageConnections",] == [
            f"{api}/live/{method}/@connections/*" for method in ("DELETE", "GET", "POST")
        ]
        [rows] = [resources for actions, resources in allowed.items() if "dynamodb:PutItem" in actions]
        assert rows == [table]


class TestTable:
    def test_has_an_expiry_and_an_index_and_defines_key_attributes_only(self) -> None:
        table = inputs_named("aws:dynamodb/table:Table", "connections", _record())

        assert table["ttl"] == {"attributeName": "expiresAt", "enabled": True}
        assert [each["name"] for each in table["attributes"]] == [table["hashKey"], "clientType"]
        assert [each["hashKey"] for each in table["globalSecondaryIndexes"]] == ["clientType"]


class TestStage:
    def test_depends_on_its_routes_and_permissions(self) -> None:
        [stage] = of_type("aws:apigatewayv2/stage:Stage", _record())

        assert stage.needs >= {urn(_PERMISSION, f"api {event}") for event in ("connect", "message", "disconnect")}
        assert stage.inputs["name"] == "live"

    def test_sets_both_limits_and_logs_only_on_request(self) -> None:
        [stage] = of_type("aws:apigatewayv2/stage:Stage", _record())

        settings = stage.inputs["defaultRouteSettings"]
        assert settings.keys() == {"throttlingBurstLimit", "throttlingRateLimit"}
        assert "accessLogSettings" not in stage.inputs


class TestAccessLog:
    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        [stage] = of_type("aws:apigatewayv2/stage:Stage", _record("logged", "production"))
        found: dict[str, Any] = stage.inputs["accessLogSettings"]
        return found

    def test_contains_client_and_error(self, settings: dict[str, Any]) -> None:
        line = json.loads(settings["format"])

        assert {name: line[name] for name in ("requestId", "connectionId", "event", "authorizerError")} == {
            "requestId": "$context.requestId",
            "connectionId": "$context.connectionId",
            "event": "$context.eventType",
            "authorizerError": "$context.authorizer.error",
        }
        assert len(settings["format"]) <= 1024

    def test_has_the_prefix_of_the_account_s_wildcard_and_the_usual_retention(self, settings: dict[str, Any]) -> None:
        [group] = [each for each in of_type(_LOG_GROUP, _record("logged", "production")) if each.name == "access-logs"]

        assert settings["destinationArn"] == example_arn(_LOG_GROUP, "access-logs")
        assert group.inputs["name"].startswith("/aws/vendedlogs/apis/semantest-websocket-prod-")
        assert (group.inputs["retentionInDays"], group.retained) == (90, True)


class TestMonitoring:
    def test_uses_the_latency_of_websocket_apis(self) -> None:
        watched = inputs_named("aws:cloudwatch/metricAlarm:MetricAlarm", "alarm-latency", _record())

        assert (watched["metricName"], watched["dimensions"]["Stage"]) == ("IntegrationLatency", "live")

    def test_counts_failures_and_no_clients_that_are_refused(self) -> None:
        watched = inputs_named("aws:cloudwatch/metricAlarm:MetricAlarm", "alarm-server-errors", _record())

        total, *terms = watched["metricQueries"]
        assert (total["expression"], total["returnData"]) == ("FILL(calls, 0) + FILL(errors, 0)", True)
        metrics = {term["id"]: (term["metric"]["namespace"], term["metric"]["metricName"]) for term in terms}
        assert metrics == {"calls": ("AWS/ApiGateway", "ExecutionError"), "errors": ("AWS/Lambda", "Errors")}
        assert terms[0]["metric"]["dimensions"]["Stage"] == "live"
