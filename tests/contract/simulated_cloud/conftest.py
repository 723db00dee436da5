"""The mapping between names of `pulumi_aws` and of CloudFormation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from semantest_iac.infrastructure.simulated_cloud.schema.properties import Property


@dataclass(frozen=True)
class Twin:
    """The CloudFormation type of a Pulumi type.

    `renamed`: property paths where CamelCase is not enough. `only_here` and `only_there`: properties whose change
    replaces the resource on one side only, each with the reason.
    """

    cfn: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    only_here: Mapping[str, str] = field(default_factory=dict)
    only_there: Mapping[str, str] = field(default_factory=dict)

    def path(self, ours: str) -> str:
        """Return the CloudFormation path of a property path of ours."""
        steps: list[str] = []
        for step in ours.split("."):
            steps.append(step)
            known = self.renamed.get(".".join(steps))
            steps = known.split(".") if known else steps
        return ".".join(step[0].upper() + step[1:] for step in steps)


_PREFIX = "the provider makes a name of it; CloudFormation has no prefixes"
_PREFIXED = {"namePrefix": _PREFIX}
_ABSENT = "this input does not exist in the provider"
_PROVIDER = "the provider has no call to change it and makes the resource anew"
_MANAGED = "capacityProviderConfig.lambdaManagedInstancesCapacityProviderConfig"
_PEER = "the provider changes a rule in place"

TWINS = {
    "aws:cloudwatch/logGroup:LogGroup": Twin(
        "AWS::Logs::LogGroup", {"name": "LogGroupName"}, {**_PREFIXED, "logGroupClass": _PROVIDER}
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Twin(
        "AWS::CloudWatch::Alarm",
        {
            "name": "AlarmName",
            "okActions": "OKActions",
            "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile",
            "metricQueries": "Metrics",
            "Metrics.*.metric": "Metrics.*.MetricStat",
            **{
                f"Metrics.*.MetricStat.{name}": f"Metrics.*.MetricStat.Metric.{name[0].upper()}{name[1:]}"
                for name in ("metricName", "namespace", "dimensions")
            },
        },
    ),
    "aws:iam/role:Role": Twin(
        "AWS::IAM::Role", {"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"}, _PREFIXED
    ),
    "aws:iam/rolePolicy:RolePolicy": Twin(
        "AWS::IAM::RolePolicy", {"name": "PolicyName", "policy": "PolicyDocument", "role": "RoleName"}, _PREFIXED
    ),
    "aws:secretsmanager/secret:Secret": Twin("AWS::SecretsManager::Secret", only_here={**_PREFIXED, "type": _PROVIDER}),
    "aws:lambda/function:Function": Twin(
        "AWS::Lambda::Function",
        {
            "name": "FunctionName",
            "s3Bucket": "Code.S3Bucket",
            "s3Key": "Code.S3Key",
            "s3ObjectVersion": "Code.S3ObjectVersion",
            "sourceKmsKeyArn": "Code.SourceKMSKeyArn",
            "fileSystemConfig": "FileSystemConfigs.*",
            "imageConfig.commands": "ImageConfig.Command",
            "imageConfig.entryPoints": "ImageConfig.EntryPoint",
            "durableConfig.retentionPeriod": "DurableConfig.RetentionPeriodInDays",
            f"{_MANAGED}.executionEnvironmentMemoryGibPerVcpu": f"{_MANAGED}.executionEnvironmentMemoryGiBPerVCpu",
        },
    ),
    "aws:lambda/alias:Alias": Twin("AWS::Lambda::Alias"),
    "aws:lambda/permission:Permission": Twin(
        "AWS::Lambda::Permission",
        {"function": "FunctionName", "principalOrgId": "PrincipalOrgID"},
        {
            "qualifier": "CloudFormation writes it into the function name, which replaces",
            "statementId": "CloudFormation makes the id itself",
            "statementIdPrefix": _PREFIX,
        },
    ),
    "aws:apigatewayv2/api:Api": Twin("AWS::ApiGatewayV2::Api", only_here={"target": _PROVIDER}),
    "aws:apigatewayv2/authorizer:Authorizer": Twin("AWS::ApiGatewayV2::Authorizer"),
    "aws:apigatewayv2/integration:Integration": Twin(
        "AWS::ApiGatewayV2::Integration",
        {"timeoutMilliseconds": "TimeoutInMillis"},
        {"integrationType": _PROVIDER, "integrationSubtype": _PROVIDER},
    ),
    "aws:apigatewayv2/route:Route": Twin("AWS::ApiGatewayV2::Route"),
    "aws:apigatewayv2/stage:Stage": Twin("AWS::ApiGatewayV2::Stage", {"name": "StageName"}),
    "aws:apigateway/account:Account": Twin("AWS::ApiGateway::Account", {"cloudwatchRoleArn": "CloudWatchRoleArn"}),
    "aws:sns/topic:Topic": Twin("AWS::SNS::Topic", {"name": "TopicName"}, _PREFIXED),
    "aws:sns/topicSubscription:TopicSubscription": Twin("AWS::SNS::Subscription", {"topic": "TopicArn"}),
    "aws:ec2/vpc:Vpc": Twin("AWS::EC2::VPC", only_there={"VpcEncryptionControl": _ABSENT}),
    "aws:ec2/subnet:Subnet": Twin("AWS::EC2::Subnet"),
    "aws:ec2/securityGroup:SecurityGroup": Twin(
        "AWS::EC2::SecurityGroup", {"name": "GroupName", "description": "GroupDescription"}, _PREFIXED
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Twin(
        "AWS::EC2::SecurityGroupEgress",
        {
            "securityGroupId": "GroupId",
            "cidrIpv4": "CidrIp",
            "prefixListId": "DestinationPrefixListId",
            "referencedSecurityGroupId": "DestinationSecurityGroupId",
        },
        only_there=dict.fromkeys(
            (
                *("IpProtocol", "ToPort", "FromPort", "CidrIp", "CidrIpv6"),
                *("DestinationPrefixListId", "DestinationSecurityGroupId"),
            ),
            _PEER,
        ),
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Twin(
        "AWS::EC2::SecurityGroupIngress",
        {
            "securityGroupId": "GroupId",
            "cidrIpv4": "CidrIp",
            "prefixListId": "SourcePrefixListId",
            "referencedSecurityGroupId": "SourceSecurityGroupId",
        },
        only_there={
            **dict.fromkeys(
                (
                    *("IpProtocol", "ToPort", "FromPort", "CidrIp", "CidrIpv6"),
                    *("SourcePrefixListId", "SourceSecurityGroupId"),
                ),
                _PEER,
            ),
            **dict.fromkeys(("GroupName", "SourceSecurityGroupName", "SourceSecurityGroupOwnerId"), _ABSENT),
        },
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Twin(
        "AWS::EC2::VPCEndpoint",
        {"policy": "PolicyDocument"},
        only_there=dict.fromkeys(
            ("DnsOptions.PrivateDnsPreference", "DnsOptions.PrivateDnsSpecifiedDomains"),
            "the provider changes it in place",
        ),
    ),
    "aws:ec2/routeTable:RouteTable": Twin("AWS::EC2::RouteTable"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Twin(
        "AWS::EC2::SubnetRouteTableAssociation",
        only_here={"gatewayId": "CloudFormation has a type of its own for gateways"},
        only_there={"RouteTableId": "the provider moves an association to another table in place"},
    ),
    "aws:ec2/internetGateway:InternetGateway": Twin("AWS::EC2::InternetGateway"),
    "aws:ec2/eip:Eip": Twin(
        "AWS::EC2::EIP",
        {"instance": "InstanceId"},
        dict.fromkeys(("domain", "publicIpv4Pool", "customerOwnedIpv4Pool"), _PROVIDER),
        {"TransferAddress": _ABSENT},
    ),
    "aws:ec2/natGateway:NatGateway": Twin("AWS::EC2::NatGateway", {"privateIp": "PrivateIpAddress"}),
    "aws:ec2/route:Route": Twin("AWS::EC2::Route", {"egressOnlyGatewayId": "EgressOnlyInternetGatewayId"}),
    "aws:dynamodb/table:Table": Twin(
        "AWS::DynamoDB::Table",
        {
            "name": "TableName",
            "attributes": "AttributeDefinitions",
            "AttributeDefinitions.*.name": "AttributeDefinitions.*.AttributeName",
            "AttributeDefinitions.*.type": "AttributeDefinitions.*.AttributeType",
            "importTable": "ImportSourceSpecification",
            "globalSecondaryIndexes.*.name": "GlobalSecondaryIndexes.*.IndexName",
            **{
                f"globalSecondaryIndexes.*.{name}": f"GlobalSecondaryIndexes.*.Projection.{name[0].upper()}{name[1:]}"
                for name in ("projectionType", "nonKeyAttributes")
            },
            **{
                f"globalSecondaryIndexes.*.{name}Capacity": (
                    f"GlobalSecondaryIndexes.*.ProvisionedThroughput.{name.capitalize()}CapacityUnits"
                )
                for name in ("read", "write")
            },
        },
        {
            **dict.fromkeys(("hashKey", "rangeKey"), "CloudFormation decides by the key schema"),
            "localSecondaryIndexes": _PROVIDER,
            **dict.fromkeys(("restoreBackupArn", "restoreDateTime", "restoreToLatestTime"), "not in CloudFormation"),
        },
    ),
}

WITHOUT_TWIN = {
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "CloudFormation lists managed policies in the role",
    "aws:secretsmanager/secretVersion:SecretVersion": "CloudFormation writes the value into the secret",
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": (
        "CloudFormation writes it into the alias or version"
    ),
}


def schema_of(cfn_type: str) -> dict[str, Any]:
    """Load the CloudFormation schema of a type, as cfn-lint ships it."""
    schema: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", cfn_type).schema
    return schema


def place_in(schema: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the part of a schema at a path; raise KeyError where there is none."""
    here = schema
    for step in path.split("."):
        here = here["items"] if step == "*" else here["properties"][step]
        while "$ref" in here:
            here = schema["definitions"][here["$ref"].rpartition("/")[2]]
    return here


def walk(properties: Mapping[str, Property], prefix: str = "") -> Iterator[tuple[str, Property]]:
    """Yield every property with its path; `*` stands for the elements of a collection."""
    for name, known in properties.items():
        yield from _below(known, f"{prefix}{name}")


def _below(known: Property, path: str) -> Iterator[tuple[str, Property]]:
    yield path, known
    yield from walk(known.fields, f"{path}.")
    if known.items is not None:
        yield from _below(known.items, f"{path}.*")


@pytest.fixture(scope="session")
def twins() -> Mapping[str, Twin]:
    """Return the CloudFormation type of every type that has one."""
    return TWINS


@pytest.fixture(scope="session")
def without_twin() -> Mapping[str, str]:
    """Return the types without a CloudFormation type, each with the reason."""
    return WITHOUT_TWIN


@pytest.fixture(scope="session")
def paths() -> Any:
    return walk


@pytest.fixture(scope="session")
def schema() -> Any:
    return schema_of


@pytest.fixture(scope="session")
def place() -> Any:
    return place_in
