"""AWS as it answers: what must exist, what must be unique, what stays reserved, what is refused together."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import simulated_aws
from semantest_iac.infrastructure.simulated_cloud.clock import DAY, Clock
from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud
from semantest_iac.infrastructure.simulated_cloud.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.refusal import CloudRefusal, Created

ROLE = "aws:iam/role:Role"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
SECRET = "aws:secretsmanager/secret:Secret"
TOPIC = "aws:sns/topic:Topic"
FUNCTION = "aws:lambda/function:Function"
ALIAS = "aws:lambda/alias:Alias"
PERMISSION = "aws:lambda/permission:Permission"
PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
API = "aws:apigatewayv2/api:Api"
AUTHORIZER = "aws:apigatewayv2/authorizer:Authorizer"
INTEGRATION = "aws:apigatewayv2/integration:Integration"
ROUTE = "aws:apigatewayv2/route:Route"
STAGE = "aws:apigatewayv2/stage:Stage"
VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"

World = dict[str, Created]
Refused = Callable[..., CloudRefusal]


class TestUniqueness:
    @pytest.mark.parametrize(
        ("type_", "code", "message"),
        [
            (ROLE, "EntityAlreadyExists", "Role with name api already exists."),
            (LOG_GROUP, "ResourceAlreadyExistsException", "The specified log group already exists"),
            (SECRET, "ResourceExistsException", "because the secret api/database already exists."),
            (FUNCTION, "ResourceConflictException", "Function already exist: api"),
            (ALIAS, "ResourceConflictException", "Alias already exists: arn:aws:lambda:"),
            (PERMISSION, "ResourceConflictException", "The statement id (gateway) provided already exists."),
            (ROUTE, "ConflictException", "Route with key ANY /{proxy+} already exists for this API"),
            (STAGE, "ConflictException", "Stage already exists"),
            (GROUP, "InvalidGroup.Duplicate", "The security group 'api' already exists for VPC 'vpc-"),
            (SUBNET, "InvalidSubnet.Conflict", "The CIDR '10.0.1.0/24' conflicts with another subnet"),
            (EGRESS, "InvalidPermission.Duplicate", "already exists"),
            (ENDPOINT, "InvalidParameter", "conflicting DNS domain for com.amazonaws.us-east-1.secretsmanager"),
            ("aws:ec2/route:Route", "RouteAlreadyExists", "0.0.0.0/0 already exists."),
            ("aws:ec2/routeTableAssociation:RouteTableAssociation", "Resource.AlreadyAssociated", "conflicts"),
            ("aws:ec2/internetGateway:InternetGateway", "InvalidParameterValue", "already has an internet gateway"),
            ("aws:ec2/natGateway:NatGateway", "Resource.AlreadyAssociated", "is already associated"),
            ("aws:dynamodb/table:Table", "ResourceInUseException", "Table already exists: connections"),
        ],
        ids=lambda value: value.rpartition(":")[2] if value.startswith("aws:") else "",
    )
    def test_is_kept_by_refusing_a_second_one(self, type_: str, code: str, message: str, refused: Refused) -> None:
        refusal = refused(type_)

        assert refusal.code == code
        assert message in refusal.message

    @pytest.mark.parametrize("type_", [ALARM, TOPIC, "aws:iam/rolePolicy:RolePolicy"])
    def test_is_not_asked_where_a_repeated_call_overwrites(
        self, type_: str, make: Any, cloud: Cloud, world: World
    ) -> None:
        again = make(type_)

        assert again.id == world[type_].id
        assert cloud.live().count((type_, again.id)) == 1

    @pytest.mark.parametrize("type_", [ROUTE, STAGE])
    def test_is_per_api(self, type_: str, make: Any, world: World) -> None:
        other = make(API)

        made = make(type_, apiId=other.id, target=None, authorizationType=None, authorizerId=None)

        assert made.outputs["apiId"] == other.id

    def test_also_holds_for_an_update(self, make: Any, cloud: Cloud, world: World) -> None:
        other = make(ROUTE, routeKey="GET /health")
        taken = {**other.outputs, "routeKey": "ANY /{proxy+}"}

        with pytest.raises(CloudRefusal, match="already exists for this API"):
            cloud.update(ROUTE, other.id, taken)

    def test_ends_with_the_old_name_after_an_update(self, make: Any, cloud: Cloud, world: World) -> None:
        cloud.update(ROUTE, world[ROUTE].id, {**world[ROUTE].outputs, "routeKey": "GET /health"})

        assert make(ROUTE).outputs["routeKey"] == "ANY /{proxy+}"

    def test_spans_regions_for_roles(self, inventory: Inventory, world: World) -> None:
        ireland = simulated_aws(inventory, region="eu-west-1")

        with pytest.raises(CloudRefusal, match="EntityAlreadyExists"):
            ireland.create(ROLE, {"name": "api", "assumeRolePolicy": "{}"}, owner="urn:other")


class TestReferences:
    @pytest.mark.parametrize(
        ("type_", "changes", "code"),
        [
            (FUNCTION, {"name": "f", "role": "arn:aws:iam::123456789012:role/none"}, "InvalidParameterValueException"),
            (ALIAS, {"name": "x", "functionName": "none"}, "ResourceNotFoundException"),
            (ALIAS, {"name": "x", "functionVersion": "99"}, "ResourceNotFoundException"),
            (PERMISSION, {"statementId": "x", "function": "none"}, "ResourceNotFoundException"),
            (PERMISSION, {"statementId": "x", "qualifier": "none"}, "ResourceNotFoundException"),
            (PROVISIONED, {"qualifier": "none"}, "ResourceNotFoundException"),
            (INTEGRATION, {"apiId": "none"}, "NotFoundException"),
            (ROUTE, {"routeKey": "GET /a", "target": "integrations/none"}, "NotFoundException"),
            (ROUTE, {"routeKey": "GET /a", "authorizerId": "none"}, "NotFoundException"),
            (
                STAGE,
                {"name": "a", "accessLogSettings": {"destinationArn": "arn:aws:logs:x:1:log-group:n", "format": "f"}},
                "BadRequestException",
            ),
            ("aws:sns/topicSubscription:TopicSubscription", {"topic": "arn:none"}, "NotFoundException"),
            ("aws:iam/rolePolicy:RolePolicy", {"role": "none"}, "NoSuchEntity"),
            ("aws:secretsmanager/secretVersion:SecretVersion", {"secretId": "none"}, "ResourceNotFoundException"),
            (SUBNET, {"vpcId": "vpc-none"}, "InvalidVpcID.NotFound"),
            (EGRESS, {"securityGroupId": "sg-none"}, "InvalidGroup.NotFound"),
            (ENDPOINT, {"subnetIds": ["subnet-none"]}, "InvalidSubnetID.NotFound"),
            ("aws:ec2/natGateway:NatGateway", {"allocationId": "eipalloc-none"}, "InvalidAllocationID.NotFound"),
        ],
    )
    def test_to_nothing_are_refused(self, type_: str, changes: dict[str, Any], code: str, refused: Refused) -> None:
        assert refused(type_, **changes).code == code

    @pytest.mark.parametrize(
        ("type_", "changes"),
        [
            (ALARM, {"name": "x", "alarmActions": ["arn:aws:sns:us-east-1:123456789012:none"]}),
            (INTEGRATION, {"integrationUri": "arn:aws:apigateway:us-east-1:lambda:path/functions/none/invocations"}),
        ],
        ids=["alarm action", "integration"],
    )
    def test_that_aws_does_not_follow_only_warn(self, type_: str, changes: dict[str, Any], make: Any) -> None:
        assert len(make(type_, **changes).warnings) == 1

    def test_reach_a_function_by_name_arn_and_qualified_arn(self, make: Any, world: World) -> None:
        outputs = world[FUNCTION].outputs

        for number, name in enumerate((outputs["name"], outputs["arn"], outputs["qualifiedArn"])):
            made = make(PERMISSION, function=name, statementId=f"s{number}")
            assert made.outputs["function"] == name

    def test_reach_a_log_group_with_the_suffix_of_its_streams(self, make: Any, world: World) -> None:
        arn = f"{world[LOG_GROUP].outputs['arn']}:*"

        made = make(STAGE, name="beta", accessLogSettings={"destinationArn": arn, "format": "$context.requestId"})

        assert made.warnings == ()


class TestDependents:
    @pytest.mark.parametrize(
        ("type_", "code", "message"),
        [
            (VPC, "DependencyViolation", "has dependencies and cannot be deleted."),
            (SUBNET, "DependencyViolation", "has dependencies and cannot be deleted."),
            (GROUP, "DependencyViolation", "has a dependent object"),
            ("aws:ec2/routeTable:RouteTable", "DependencyViolation", "has dependencies and cannot be deleted."),
            ("aws:ec2/eip:Eip", "InvalidIPAddress.InUse", "is in use."),
            (ROLE, "DeleteConflict", "must delete policies first."),
            (INTEGRATION, "ConflictException", "referenced by the following Routes with Ids: ["),
            (AUTHORIZER, "ConflictException", "referenced by the following Routes with Ids: ["),
        ],
        ids=lambda value: value.rpartition(":")[2] if value.startswith("aws:") else "",
    )
    def test_hold_what_they_stand_on(self, type_: str, code: str, message: str, cloud: Cloud, world: World) -> None:
        with pytest.raises(CloudRefusal) as caught:
            cloud.delete(type_, world[type_].id, world[type_].outputs)

        assert caught.value.code == code
        assert message in caught.value.message

    def test_let_go_when_an_update_moves_them_away(self, cloud: Cloud, world: World, make: Any) -> None:
        other = make(INTEGRATION)
        moved = {**world[ROUTE].outputs, "target": f"integrations/{other.id}"}

        cloud.update(ROUTE, world[ROUTE].id, moved)
        cloud.delete(INTEGRATION, world[INTEGRATION].id)

        assert (INTEGRATION, world[INTEGRATION].id) not in cloud.live()

    def test_of_a_function_go_with_it(self, cloud: Cloud, world: World) -> None:
        cloud.delete(FUNCTION, "api")

        assert not [type_ for type_, _ in cloud.live() if type_.startswith("aws:lambda/")]


class TestSecretNames:
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def cloud(self, inventory: Inventory, clock: Clock) -> Cloud:
        return simulated_aws(inventory, region="us-east-1", clock=clock)

    def deleted(self, cloud: Cloud, days: int) -> dict[str, Any]:
        inputs = {"name": "database", "recoveryWindowInDays": days}
        cloud.delete(SECRET, cloud.create(SECRET, inputs, owner="urn:one").id)
        return inputs

    def test_stay_reserved_after_a_delete(self, cloud: Cloud) -> None:
        inputs = self.deleted(cloud, days=7)

        with pytest.raises(CloudRefusal) as caught:
            cloud.create(SECRET, inputs, owner="urn:two")

        assert caught.value.message == (
            "You can't create this secret because a secret with this name is already scheduled for deletion."
        )

    def test_are_free_again_after_the_recovery_window(self, cloud: Cloud, clock: Clock) -> None:
        inputs = self.deleted(cloud, days=7)

        clock.advance(7 * DAY + 1)

        assert cloud.create(SECRET, inputs, owner="urn:two").outputs["name"] == "database"

    def test_are_free_at_once_without_a_recovery_window(self, cloud: Cloud) -> None:
        inputs = self.deleted(cloud, days=0)

        assert cloud.create(SECRET, inputs, owner="urn:two").outputs["name"] == "database"


class TestFunctionVersions:
    def test_begin_with_one(self, world: World) -> None:
        assert world[FUNCTION].outputs["version"] == "1"
        assert world[FUNCTION].outputs["qualifiedArn"].endswith(":function:api:1")

    def test_are_only_the_latest_without_publishing(self, make: Any) -> None:
        assert make(FUNCTION, name="draft", publish=None).outputs["version"] == "$LATEST"

    @pytest.mark.parametrize(
        "changes",
        [{"memorySize": 1024}, {"environment": {"variables": {"STAGE": "other"}}}, {"code": {"hash": "b" * 64}}],
        ids=["memory", "environment", "code"],
    )
    def test_grow_with_a_change(
        self, changes: dict[str, Any], cloud: Cloud, world: World, samples: dict[str, Any]
    ) -> None:
        updated = cloud.update(FUNCTION, "api", {**samples[FUNCTION](world), **changes})

        assert updated["version"] == "2"
        assert updated["invokeArn"] == world[FUNCTION].outputs["invokeArn"]

    def test_stay_when_only_tags_change(self, cloud: Cloud, world: World, samples: dict[str, Any]) -> None:
        updated = cloud.update(FUNCTION, "api", {**samples[FUNCTION](world), "tags": {"a": "b"}})

        assert updated["version"] == "1"
        assert updated["tagsAll"] == {"a": "b"}

    def test_can_all_be_the_target_of_an_alias(
        self, cloud: Cloud, world: World, samples: dict[str, Any], make: Any
    ) -> None:
        cloud.update(FUNCTION, "api", {**samples[FUNCTION](world), "memorySize": 1024})

        for version in ("1", "2", "$LATEST"):
            assert make(ALIAS, name=f"to-{version.strip('$')}", functionVersion=version).warnings == ()


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

    def test_let_a_deprecated_runtime_pass_until_it_is_blocked(self, make: Any) -> None:
        assert make(FUNCTION, name="old", runtime="nodejs18.x").outputs["runtime"] == "nodejs18.x"

    def test_ask_for_a_role_that_lambda_may_assume(self, make: Any, refused: Refused) -> None:
        trust = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}})
        role = make(ROLE, name="other", assumeRolePolicy=trust)

        refusal = refused(FUNCTION, name="other", role=role.outputs["arn"], vpcConfig=None)

        assert refusal.message == "The role defined for the function cannot be assumed by Lambda."

    def test_ask_for_network_permissions_in_a_vpc(self, make: Any, refused: Refused) -> None:
        role = make(ROLE, name="other")

        refusal = refused(FUNCTION, name="other", role=role.outputs["arn"])

        assert "permissions to call CreateNetworkInterface on EC2" in refusal.message

    def test_ask_for_one_vpc(self, make: Any, refused: Refused, world: World) -> None:
        vpc = make(VPC, cidrBlock="10.9.0.0/16")
        group = make(GROUP, vpcId=vpc.id)
        mixed = {"subnetIds": [world[SUBNET].id], "securityGroupIds": [group.id]}

        assert "same VPC" in refused(FUNCTION, name="other", vpcConfig=mixed).message

    def test_ask_for_subnets_and_groups_together(self, refused: Refused, world: World) -> None:
        half = {"subnetIds": [world[SUBNET].id], "securityGroupIds": []}

        assert "must coexist" in refused(FUNCTION, name="other", vpcConfig=half).message

    def test_keep_provisioned_concurrency_to_published_versions(self, refused: Refused) -> None:
        assert "unpublished function versions" in refused(PROVISIONED, qualifier="$LATEST").message


class TestApiLimits:
    @pytest.mark.parametrize(
        ("type_", "changes", "message"),
        [
            (
                API,
                {"corsConfiguration": {"allowOrigins": ["*"], "allowCredentials": True}},
                "allow-credentials is not supported if 'allow-origin' is *",
            ),
            (API, {"protocolType": "WEBSOCKET"}, "CORS"),
            (API, {"protocolType": "WEBSOCKET", "corsConfiguration": None}, "route selection expression"),
            (INTEGRATION, {"integrationType": "MOCK"}, "may only be associated with proxy integrations"),
            (ROUTE, {"routeKey": "health"}, "not formatted properly for HTTP protocol"),
            (ROUTE, {"routeKey": "GET /a", "authorizerId": None}, "authorizer is required"),
            (AUTHORIZER, {"jwtConfiguration": None}, "JWT"),
            (
                STAGE,
                {"name": "a", "defaultRouteSettings": {"loggingLevel": "INFO"}},
                "Execution logs are not supported on protocolType HTTP",
            ),
        ],
    )
    def test_are_refused(self, type_: str, changes: dict[str, Any], message: str, refused: Refused) -> None:
        refusal = refused(type_, **changes)

        assert refusal.code == "BadRequestException"
        assert message in refusal.message

    def test_give_a_websocket_api_its_own_scheme_and_timeout(self, make: Any, refused: Refused) -> None:
        api = make(API, protocolType="WEBSOCKET", corsConfiguration=None, routeSelectionExpression="$request.body.type")

        assert api.outputs["apiEndpoint"].startswith("wss://")
        assert "29000" in refused(INTEGRATION, apiId=api.id, timeoutMilliseconds=30_000).message

    @pytest.mark.parametrize(("stage", "ending"), [("$default", ".com/"), ("beta", ".com/beta")])
    def test_shape_the_url_of_a_stage(self, stage: str, ending: str, make: Any) -> None:
        other = make(API)

        assert make(STAGE, apiId=other.id, name=stage).outputs["invokeUrl"].endswith(ending)
