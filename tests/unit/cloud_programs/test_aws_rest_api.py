"""What the rest-api's program asks of AWS, and the traps that it keeps clear of."""

from __future__ import annotations

import json
from functools import cache
from itertools import product
from typing import Any

import pytest

from semantest_iac.infrastructure.sandbox_engine.protocol.values import Secret, contains_secret, to_cloud_value
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from tests.unit.cloud_programs.recorder import SECRET, Asked, recorded, urn
from tests.unit.cloud_programs.variants import ENVIRONMENTS, VARIANTS, blueprint

_FUNCTION = "aws:lambda/function:Function"
_STATEMENTS = "aws:iam/rolePolicy:RolePolicy"


@cache
def _asked(variant: str = "plain", environment: str = "development", region: str = "us-east-1") -> list[Asked]:
    return recorded(blueprint(variant, environment, region))


def _all(type_: str, asked: list[Asked]) -> list[Asked]:
    return [each for each in asked if each.type == type_]


def _the(type_: str, asked: list[Asked]) -> dict[str, Any]:
    [found] = _all(type_, asked)
    return found.inputs


def _statements(asked: list[Asked]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(to_cloud_value(_the(_STATEMENTS, asked)["policy"]))["Statement"]
    return found


@pytest.mark.parametrize(("variant", "environment"), list(product(VARIANTS, ENVIRONMENTS)))
class TestEveryVariant:
    def test_asks_for_types_that_the_sandbox_has_rules_for(self, variant: str, environment: str) -> None:
        asked = {each.type for each in _asked(variant, environment)}

        assert {type_ for type_ in asked if type_.startswith("aws:")} <= AWS_TYPES.keys()

    def test_uses_the_provider_of_its_region_for_all_under_a_component(self, variant: str, environment: str) -> None:
        asked = _asked(variant, environment, "eu-west-1")

        [provider] = _all("pulumi:providers:aws", asked)
        assert provider.inputs["region"] == "eu-west-1"
        ours = [each for each in asked if each.type.startswith("aws:")]
        assert {each.provider.rpartition("::")[0] for each in ours} == {urn("pulumi:providers:aws", "aws")}
        assert all(each.parent.startswith("urn:pulumi:s::p::semantest:") for each in ours)

    def test_tells_a_secret_to_the_secret_store_only(self, variant: str, environment: str) -> None:
        asked = _asked(variant, environment)

        told = {each.type: each.inputs for each in asked if SECRET in str(to_cloud_value(each.inputs))}
        assert told.keys() <= {"aws:secretsmanager/secretVersion:SecretVersion"}
        assert all(isinstance(inputs["secretString"], Secret) for inputs in told.values())
        assert not any(contains_secret(each.inputs) for each in asked if each.type not in told)


class TestFunction:
    def test_has_its_log_group_and_its_rights_before_it(self) -> None:
        [function] = _all(_FUNCTION, _asked("secrets"))

        assert function.needs >= {
            urn("aws:cloudwatch/logGroup:LogGroup", "function-logs"),
            urn(_STATEMENTS, "identity"),
            urn("aws:secretsmanager/secretVersion:SecretVersion", "secret-token"),
        }

    def test_publishes_versions_and_logs_in_json(self) -> None:
        function = _the(_FUNCTION, _asked())

        assert function["publish"] is True
        assert function["loggingConfig"]["logFormat"] == "JSON"
        assert function["loggingConfig"]["logGroup"] == f"/aws/lambda/{function['name']}"

    def test_learns_where_its_secrets_are_and_not_what_they_are(self) -> None:
        variables = _the(_FUNCTION, _asked("secrets"))["environment"]["variables"]

        assert variables["PLAIN"] == "seen"
        assert variables["SHIM"] == "1"
        arn = "aws:secretsmanager/secret:Secret:secret-token"
        assert json.loads(variables["SEMANTEST_SECRETS"]) == {"TOKEN": arn}

    def test_is_limited_and_kept_warm_behind_its_alias(self) -> None:
        asked = _asked("limited")

        assert _the(_FUNCTION, asked)["reservedConcurrentExecutions"] == 10
        warm = _the("aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig", asked)
        assert (warm["qualifier"], warm["provisionedConcurrentExecutions"]) == ("live", 2)

    def test_is_placed_in_the_network_of_others(self) -> None:
        asked = _asked("network of others")

        placed = _the(_FUNCTION, asked)["vpcConfig"]
        assert placed == {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]}
        assert _all("aws:ec2/vpc:Vpc", asked) == []


class TestRights:
    @pytest.mark.parametrize("variant", VARIANTS)
    def test_name_each_action_and_limit_it_where_aws_can(self, variant: str) -> None:
        statements = _statements(_asked(variant))

        assert not any("*" in action for statement in statements for action in statement["Action"])
        unlimited = {action for each in statements if each["Resource"] == ["*"] for action in each["Action"]}
        assert {action.partition(":")[0] for action in unlimited} <= {"ec2", "xray"}

    @pytest.mark.parametrize(
        ("variant", "service"),
        [("secrets", "secretsmanager"), ("traced", "xray"), ("network", "ec2"), ("network of others", "ec2")],
    )
    def test_are_given_where_they_are_needed(self, variant: str, service: str) -> None:
        def services(name: str) -> set[str]:
            statements = _statements(_asked(name, "production"))
            return {action.partition(":")[0] for each in statements for action in each["Action"]}

        assert service in services(variant)

    def test_let_nobody_but_lambda_be_the_function(self) -> None:
        trust = json.loads(_the("aws:iam/role:Role", _asked())["assumeRolePolicy"])

        assert [each["Principal"] for each in trust["Statement"]] == [{"Service": "lambda.amazonaws.com"}]


class TestApi:
    def test_always_sets_both_limits_because_a_missing_one_means_none_at_all(self) -> None:
        settings = _the("aws:apigatewayv2/stage:Stage", _asked())["defaultRouteSettings"]

        assert settings.keys() == {"throttlingBurstLimit", "throttlingRateLimit"}
        assert min(settings.values()) > 0

    def test_asks_for_no_execution_log_which_such_apis_do_not_have(self) -> None:
        stage = _the("aws:apigatewayv2/stage:Stage", _asked())

        assert "loggingLevel" not in stage["defaultRouteSettings"]
        assert json.loads(stage["accessLogSettings"]["format"])["requestId"] == "$context.requestId"

    def test_logs_where_the_account_s_one_wildcard_allows_it(self) -> None:
        groups = _all("aws:cloudwatch/logGroup:LogGroup", _asked())

        assert {each.name: each.inputs["name"].rpartition("/")[0] for each in groups} == {
            "access-logs": "/aws/vendedlogs/apis",
            "function-logs": "/aws/lambda",
        }

    def test_may_call_the_live_version_only(self) -> None:
        permission = _the("aws:lambda/permission:Permission", _asked())

        assert permission["qualifier"] == "live"
        assert permission["sourceArn"].endswith("/*/*")

    def test_waits_no_longer_than_it_can(self) -> None:
        integration = _the("aws:apigatewayv2/integration:Integration", _asked())

        assert 50 <= integration["timeoutMilliseconds"] <= 30_000
        assert (integration["payloadFormatVersion"], integration["integrationMethod"]) == ("2.0", "POST")

    def test_asks_for_a_token_but_for_health(self) -> None:
        routes = _all("aws:apigatewayv2/route:Route", _asked("authorizer"))

        kinds = {each.inputs["routeKey"]: each.inputs["authorizationType"] for each in routes}
        assert kinds == {"GET /items": "JWT", "POST /items": "JWT", "GET /health": "NONE"}
        assert {each.inputs.get("authorizerId") for each in routes} == {"id of api", None}


class TestWatching:
    def test_shares_of_errors_are_worked_out_from_two_metrics(self) -> None:
        alarms = _all("aws:cloudwatch/metricAlarm:MetricAlarm", _asked())

        [rate] = [each.inputs for each in alarms if each.name == "alarm-error-rate"]
        assert [query["id"] for query in rate["metricQueries"]] == ["rate", "errors", "invocations"]
        assert {each.inputs["treatMissingData"] for each in alarms} == {"notBreaching"}

    def test_everybody_named_is_told(self) -> None:
        told = _all("aws:sns/topicSubscription:TopicSubscription", _asked("told"))

        assert [each.inputs["endpoint"] for each in told] == ["a@example.org", "b@example.org"]

    def test_logs_outlive_production_only(self) -> None:
        def retained(environment: str) -> set[bool]:
            asked = _asked("plain", environment)
            return {each.retained for each in _all("aws:cloudwatch/logGroup:LogGroup", asked)}

        assert (retained("production"), retained("staging")) == ({True}, {False})


class TestNetwork:
    def test_lets_https_out_and_nothing_in(self) -> None:
        asked = _asked("network")

        out = _the("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", asked)
        assert (out["ipProtocol"], out["fromPort"], out["toPort"]) == ("tcp", 443, 443)
        assert _all("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", asked) == []

    def test_has_a_subnet_in_each_zone(self) -> None:
        subnets = _all("aws:ec2/subnet:Subnet", _asked("network with secrets"))

        assert [each.inputs["availabilityZone"] for each in subnets] == ["us-east-1a", "us-east-1b"]
        assert [each.inputs["cidrBlock"] for each in subnets] == ["10.1.0.0/28", "10.1.0.16/28"]

    def test_has_a_private_way_to_the_secrets(self) -> None:
        endpoint = _the("aws:ec2/vpcEndpoint:VpcEndpoint", _asked("network with secrets"))

        assert endpoint["serviceName"] == "com.amazonaws.us-east-1.secretsmanager"
        assert endpoint["privateDnsEnabled"] is True
