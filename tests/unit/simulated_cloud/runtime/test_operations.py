"""References, uniqueness and dependents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import simulated_aws
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource

ROLE = "aws:iam/role:Role"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
SECRET = "aws:secretsmanager/secret:Secret"
TOPIC = "aws:sns/topic:Topic"
FUNCTION = "aws:lambda/function:Function"
ALIAS = "aws:lambda/alias:Alias"
PERMISSION = "aws:lambda/permission:Permission"
SOURCE_MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
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

World = dict[str, CreatedResource]
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
    def test_refuses_a_second_resource(self, type_: str, code: str, message: str, refused: Refused) -> None:
        refusal = refused(type_)

        assert refusal.code == code
        assert message in refusal.message

    @pytest.mark.parametrize("type_", [ALARM, TOPIC, "aws:iam/rolePolicy:RolePolicy"])
    def test_does_not_apply_where_a_create_overwrites(
        self, type_: str, make: Any, cloud: SimulatedCloud, world: World
    ) -> None:
        again = make(type_)

        assert again.id == world[type_].id
        assert cloud.list_resources().count((type_, again.id)) == 1

    @pytest.mark.parametrize("type_", [ROUTE, STAGE])
    def test_is_per_api(self, type_: str, make: Any, world: World) -> None:
        other = make(API)

        made = make(type_, apiId=other.id, target=None, authorizationType=None, authorizerId=None)

        assert made.outputs["apiId"] == other.id

    def test_applies_to_updates_too(self, make: Any, cloud: SimulatedCloud, world: World) -> None:
        other = make(ROUTE, routeKey="GET /health")
        taken = {**other.outputs, "routeKey": "ANY /{proxy+}"}

        with pytest.raises(CloudRefusal, match="already exists for this API"):
            cloud.update(ROUTE, other.id, taken)

    def test_frees_the_old_name_after_an_update(self, make: Any, cloud: SimulatedCloud, world: World) -> None:
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
    def test_to_missing_resources_are_refused(
        self, type_: str, changes: dict[str, Any], code: str, refused: Refused
    ) -> None:
        assert refused(type_, **changes).code == code

    @pytest.mark.parametrize(
        ("type_", "changes"),
        [
            (ALARM, {"name": "x", "alarmActions": ["arn:aws:sns:us-east-1:123456789012:none"]}),
            (INTEGRATION, {"integrationUri": "arn:aws:apigateway:us-east-1:lambda:path/functions/none/invocations"}),
        ],
        ids=["alarm action", "integration"],
    )
    def test_that_aws_does_not_check_only_warn(self, type_: str, changes: dict[str, Any], make: Any) -> None:
        assert len(make(type_, **changes).warnings) == 1

    def test_find_a_function_by_name_arn_and_qualified_arn(self, make: Any, world: World) -> None:
        outputs = world[FUNCTION].outputs

        for number, name in enumerate((outputs["name"], outputs["arn"], outputs["qualifiedArn"])):
            made = make(PERMISSION, function=name, statementId=f"s{number}", qualifier=None)
            assert made.outputs["function"] == name

    def test_find_a_log_group_by_an_arn_with_a_stream_suffix(self, make: Any, world: World) -> None:
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
    def test_prevent_a_delete(self, type_: str, code: str, message: str, cloud: SimulatedCloud, world: World) -> None:
        with pytest.raises(CloudRefusal) as caught:
            cloud.delete(type_, world[type_].id, world[type_].outputs)

        assert caught.value.code == code
        assert message in caught.value.message

    def test_allow_a_delete_after_an_update_moved_them(self, cloud: SimulatedCloud, world: World, make: Any) -> None:
        other = make(INTEGRATION)
        moved = {**world[ROUTE].outputs, "target": f"integrations/{other.id}"}

        cloud.update(ROUTE, world[ROUTE].id, moved)
        cloud.delete(INTEGRATION, world[INTEGRATION].id)

        assert (INTEGRATION, world[INTEGRATION].id) not in cloud.list_resources()

    def test_of_a_function_are_deleted_with_it(self, cloud: SimulatedCloud, world: World) -> None:
        """All but what polls for it, which has a deletion of its own, by the documentation of DeleteFunction."""
        cloud.delete(FUNCTION, "api")

        assert {type_ for type_, _ in cloud.list_resources() if type_.startswith("aws:lambda/")} == {SOURCE_MAPPING}
