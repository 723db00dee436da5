"""What the WebSocket API's program asks of AWS, and the traps that it keeps clear of."""

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
from tests.unit.cloud_programs.recorder import SECRET, Asked, recorded, urn

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
def _asked(variant: str = "guarded", environment: str = "development") -> list[Asked]:
    features = {"access_logs": True} if variant == "logged" else {}
    section = {"components": {"websocket": VARIANTS[variant]}, "features": features}
    configuration = DeploymentConfiguration.model_validate(section)
    settings = resolve_component(configuration, "websocket", environment)
    return recorded(build_websocket(Stack("websocket", "aws", environment, "us-east-1"), 1, settings))


def _all(type_: str, asked: list[Asked]) -> list[Asked]:
    return [each for each in asked if each.type == type_]


def _named(type_: str, name: str, asked: list[Asked]) -> dict[str, Any]:
    [found] = [each for each in _all(type_, asked) if each.name == name]
    return found.inputs


def _statements(name: str, asked: list[Asked]) -> list[dict[str, Any]]:
    policy = to_cloud_value(_named("aws:iam/rolePolicy:RolePolicy", name, asked)["policy"])
    found: list[dict[str, Any]] = json.loads(policy)["Statement"]
    return found


@pytest.mark.parametrize(("variant", "environment"), list(product(VARIANTS, ("development", "production"))))
class TestEveryVariant:
    def test_asks_for_types_that_the_sandbox_has_rules_for(self, variant: str, environment: str) -> None:
        asked = {each.type for each in _asked(variant, environment)}

        assert {type_ for type_ in asked if type_.startswith("aws:")} <= AWS_TYPES.keys()

    def test_tells_a_secret_to_the_secret_store_only(self, variant: str, environment: str) -> None:
        told = {each.type for each in _asked(variant, environment) if SECRET in str(to_cloud_value(each.inputs))}

        assert told <= {"aws:secretsmanager/secretVersion:SecretVersion"}

    def test_names_each_action_and_limits_it_where_aws_can(self, variant: str, environment: str) -> None:
        names = [each.name for each in _all("aws:iam/role:Role", _asked(variant, environment))]
        statements = [each for name in names for each in _statements(name, _asked(variant, environment))]

        assert not any("*" in action for each in statements for action in each["Action"])
        unlimited = {action for each in statements if each["Resource"] == ["*"] for action in each["Action"]}
        assert {action.partition(":")[0] for action in unlimited} <= {"ec2", "xray"}

    def test_gives_no_two_of_a_kind_one_name(self, variant: str, environment: str) -> None:
        asked = _asked(variant, environment)

        for type_ in (_FUNCTION, "aws:iam/role:Role", _LOG_GROUP):
            names = [each.inputs["name"] for each in _all(type_, asked)]
            assert len(set(names)) == len(names)


class TestAddress:
    def test_routes_on_the_type_of_a_message(self) -> None:
        api = _named("aws:apigatewayv2/api:Api", "address", _asked())

        assert (api["protocolType"], api["routeSelectionExpression"]) == ("WEBSOCKET", "$request.body.type")
        assert "corsConfiguration" not in api


class TestRoutes:
    def test_are_guarded_when_a_client_connects_and_never_again(self) -> None:
        routes = _all("aws:apigatewayv2/route:Route", _asked())

        kinds = {each.inputs["routeKey"]: each.inputs["authorizationType"] for each in routes}
        assert kinds == {"$connect": "CUSTOM", "$default": "NONE", "$disconnect": "NONE"}
        assert {each.inputs.get("authorizerId") for each in routes} == {"id of api", None}

    def test_are_open_where_anyone_may_connect(self) -> None:
        asked = _asked("open")

        assert {each.inputs["authorizationType"] for each in _all("aws:apigatewayv2/route:Route", asked)} == {"NONE"}
        assert _all("aws:apigatewayv2/authorizer:Authorizer", asked) == []

    def test_wait_no_longer_than_a_websocket_can(self) -> None:
        integration = _named("aws:apigatewayv2/integration:Integration", "api", _asked("open", "production"))

        assert 50 <= integration["timeoutMilliseconds"] <= 29_000
        assert "payloadFormatVersion" not in integration
        assert _named(_FUNCTION, "function", _asked("open", "production"))["timeout"] == 60


class TestAuthorizer:
    def test_reads_the_token_where_browsers_can_put_it(self) -> None:
        authorizer = _named("aws:apigatewayv2/authorizer:Authorizer", "api", _asked())

        assert authorizer["identitySources"] == ["route.request.querystring.token"]
        assert authorizer["authorizerType"] == "REQUEST"
        assert not {"authorizerPayloadFormatVersion", "authorizerResultTtlInSeconds"} & authorizer.keys()

    def test_runs_a_package_of_its_own(self) -> None:
        handlers = {each.name: each.inputs["handler"] for each in _all(_FUNCTION, _asked())}

        assert handlers == {"function": "index.handler", "authorizer": "guard.handler"}

    def test_alone_finds_what_tokens_are_signed_with(self) -> None:
        def secrets(name: str) -> list[str]:
            variables = _named(_FUNCTION, name, _asked())["environment"]["variables"]
            return list(json.loads(variables["SEMANTEST_SECRETS"]))

        assert (secrets("function"), secrets("authorizer")) == (["TOKEN"], ["JWT_SECRET"])

    def test_may_touch_no_connection(self) -> None:
        actions = {action for each in _statements("authorizer-identity", _asked()) for action in each["Action"]}

        assert actions == {"logs:CreateLogStream", "logs:PutLogEvents", "secretsmanager:GetSecretValue"}


class TestPermissions:
    def test_let_each_route_call_the_live_version_and_nothing_else(self) -> None:
        permissions = _all(_PERMISSION, _asked())

        api = "aws:apigatewayv2/api:Api:address"
        assert {each.inputs["sourceArn"] for each in permissions} == {
            f"{api}/live/$connect",
            f"{api}/live/$default",
            f"{api}/live/$disconnect",
            f"{api}/authorizers/id of api",
        }
        assert {each.inputs["qualifier"] for each in permissions} == {"live"}


class TestFunction:
    def test_is_told_where_its_connections_are(self) -> None:
        variables = _named(_FUNCTION, "function", _asked())["environment"]["variables"]

        assert variables["SEMANTEST_CONNECTIONS_TABLE"].startswith("semantest-websocket-dev-")
        assert variables["SEMANTEST_CONNECTIONS_ENDPOINT"].endswith("/live")
        assert variables["SEMANTEST_CONNECTIONS_INDEX"] == "by-client-type"
        assert int(variables["SEMANTEST_CONNECTIONS_LIFETIME"]) >= 7200

    def test_may_work_on_its_rows_and_answer_its_clients_alone(self) -> None:
        table, api = "aws:dynamodb/table:Table:connections", "aws:apigatewayv2/api:Api:address"
        allowed = {tuple(each["Action"]): each["Resource"] for each in _statements("identity", _asked("open"))}

        assert allowed["dynamodb:Query",] == [f"{table}/index/by-client-type"]
        assert allowed["execute-api:ManageConnections",] == [
            f"{api}/live/{method}/@connections/*" for method in ("DELETE", "GET", "POST")
        ]
        [rows] = [resources for actions, resources in allowed.items() if "dynamodb:PutItem" in actions]
        assert rows == [table]


class TestTable:
    def test_forgets_and_finds_by_kind_and_defines_keys_only(self) -> None:
        table = _named("aws:dynamodb/table:Table", "connections", _asked())

        assert table["ttl"] == {"attributeName": "expiresAt", "enabled": True}
        assert [each["name"] for each in table["attributes"]] == [table["hashKey"], "clientType"]
        assert [each["hashKey"] for each in table["globalSecondaryIndexes"]] == ["clientType"]


class TestStage:
    def test_goes_live_when_its_routes_may_call(self) -> None:
        [stage] = _all("aws:apigatewayv2/stage:Stage", _asked())

        assert stage.needs >= {urn(_PERMISSION, f"api {event}") for event in ("connect", "message", "disconnect")}
        assert stage.inputs["name"] == "live"

    def test_sets_both_limits_and_logs_nothing_unless_that_is_asked_for(self) -> None:
        [stage] = _all("aws:apigatewayv2/stage:Stage", _asked())

        settings = stage.inputs["defaultRouteSettings"]
        assert settings.keys() == {"throttlingBurstLimit", "throttlingRateLimit"}
        assert "accessLogSettings" not in stage.inputs


class TestAccessLog:
    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        [stage] = _all("aws:apigatewayv2/stage:Stage", _asked("logged", "production"))
        found: dict[str, Any] = stage.inputs["accessLogSettings"]
        return found

    def test_tells_who_came_and_what_went_wrong(self, settings: dict[str, Any]) -> None:
        line = json.loads(settings["format"])

        assert {name: line[name] for name in ("requestId", "connectionId", "event", "authorizerError")} == {
            "requestId": "$context.requestId",
            "connectionId": "$context.connectionId",
            "event": "$context.eventType",
            "authorizerError": "$context.authorizer.error",
        }
        assert len(settings["format"]) <= 1024

    def test_goes_where_one_wildcard_of_the_account_lets_it_and_stays_like_other_logs(
        self, settings: dict[str, Any]
    ) -> None:
        [group] = [each for each in _all(_LOG_GROUP, _asked("logged", "production")) if each.name == "access-logs"]

        assert settings["destinationArn"] == f"{_LOG_GROUP}:access-logs"
        assert group.inputs["name"].startswith("/aws/vendedlogs/apis/semantest-websocket-prod-")
        assert (group.inputs["retentionInDays"], group.retained) == (90, True)


class TestWatching:
    @pytest.mark.parametrize(
        ("alarm", "metric"), [("latency", "IntegrationLatency"), ("server-errors", "IntegrationError")]
    )
    def test_looks_at_what_a_websocket_measures(self, alarm: str, metric: str) -> None:
        watched = _named("aws:cloudwatch/metricAlarm:MetricAlarm", f"alarm-{alarm}", _asked())

        assert (watched["metricName"], watched["dimensions"]["Stage"]) == (metric, "live")
