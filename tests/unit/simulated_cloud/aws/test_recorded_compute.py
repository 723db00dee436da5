"""Answers of Lambda that the snapshots of LocalStack's tests record (`tests/aws/services/lambda_`, 2022 to 2026)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource

FUNCTION = "aws:lambda/function:Function"
ALIAS = "aws:lambda/alias:Alias"
PERMISSION = "aws:lambda/permission:Permission"
PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
SUBNET = "aws:ec2/subnet:Subnet"
API_ARN = "arn:aws:lambda:us-east-1:123456789012:function:api"

World = dict[str, CreatedResource]
Refused = Callable[..., CloudRefusal]
Update = Callable[..., dict[str, Any]]


@pytest.fixture
def update(cloud: SimulatedCloud, world: World, samples: Any) -> Update:
    """Update the function of the world, changed from its sample."""

    def update_function(**changes: Any) -> dict[str, Any]:
        return cloud.update(FUNCTION, "api", {**samples[FUNCTION](world), **changes})

    return update_function


class TestEnvironment:
    def variables_of(self, size: int) -> dict[str, Any]:
        overhead = len('{"LARGE_VAR":""}')
        return {"variables": {"LARGE_VAR": "x" * (size - overhead)}}

    def test_of_4096_bytes_is_accepted(self, make: Any) -> None:
        assert make(FUNCTION, name="other", environment=self.variables_of(4096)).id == "other"

    def test_of_4097_bytes_is_refused_without_its_values(self, refused: Refused) -> None:
        refusal = refused(FUNCTION, name="other", environment=self.variables_of(4097))

        assert refusal.code == "InvalidParameterValueException"
        assert "provided exceeded the 4KB limit" in refusal.message
        assert "xxx" not in refusal.message

    def test_counts_what_json_escapes(self, refused: Refused) -> None:
        quotes = {"variables": {"QUOTES": '"' * 2050}}

        assert "4KB limit" in refused(FUNCTION, name="other", environment=quotes).message

    def test_is_refused_at_an_update_too(self, update: Update) -> None:
        with pytest.raises(CloudRefusal, match="4KB limit"):
            update(environment=self.variables_of(4097))

    @pytest.mark.parametrize("name", ["AWS_REGION", "_HANDLER", "LAMBDA_TASK_ROOT"])
    def test_without_reserved_names(self, name: str, refused: Refused) -> None:
        refusal = refused(FUNCTION, name="other", environment={"variables": {name: "x"}})

        assert "reserved keys" in refusal.message or refusal.code == "ValidationException"


class TestRuntimes:
    @pytest.mark.parametrize(
        "runtime",
        ["java8", "go1.x", "provided", "ruby2.7", "nodejs14.x", "python3.7", "dotnetcore3.1", "nodejs12.x"],
    )
    def test_that_are_blocked_create_nothing(self, runtime: str, refused: Refused) -> None:
        assert refused(FUNCTION, name="other", runtime=runtime).message == (
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )

    @pytest.mark.parametrize("runtime", ["nodejs16.x", "python3.8", "dotnet6", "java8.al2", "provided.al2", "ruby3.2"])
    def test_that_are_only_deprecated_are_accepted(self, runtime: str, make: Any) -> None:
        assert make(FUNCTION, name="other", runtime=runtime).id == "other"


class TestProvisionedConcurrency:
    @pytest.mark.parametrize(
        ("requested", "message"),
        [
            (
                1001,
                "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000].",
            ),
            (
                1000,
                "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
                "its minimum value of [100].",
            ),
        ],
    )
    def test_stays_within_the_account(self, requested: int, message: str, refused: Refused) -> None:
        refusal = refused(PROVISIONED, qualifier="live", provisionedConcurrentExecutions=requested)

        assert (refusal.code, refusal.message) == ("InvalidParameterValueException", message)

    def test_counts_what_other_functions_take(self, make: Any, refused: Refused) -> None:
        make(FUNCTION, name="first", reservedConcurrentExecutions=800)

        assert make(PROVISIONED, provisionedConcurrentExecutions=100).warnings == ()
        assert "[200]" in refused(PROVISIONED, provisionedConcurrentExecutions=201).message
        assert "minimum value" in refused(PROVISIONED, provisionedConcurrentExecutions=101).message

    def test_is_not_above_what_its_function_reserves(self, update: Update, make: Any) -> None:
        """Source: TestLambdaConcurrency::test_reserved_provisioned_overlap, recorded on 2025-11-24."""
        make(PROVISIONED, provisionedConcurrentExecutions=2)

        with pytest.raises(CloudRefusal) as caught:
            update(reservedConcurrentExecutions=1)

        assert caught.value.code == "InvalidParameterValueException"
        assert caught.value.message.endswith(
            "ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2]."
        )
        assert update(reservedConcurrentExecutions=2)

    def test_stays_within_the_reservation_of_its_function(self, update: Update, make: Any, refused: Refused) -> None:
        update(reservedConcurrentExecutions=5)

        assert make(PROVISIONED, provisionedConcurrentExecutions=5).warnings == ()
        refusal = refused(PROVISIONED, provisionedConcurrentExecutions=6)
        assert refusal.code == "InvalidParameterValueException"
        assert "not be greater than the reservedConcurrentExecution" in refusal.message

    def test_is_taken_from_what_functions_may_reserve(self, make: Any, refused: Refused) -> None:
        make(PROVISIONED, provisionedConcurrentExecutions=500)

        assert "UnreservedConcurrentExecution" in refused(FUNCTION, name="x", reservedConcurrentExecutions=401).message
        assert make(FUNCTION, name="y", reservedConcurrentExecutions=400).id == "y"

    def test_bounds_the_reservation_of_its_function(self, make: Any, update: Update) -> None:
        make(PROVISIONED, provisionedConcurrentExecutions=5)

        with pytest.raises(CloudRefusal, match="should not be lower than function's total provisioned concurrency"):
            update(reservedConcurrentExecutions=4)

    def test_belongs_to_an_alias_or_to_its_version(self, refused: Refused) -> None:
        refusal = refused(PROVISIONED, qualifier="1")

        assert (refusal.code, refusal.message) == (
            "ResourceConflictException",
            "Version is pointed by a Provisioned Concurrency alias",
        )

    @pytest.mark.parametrize(
        ("qualifier", "message"),
        [
            ("absent", f"Cannot find alias arn: {API_ARN}:absent"),
            ("10", f"Function not found: {API_ARN}:10"),
        ],
    )
    def test_needs_its_qualifier(self, qualifier: str, message: str, refused: Refused) -> None:
        assert refused(PROVISIONED, qualifier=qualifier).message == message


class TestAliasRouting:
    @pytest.mark.parametrize(
        ("version", "weights", "code", "message"),
        [
            (
                "1",
                {"2": 0.1, "3": 0.1},
                "InvalidParameterValueException",
                "Number of items in AdditionalVersionWeights cannot be greater than 1",
            ),
            (
                "1",
                {"1": 0.5},
                "InvalidParameterValueException",
                "Invalid function version 1. Function version 1 is already included in routing configuration.",
            ),
            (
                "$LATEST",
                {"1": 0.5},
                "InvalidParameterValueException",
                "$LATEST is not supported for an alias pointing to more than 1 version",
            ),
            ("1", {"$LATEST": 0.5}, "ValidationException", "Member must satisfy regular expression pattern: [0-9]+"),
            ("1", {"10": 0.5}, "ResourceNotFoundException", "Function not found"),
        ],
    )
    def test_is_refused(
        self, version: str, weights: dict[str, float], code: str, message: str, update: Update, refused: Refused
    ) -> None:
        update(memorySize=1024)
        update(memorySize=2048)

        refusal = refused(
            ALIAS, name="other", functionVersion=version, routingConfig={"additionalVersionWeights": weights}
        )

        assert refusal.code == code
        assert message in refusal.message

    def test_to_one_more_version_is_accepted(self, update: Update, make: Any) -> None:
        update(memorySize=1024)

        routing = {"additionalVersionWeights": {"2": 0.5}}
        assert make(ALIAS, name="other", functionVersion="1", routingConfig=routing).warnings == ()

    def test_needs_its_version(self, refused: Refused) -> None:
        assert refused(ALIAS, name="other", functionVersion="10").message == f"Function not found: {API_ARN}:10"


class TestPermissions:
    @pytest.mark.parametrize(
        ("changes", "code", "message"),
        [
            (
                {"qualifier": "$LATEST"},
                "InvalidParameterValueException",
                "We currently do not support adding policies for $LATEST.",
            ),
            (
                {"principal": "invalid.nonaws.com"},
                "InvalidParameterValueException",
                "The provided principal was invalid. Please check the principal and try again.",
            ),
            (
                {"function": "api:absent", "qualifier": None},
                "ResourceNotFoundException",
                f"Cannot find alias arn: {API_ARN}:absent",
            ),
            (
                {"function": f"{API_ARN}:absent", "qualifier": None},
                "ResourceNotFoundException",
                f"Cannot find alias arn: {API_ARN}:absent",
            ),
            (
                {"function": "api:42", "qualifier": None},
                "ResourceNotFoundException",
                f"Function not found: {API_ARN}:42",
            ),
            ({"qualifier": "absent"}, "ResourceNotFoundException", f"Cannot find alias arn: {API_ARN}:absent"),
            (
                {"qualifier": "valid-with-$-but-doesnotexist"},
                "ResourceNotFoundException",
                f"Function not found: {API_ARN}:valid-with-$-but-doesnotexist",
            ),
            (
                {"function": "api:live", "qualifier": "1"},
                "InvalidParameterValueException",
                "The derived qualifier from the function name does not match the specified qualifier.",
            ),
        ],
    )
    def test_are_refused(self, changes: dict[str, Any], code: str, message: str, refused: Refused) -> None:
        refusal = refused(PERMISSION, statementId="other", **changes)

        assert (refusal.code, refusal.message) == (code, message)

    @pytest.mark.parametrize(
        "changes", [{"qualifier": "invalid-qualifier-with-?-char"}, {"statementId": "example.com"}]
    )
    def test_need_names_of_their_form(
        self, changes: dict[str, Any], cloud: SimulatedCloud, world: World, samples: Any
    ) -> None:
        [failure] = cloud.check(PERMISSION, {**samples[PERMISSION](world), **changes})

        assert (failure.property, failure.warning) == (next(iter(changes)), False)

    @pytest.mark.parametrize(
        "principal", ["apigateway.amazonaws.com", "123456789012", "*", "arn:aws:iam::123456789012:root"]
    )
    def test_accept_services_and_accounts(self, principal: str, make: Any) -> None:
        assert make(PERMISSION, statementId="other", principal=principal).id == "other"

    @pytest.mark.parametrize("function", ["api:live", f"{API_ARN}:live", "function:api", "123456789012:function:api"])
    def test_accept_each_form_of_a_name(self, function: str, make: Any) -> None:
        assert make(PERMISSION, statementId="other", function=function, qualifier=None).id == "other"


class TestFunctions:
    def test_accept_an_empty_network(self, make: Any) -> None:
        empty: dict[str, list[str]] = {"subnetIds": [], "securityGroupIds": []}

        made = make(FUNCTION, name="other", vpcConfig=empty)

        assert made.outputs["vpcConfig"] == {**empty, "ipv6AllowedForDualStack": False, "vpcId": ""}

    def test_report_the_network_of_their_subnets(self, world: World) -> None:
        assert world[FUNCTION].outputs["vpcConfig"]["vpcId"] == world["aws:ec2/vpc:Vpc"].id

    def test_may_be_named_by_their_own_arn(self, make: Any, refused: Refused) -> None:
        arn = API_ARN.replace(":api", ":other")

        made = make(FUNCTION, name=arn)

        assert (made.id, made.outputs["name"], made.outputs["arn"]) == ("other", "other", arn)
        assert made.outputs["loggingConfig"]["logGroup"] == "/aws/lambda/api"
        assert refused(FUNCTION, name="other").code == "ResourceConflictException"
        assert "not reachable" in refused(FUNCTION, name=arn.replace("us-east-1", "eu-west-1")).message

    def test_report_the_levels_of_json_logs(self, make: Any) -> None:
        assert make(FUNCTION, name="a", loggingConfig={"logFormat": "JSON"}).outputs["loggingConfig"] == {
            "applicationLogLevel": "INFO",
            "logFormat": "JSON",
            "logGroup": "/aws/lambda/a",
            "systemLogLevel": "INFO",
        }

    def test_report_no_levels_of_text_logs(self, make: Any) -> None:
        reported = make(FUNCTION, name="a", loggingConfig=None).outputs["loggingConfig"]

        assert reported == {"logFormat": "Text", "logGroup": "/aws/lambda/a"}

    def test_do_not_differ_by_what_lambda_reports(self, cloud: SimulatedCloud, world: World, samples: Any) -> None:
        inputs = samples[FUNCTION](world)

        assert cloud.diff(FUNCTION, inputs, world[FUNCTION].outputs, inputs).changed == ()


class TestVersions:
    def test_survive_the_end_of_publishing(self, update: Update, make: Any) -> None:
        kept = update(publish=False, memorySize=1024)

        assert kept["version"] == "1"
        assert make(ALIAS, name="other", functionVersion="1").warnings == ()

    def test_go_on_where_they_stopped(self, update: Update, refused: Refused, make: Any) -> None:
        update(publish=False, memorySize=1024)
        update(publish=False, memorySize=2048)

        assert update(publish=True, memorySize=512)["version"] == "2"
        assert make(ALIAS, name="second", functionVersion="2").warnings == ()
        assert refused(ALIAS, name="third", functionVersion="3").code == "ResourceNotFoundException"
