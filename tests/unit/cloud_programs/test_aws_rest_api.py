"""What the rest-api's program registers on AWS, and the pitfalls that it avoids."""

from __future__ import annotations

import json
from functools import cache
from itertools import product
from typing import Any

import pytest

from semantest_iac.infrastructure.sandbox_engine.protocol.values import Secret, contains_secret, to_cloud_value
from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import AWS_TYPES
from tests.unit.cloud_programs.recorder import (
    SECRET,
    Registration,
    example_arn,
    inputs_of,
    of_type,
    record_program,
    run_recorded,
    urn,
)
from tests.unit.cloud_programs.variants import ENVIRONMENTS, VARIANTS, blueprint

_FUNCTION = "aws:lambda/function:Function"
_STATEMENTS = "aws:iam/rolePolicy:RolePolicy"


@cache
def _record(variant: str = "plain", environment: str = "development", region: str = "us-east-1") -> list[Registration]:
    return record_program(blueprint(variant, environment, region))


def _statements(registrations: list[Registration]) -> list[dict[str, Any]]:
    policies = [json.loads(to_cloud_value(each.inputs)["policy"]) for each in of_type(_STATEMENTS, registrations)]
    return [statement for policy in policies for statement in policy["Statement"]]


@pytest.mark.parametrize(("variant", "environment"), list(product(VARIANTS, ENVIRONMENTS)))
class TestEveryVariant:
    def test_has_only_types_that_the_sandbox_simulates(self, variant: str, environment: str) -> None:
        registrations = {each.type for each in _record(variant, environment, "eu-west-1")}

        assert {type_ for type_ in registrations if type_.startswith("aws:")} <= AWS_TYPES.keys()

    def test_uses_the_provider_of_its_region_for_every_resource(self, variant: str, environment: str) -> None:
        registrations = _record(variant, environment, "eu-west-1")

        [provider] = of_type("pulumi:providers:aws", registrations)
        assert provider.inputs["region"] == "eu-west-1"
        ours = [each for each in registrations if each.type.startswith("aws:")]
        assert {each.provider.rpartition("::")[0] for each in ours} == {urn("pulumi:providers:aws", "aws")}
        assert all(each.parent.startswith("urn:pulumi:s::p::semantest:") for each in ours)

    def test_passes_a_secret_to_the_secret_store_only(self, variant: str, environment: str) -> None:
        registrations = _record(variant, environment, "eu-west-1")

        secret_inputs = {each.type: each.inputs for each in registrations if SECRET in str(to_cloud_value(each.inputs))}
        assert secret_inputs.keys() <= {"aws:secretsmanager/secretVersion:SecretVersion"}
        assert all(isinstance(inputs["secretString"], Secret) for inputs in secret_inputs.values())
        assert not any(contains_secret(each.inputs) for each in registrations if each.type not in secret_inputs)


class TestFunction:
    def test_depends_on_its_log_group_and_its_permissions(self) -> None:
        [function] = of_type(_FUNCTION, _record("secrets"))

        assert function.needs >= {
            urn("aws:cloudwatch/logGroup:LogGroup", "function-logs"),
            urn(_STATEMENTS, "identity"),
            urn("aws:secretsmanager/secretVersion:SecretVersion", "secret-token"),
        }

    def test_publishes_versions_and_logs_in_json(self) -> None:
        function = inputs_of(_FUNCTION, _record())

        assert function["publish"] is True
        assert function["loggingConfig"]["logFormat"] == "JSON"
        assert function["loggingConfig"]["logGroup"] == f"/aws/lambda/{function['name']}"

    @pytest.mark.parametrize(("environment", "level"), [("development", "DEBUG"), ("production", "INFO")])
    def test_logs_from_the_level_of_its_code_on(self, environment: str, level: str) -> None:
        function = inputs_of(_FUNCTION, _record("plain", environment))

        assert function["loggingConfig"]["applicationLogLevel"] == level

    def test_gets_references_to_its_secrets_and_no_values(self) -> None:
        variables = inputs_of(_FUNCTION, _record("secrets"))["environment"]["variables"]

        assert variables["PLAIN"] == "seen"
        assert variables["SHIM"] == "1"
        arn = example_arn("aws:secretsmanager/secret:Secret", "secret-token")
        assert json.loads(variables["SEMANTEST_SECRETS"]) == {"TOKEN": arn}
        assert "SEMANTEST_SECRETS_VERSION" not in variables

    def test_has_a_variable_that_changes_with_the_values_that_were_set(self) -> None:
        def recorded(version: str) -> Any:
            registered = record_program(blueprint("secrets").with_secret_versions({"token": version}))
            return inputs_of(_FUNCTION, registered)["environment"]["variables"].get("SEMANTEST_SECRETS_VERSION")

        found = [recorded(version) for version in ("v1", "v2", "v1", "")]

        assert found[0] == found[2] != found[1]
        assert [len(each or "") for each in found] == [12, 12, 12, 0]

    def test_has_a_limit_and_provisioned_concurrency_on_its_alias(self) -> None:
        registrations = _record("limited")

        assert inputs_of(_FUNCTION, registrations)["reservedConcurrentExecutions"] == 10
        warm = inputs_of("aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig", registrations)
        assert (warm["qualifier"], warm["provisionedConcurrentExecutions"]) == ("live", 2)

    def test_is_placed_in_the_existing_network(self) -> None:
        registrations = _record("existing network")

        placed = inputs_of(_FUNCTION, registrations)["vpcConfig"]
        assert placed == {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]}
        assert of_type("aws:ec2/vpc:Vpc", registrations) == []


class TestPermissions:
    @pytest.mark.parametrize("variant", VARIANTS)
    def test_name_each_action_and_limit_its_resources_if_possible(self, variant: str) -> None:
        statements = _statements(_record(variant))

        assert not any("*" in action for statement in statements for action in statement["Action"])
        unlimited = {action for each in statements if each["Resource"] == ["*"] for action in each["Action"]}
        assert {action.partition(":")[0] for action in unlimited} <= {"ec2", "xray"}

    @pytest.mark.parametrize(
        ("variant", "service"),
        [("secrets", "secretsmanager"), ("traced", "xray"), ("network", "ec2"), ("existing network", "ec2")],
    )
    def test_are_granted_if_needed(self, variant: str, service: str) -> None:
        def services(name: str) -> set[str]:
            statements = _statements(_record(name, "production"))
            return {action.partition(":")[0] for each in statements for action in each["Action"]}

        assert service in services(variant)

    def test_let_only_lambda_assume_the_role(self) -> None:
        trust = json.loads(inputs_of("aws:iam/role:Role", _record())["assumeRolePolicy"])

        assert [each["Principal"] for each in trust["Statement"]] == [{"Service": "lambda.amazonaws.com"}]


class TestApi:
    def test_always_sets_both_limits_because_a_missing_one_means_zero(self) -> None:
        settings = inputs_of("aws:apigatewayv2/stage:Stage", _record())["defaultRouteSettings"]

        assert settings.keys() == {"throttlingBurstLimit", "throttlingRateLimit"}
        assert min(settings.values()) > 0

    def test_has_no_execution_log_which_http_apis_do_not_support(self) -> None:
        stage = inputs_of("aws:apigatewayv2/stage:Stage", _record())

        assert "loggingLevel" not in stage["defaultRouteSettings"]
        assert json.loads(stage["accessLogSettings"]["format"])["requestId"] == "$context.requestId"

    def test_logs_under_the_prefix_of_the_account_s_wildcard(self) -> None:
        groups = of_type("aws:cloudwatch/logGroup:LogGroup", _record())

        assert {each.name: each.inputs["name"].rpartition("/")[0] for each in groups} == {
            "access-logs": "/aws/vendedlogs/apis",
            "function-logs": "/aws/lambda",
        }

    def test_can_call_the_live_version_only(self) -> None:
        permission = inputs_of("aws:lambda/permission:Permission", _record())

        assert permission["qualifier"] == "live"
        assert permission["sourceArn"].endswith("/*/*")

    def test_limits_its_integration_timeout(self) -> None:
        integration = inputs_of("aws:apigatewayv2/integration:Integration", _record())

        assert 50 <= integration["timeoutMilliseconds"] <= 30_000
        assert (integration["payloadFormatVersion"], integration["integrationMethod"]) == ("2.0", "POST")

    def test_requires_a_token_except_for_health(self) -> None:
        routes = of_type("aws:apigatewayv2/route:Route", _record("authorizer"))

        kinds = {each.inputs["routeKey"]: each.inputs["authorizationType"] for each in routes}
        assert kinds == {"GET /items": "JWT", "POST /items": "JWT", "GET /health": "NONE"}
        assert {each.inputs.get("authorizerId") for each in routes} == {"id of api", None}

    def test_lets_preflights_pass_without_a_token(self) -> None:
        """Source: API Gateway's developer guide, http-api-cors, CORS with a route for all methods and an authorizer.

        Reported the same by users: anomalyco/sst, issue 5493.
        """
        routes = of_type("aws:apigatewayv2/route:Route", _record("authorizer for all"))

        kinds = {each.inputs["routeKey"]: each.inputs["authorizationType"] for each in routes}
        assert kinds == {
            "ANY /": "JWT",
            "ANY /{proxy+}": "JWT",
            "OPTIONS /": "NONE",
            "OPTIONS /{proxy+}": "NONE",
            "GET /health": "NONE",
        }


class TestMonitoring:
    def test_error_rate_is_computed_from_two_metrics(self) -> None:
        alarms = of_type("aws:cloudwatch/metricAlarm:MetricAlarm", _record())

        [rate] = [each.inputs for each in alarms if each.name == "alarm-error-rate"]
        assert [query["id"] for query in rate["metricQueries"]] == ["rate", "errors", "invocations"]
        assert {each.inputs["treatMissingData"] for each in alarms} == {"notBreaching"}

    def test_every_address_is_notified(self) -> None:
        subscriptions = of_type("aws:sns/topicSubscription:TopicSubscription", _record("notified"))

        assert [each.inputs["endpoint"] for each in subscriptions] == ["a@example.org", "b@example.org"]

    def test_logs_are_retained_in_production_only(self) -> None:
        def retained(environment: str) -> set[bool]:
            registrations = _record("plain", environment)
            return {each.retained for each in of_type("aws:cloudwatch/logGroup:LogGroup", registrations)}

        assert (retained("production"), retained("staging")) == ({True}, {False})


class TestNetwork:
    def test_lets_https_out_and_nothing_in(self) -> None:
        registrations = _record("network")

        out = inputs_of("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", registrations)
        assert (out["ipProtocol"], out["fromPort"], out["toPort"]) == ("tcp", 443, 443)
        assert of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", registrations) == []

    def test_has_a_subnet_in_each_zone(self) -> None:
        subnets = of_type("aws:ec2/subnet:Subnet", _record("network with secrets"))

        assert [each.inputs["availabilityZone"] for each in subnets] == ["us-east-1a", "us-east-1b"]
        assert [each.inputs["cidrBlock"] for each in subnets] == ["10.1.0.0/28", "10.1.0.16/28"]

    def test_chooses_no_local_zone_and_no_zone_without_lambda(self) -> None:
        """Sources: DescribeAvailabilityZones, where a Local Zone comes before `us-east-1a`; Lambda's list of zones."""
        [arguments] = [
            arguments
            for token, arguments in run_recorded(blueprint("network", "development", "us-east-1")).invokes
            if token == "aws:index/getAvailabilityZones:getAvailabilityZones"
        ]

        assert {each["name"]: each["values"] for each in arguments["filters"]} == {
            "opt-in-status": ["opt-in-not-required"],
            "zone-type": ["availability-zone"],
        }
        assert (arguments["state"], arguments["excludeZoneIds"]) == ("available", ["use1-az3"])

    def test_has_a_private_endpoint_for_secrets(self) -> None:
        endpoint = inputs_of("aws:ec2/vpcEndpoint:VpcEndpoint", _record("network with secrets"))

        assert endpoint["serviceName"] == "com.amazonaws.us-east-1.secretsmanager"
        assert endpoint["privateDnsEnabled"] is True
