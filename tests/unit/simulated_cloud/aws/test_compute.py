"""Versions of Lambda functions, and what Lambda refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource

ROLE = "aws:iam/role:Role"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
FUNCTION = "aws:lambda/function:Function"
ALIAS = "aws:lambda/alias:Alias"
GET_FUNCTION = "aws:lambda/getFunction:getFunction"
PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
STAGE = "aws:apigatewayv2/stage:Stage"
VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GROUP = "aws:ec2/securityGroup:SecurityGroup"

World = dict[str, CreatedResource]
Refused = Callable[..., CloudRefusal]


class TestFunctionVersions:
    def test_start_at_one(self, world: World) -> None:
        assert world[FUNCTION].outputs["version"] == "1"
        assert world[FUNCTION].outputs["qualifiedArn"].endswith(":function:api:1")

    def test_are_latest_without_publish(self, make: Any) -> None:
        assert make(FUNCTION, name="draft", publish=None).outputs["version"] == "$LATEST"

    @pytest.mark.parametrize(
        "changes",
        [{"memorySize": 1024}, {"environment": {"variables": {"STAGE": "other"}}}, {"code": {"hash": "b" * 64}}],
        ids=["memory", "environment", "code"],
    )
    def test_increase_with_a_change(
        self, changes: dict[str, Any], cloud: SimulatedCloud, world: World, samples: dict[str, Any]
    ) -> None:
        updated = cloud.update(FUNCTION, "api", {**samples[FUNCTION](world), **changes})

        assert updated["version"] == "2"
        assert updated["invokeArn"] == world[FUNCTION].outputs["invokeArn"]

    def test_stay_when_only_tags_change(self, cloud: SimulatedCloud, world: World, samples: dict[str, Any]) -> None:
        updated = cloud.update(FUNCTION, "api", {**samples[FUNCTION](world), "tags": {"a": "b"}})

        assert updated["version"] == "1"
        assert updated["tagsAll"] == {"a": "b"}

    def test_can_all_be_the_target_of_an_alias(
        self, cloud: SimulatedCloud, world: World, samples: dict[str, Any], make: Any
    ) -> None:
        cloud.update(FUNCTION, "api", {**samples[FUNCTION](world), "memorySize": 1024})

        for version in ("1", "2", "$LATEST"):
            assert make(ALIAS, name=f"to-{version.strip('$')}", functionVersion=version).warnings == ()


class TestPublishedVersions:
    def test_are_kept_with_what_they_were_published_with(
        self, cloud: SimulatedCloud, world: World, samples: dict[str, Any]
    ) -> None:
        later = cloud.update(
            FUNCTION, "api", {**samples[FUNCTION](world), "memorySize": 1024, "code": {"hash": "b" * 64}}
        )

        versions = cloud.read_versions(FUNCTION, "api", later)

        assert {name: it["memorySize"] for name, it in versions.items()} == {"1": 512, "2": 1024}
        assert versions["1"]["sourceCodeHash"] == world[FUNCTION].outputs["sourceCodeHash"]
        assert versions["1"]["environment"] == {"variables": {"STAGE": "test"}}

    def test_know_their_variables_only_if_they_are_the_same_now(
        self, cloud: SimulatedCloud, world: World, samples: dict[str, Any]
    ) -> None:
        changed = {**samples[FUNCTION](world), "environment": {"variables": {"STAGE": "other"}}}

        versions = cloud.read_versions(FUNCTION, "api", cloud.update(FUNCTION, "api", changed))

        assert isinstance(versions["1"]["environment"], str)
        assert versions["2"]["environment"] == {"variables": {"STAGE": "other"}}

    def test_are_described_by_the_data_source(
        self, cloud: SimulatedCloud, world: World, samples: dict[str, Any]
    ) -> None:
        cloud.update(FUNCTION, "api", {**samples[FUNCTION](world), "memorySize": 1024, "code": {"hash": "b" * 64}})

        described = {
            it: cloud.invoke(GET_FUNCTION, {"functionName": "api", "qualifier": it}) for it in ("1", "$LATEST")
        }

        assert {name: (it["version"], it["memorySize"]) for name, it in described.items()} == {
            "1": ("1", 512),
            "$LATEST": ("$LATEST", 1024),
        }
        assert described["1"]["codeSha256"] != described["$LATEST"]["codeSha256"]
        assert described["1"]["environment"] == described["$LATEST"]["environment"]

    def test_that_were_deleted_are_not_found(self, cloud: SimulatedCloud, world: World) -> None:
        cloud.delete_version(FUNCTION, "api", "1")

        with pytest.raises(CloudRefusal, match=r"Function not found: .*:function:api:1"):
            cloud.invoke(GET_FUNCTION, {"functionName": "api", "qualifier": "1"})

    def test_go_with_their_function(self, cloud: SimulatedCloud, world: World) -> None:
        cloud.delete(FUNCTION, "api")

        assert cloud.read_versions(FUNCTION, "api", {}) == {}

    def test_other_types_have_none(self, cloud: SimulatedCloud, world: World) -> None:
        assert cloud.read_versions(ROLE, world[ROLE].id, {}) == {}


class TestFunctionLimits:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"runtime": "nodejs14.x"}, "The runtime parameter of nodejs14.x is no longer supported"),
            ({"memorySize": 20_000}, "must be at most 10240 MB"),
            ({"reservedConcurrentExecutions": 950}, "below its minimum value of [100]."),
            ({"vpcConfig": {"subnetIds": [], "securityGroupIds": ["sg-1"]}}, "'sg-1' does not exist"),
        ],
        ids=["old runtime", "memory", "concurrency", "security group"],
    )
    def test_are_refused_at_create(self, changes: dict[str, Any], message: str, refused: Refused) -> None:
        refusal = refused(FUNCTION, name="other", **changes)

        assert refusal.code == "InvalidParameterValueException"
        assert message in refusal.message

    def test_count_what_other_functions_reserve(self, make: Any, refused: Refused) -> None:
        make(FUNCTION, name="first", reservedConcurrentExecutions=500)

        assert "UnreservedConcurrentExecution" in refused(FUNCTION, name="x", reservedConcurrentExecutions=500).message

    def test_accept_a_deprecated_runtime_until_it_is_blocked(self, make: Any) -> None:
        assert make(FUNCTION, name="old", runtime="nodejs18.x").outputs["runtime"] == "nodejs18.x"

    def test_require_a_role_that_lambda_can_assume(self, make: Any, refused: Refused) -> None:
        trust = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}})
        role = make(ROLE, name="other", assumeRolePolicy=trust)

        refusal = refused(FUNCTION, name="other", role=role.outputs["arn"], vpcConfig=None)

        assert refusal.message == "The role defined for the function cannot be assumed by Lambda."

    def test_require_network_permissions_in_a_vpc(self, make: Any, refused: Refused) -> None:
        role = make(ROLE, name="other")

        refusal = refused(FUNCTION, name="other", role=role.outputs["arn"])

        assert "permissions to call CreateNetworkInterface on EC2" in refusal.message

    def test_require_one_vpc(self, make: Any, refused: Refused, world: World) -> None:
        vpc = make(VPC, cidrBlock="10.9.0.0/16")
        group = make(GROUP, vpcId=vpc.id)
        mixed = {"subnetIds": [world[SUBNET].id], "securityGroupIds": [group.id]}

        assert "same VPC" in refused(FUNCTION, name="other", vpcConfig=mixed).message

    def test_require_subnets_and_groups_together(self, refused: Refused, world: World) -> None:
        half = {"subnetIds": [world[SUBNET].id], "securityGroupIds": []}

        assert "must coexist" in refused(FUNCTION, name="other", vpcConfig=half).message

    def test_refuse_provisioned_concurrency_of_unpublished_versions(self, refused: Refused) -> None:
        assert "unpublished function versions" in refused(PROVISIONED, qualifier="$LATEST").message
