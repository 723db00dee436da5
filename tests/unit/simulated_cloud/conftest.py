"""One simulated AWS account in memory, with a valid sample of every type."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import pytest

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import simulated_aws
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource
from tests.filled_clouds import FilledCloud, fill_cloud
from tests.unit.simulated_cloud.aws.container_samples import CONTAINER_SAMPLES
from tests.unit.simulated_cloud.aws.site_samples import AWS_SITE_SAMPLES

World: TypeAlias = dict[str, CreatedResource]
Sample: TypeAlias = Callable[[World], dict[str, Any]]
Make: TypeAlias = Callable[..., CreatedResource]

_SERVICES = {
    "Service": [
        *("apigateway.amazonaws.com", "ecs-tasks.amazonaws.com", "lambda.amazonaws.com"),
        *("scheduler.amazonaws.com", "states.amazonaws.com"),
    ]
}
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": _SERVICES, "Action": "sts:AssumeRole"}],
    }
)
INTERFACES = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["ec2:*", "sqs:*"], "Resource": "*"}]}
)
BUCKET_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "LifecycleConfiguration": {"rules": [{"id": "lifetime", "status": "Enabled", "expiration": {"days": 30}}]},
    "Policy": {"policy": INTERFACES},
    "PublicAccessBlock": {"blockPublicAcls": True},
    "ServerSideEncryptionConfiguration": {
        "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]
    },
    "Versioning": {"versioningConfiguration": {"status": "Enabled"}},
}
REST_API_BODY = json.dumps(
    {
        "openapi": "3.0.1",
        "info": {"title": "gateway", "version": "1"},
        "paths": {"/orders": {"get": {"x-amazon-apigateway-integration": {"type": "mock"}}}},
    }
)
CODE = {"hash": "a" * 64, "path": "app.zip"}

_FUNCTION = "aws:lambda/function:Function"
_ALARM = {
    "name": "latency",
    "comparisonOperator": "GreaterThanThreshold",
    "evaluationPeriods": 5,
    "namespace": "AWS/ApiGateway",
    "metricName": "Latency",
    "period": 60,
    "extendedStatistic": "p95",
    "threshold": 1000,
}


def _rule(world: World) -> dict[str, Any]:
    return {
        "securityGroupId": world["aws:ec2/securityGroup:SecurityGroup"].id,
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrIpv4": "0.0.0.0/0",
    }


# In an order in which the types can be created; each sample may use the ones before it.
SAMPLES: dict[str, Sample] = {
    "aws:cloudwatch/logGroup:LogGroup": lambda _: {"name": "/aws/lambda/api", "retentionInDays": 14},
    "aws:iam/role:Role": lambda _: {"name": "api", "assumeRolePolicy": TRUST, "tags": {"app": "semantest"}},
    "aws:iam/rolePolicy:RolePolicy": lambda world: {
        "name": "network",
        "role": world["aws:iam/role:Role"].id,
        "policy": INTERFACES,
    },
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": lambda world: {
        "role": world["aws:iam/role:Role"].id,
        "policyArn": "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
    },
    "aws:secretsmanager/secret:Secret": lambda _: {"name": "api/database", "recoveryWindowInDays": 7},
    "aws:secretsmanager/secretVersion:SecretVersion": lambda world: {
        "secretId": world["aws:secretsmanager/secret:Secret"].id,
        "secretString": "correct horse",
    },
    "aws:sns/topic:Topic": lambda _: {"name": "alarms"},
    "aws:sns/topicSubscription:TopicSubscription": lambda world: {
        "topic": world["aws:sns/topic:Topic"].id,
        "protocol": "email",
        "endpoint": "someone@example.org",
    },
    "aws:cloudwatch/metricAlarm:MetricAlarm": lambda world: {
        **_ALARM,
        "alarmActions": [world["aws:sns/topic:Topic"].id],
    },
    "aws:ec2/vpc:Vpc": lambda _: {"cidrBlock": "10.0.0.0/16"},
    "aws:ec2/subnet:Subnet": lambda world: {"vpcId": world["aws:ec2/vpc:Vpc"].id, "cidrBlock": "10.0.1.0/24"},
    "aws:ec2/securityGroup:SecurityGroup": lambda world: {"name": "api", "vpcId": world["aws:ec2/vpc:Vpc"].id},
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _rule,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _rule,
    "aws:ec2/vpcEndpoint:VpcEndpoint": lambda world: {
        "vpcId": world["aws:ec2/vpc:Vpc"].id,
        "serviceName": "com.amazonaws.us-east-1.secretsmanager",
        "vpcEndpointType": "Interface",
        "subnetIds": [world["aws:ec2/subnet:Subnet"].id],
        "securityGroupIds": [world["aws:ec2/securityGroup:SecurityGroup"].id],
        "privateDnsEnabled": True,
    },
    "aws:ec2/routeTable:RouteTable": lambda world: {"vpcId": world["aws:ec2/vpc:Vpc"].id},
    "aws:ec2/routeTableAssociation:RouteTableAssociation": lambda world: {
        "routeTableId": world["aws:ec2/routeTable:RouteTable"].id,
        "subnetId": world["aws:ec2/subnet:Subnet"].id,
    },
    "aws:ec2/internetGateway:InternetGateway": lambda world: {"vpcId": world["aws:ec2/vpc:Vpc"].id},
    "aws:ec2/eip:Eip": lambda _: {"domain": "vpc"},
    "aws:ec2/natGateway:NatGateway": lambda world: {
        "subnetId": world["aws:ec2/subnet:Subnet"].id,
        "allocationId": world["aws:ec2/eip:Eip"].id,
    },
    "aws:ec2/route:Route": lambda world: {
        "routeTableId": world["aws:ec2/routeTable:RouteTable"].id,
        "destinationCidrBlock": "0.0.0.0/0",
        "natGatewayId": world["aws:ec2/natGateway:NatGateway"].id,
    },
    "aws:networkfirewall/ruleGroup:RuleGroup": lambda _: {"name": "hosts", "type": "STATEFUL", "capacity": 10},
    "aws:networkfirewall/firewallPolicy:FirewallPolicy": lambda world: {
        "name": "hosts",
        "firewallPolicy": {
            "statelessDefaultActions": ["aws:forward_to_sfe"],
            "statelessFragmentDefaultActions": ["aws:forward_to_sfe"],
            "statefulRuleGroupReferences": [{"resourceArn": world["aws:networkfirewall/ruleGroup:RuleGroup"].id}],
        },
    },
    "aws:networkfirewall/firewall:Firewall": lambda world: {
        "name": "outgoing",
        "vpcId": world["aws:ec2/vpc:Vpc"].id,
        "firewallPolicyArn": world["aws:networkfirewall/firewallPolicy:FirewallPolicy"].id,
        "subnetMappings": [{"subnetId": world["aws:ec2/subnet:Subnet"].id}],
    },
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": lambda world: {
        "subnetId": world["aws:ec2/subnet:Subnet"].id
    },
    "aws:shield/subscription:Subscription": lambda _: {"autoRenew": "DISABLED"},
    "aws:shield/protection:Protection": lambda world: {
        "name": "address",
        "resourceArn": world["aws:ec2/eip:Eip"].outputs["arn"],
    },
    _FUNCTION: lambda world: {
        "name": "api",
        "role": world["aws:iam/role:Role"].outputs["arn"],
        "runtime": "nodejs24.x",
        "handler": "index.handler",
        "code": CODE,
        "publish": True,
        "memorySize": 512,
        "environment": {"variables": {"STAGE": "test"}},
        "loggingConfig": {"logFormat": "JSON", "logGroup": "/aws/lambda/api"},
        "vpcConfig": {
            "subnetIds": [world["aws:ec2/subnet:Subnet"].id],
            "securityGroupIds": [world["aws:ec2/securityGroup:SecurityGroup"].id],
        },
    },
    "aws:lambda/alias:Alias": lambda world: {
        "name": "live",
        "functionName": world[_FUNCTION].id,
        "functionVersion": world[_FUNCTION].outputs["version"],
    },
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": lambda world: {
        "functionName": world[_FUNCTION].id,
        "qualifier": "live",
        "provisionedConcurrentExecutions": 1,
    },
    "aws:apigatewayv2/api:Api": lambda _: {
        "name": "api",
        "protocolType": "HTTP",
        "corsConfiguration": {"allowOrigins": ["https://a.example", "https://b.example"]},
    },
    "aws:apigatewayv2/authorizer:Authorizer": lambda world: {
        "apiId": world["aws:apigatewayv2/api:Api"].id,
        "name": "tokens",
        "authorizerType": "JWT",
        "identitySources": ["$request.header.Authorization"],
        "jwtConfiguration": {"issuer": "https://id.example", "audiences": ["api"]},
    },
    "aws:apigatewayv2/integration:Integration": lambda world: {
        "apiId": world["aws:apigatewayv2/api:Api"].id,
        "integrationType": "AWS_PROXY",
        "integrationUri": world["aws:lambda/alias:Alias"].outputs["invokeArn"],
        "integrationMethod": "POST",
        "payloadFormatVersion": "2.0",
        "timeoutMilliseconds": 29000,
    },
    "aws:apigatewayv2/route:Route": lambda world: {
        "apiId": world["aws:apigatewayv2/api:Api"].id,
        "routeKey": "ANY /{proxy+}",
        "target": f"integrations/{world['aws:apigatewayv2/integration:Integration'].id}",
        "authorizationType": "JWT",
        "authorizerId": world["aws:apigatewayv2/authorizer:Authorizer"].id,
    },
    "aws:apigatewayv2/stage:Stage": lambda world: {
        "apiId": world["aws:apigatewayv2/api:Api"].id,
        "name": "$default",
        "autoDeploy": True,
        "accessLogSettings": {
            "destinationArn": world["aws:cloudwatch/logGroup:LogGroup"].outputs["arn"],
            "format": "$context.requestId",
        },
        "defaultRouteSettings": {"throttlingBurstLimit": 200, "throttlingRateLimit": 100},
    },
    "aws:lambda/permission:Permission": lambda world: {
        "action": "lambda:InvokeFunction",
        "function": world[_FUNCTION].id,
        "principal": "apigateway.amazonaws.com",
        "qualifier": "live",
        "statementId": "gateway",
        "sourceArn": f"{world['aws:apigatewayv2/api:Api'].outputs['executionArn']}/*/*",
    },
    "aws:apigateway/account:Account": lambda world: {"cloudwatchRoleArn": world["aws:iam/role:Role"].outputs["arn"]},
    "aws:apigateway/restApi:RestApi": lambda _: {
        "name": "gateway",
        "body": REST_API_BODY,
        "endpointConfiguration": {"types": "REGIONAL"},
    },
    "aws:apigateway/deployment:Deployment": lambda world: {
        "restApi": world["aws:apigateway/restApi:RestApi"].id,
        "triggers": {"body": "1"},
    },
    "aws:apigateway/stage:Stage": lambda world: {
        "restApi": world["aws:apigateway/restApi:RestApi"].id,
        "deployment": world["aws:apigateway/deployment:Deployment"].id,
        "stageName": "live",
        "xrayTracingEnabled": True,
    },
    "aws:apigateway/methodSettings:MethodSettings": lambda world: {
        "restApi": world["aws:apigateway/restApi:RestApi"].id,
        "stageName": world["aws:apigateway/stage:Stage"].outputs["stageName"],
        "methodPath": "~1orders/GET",
        "settings": {"throttlingBurstLimit": 10, "throttlingRateLimit": 5},
    },
    "aws:apigateway/apiKey:ApiKey": lambda _: {"name": "web"},
    "aws:apigateway/usagePlan:UsagePlan": lambda world: {
        "name": "standard",
        "apiStages": [
            {
                "apiId": world["aws:apigateway/restApi:RestApi"].id,
                "stage": world["aws:apigateway/stage:Stage"].outputs["stageName"],
            }
        ],
        "quotaSettings": {"limit": 1000, "period": "DAY"},
        "throttleSettings": {"burstLimit": 10, "rateLimit": 5},
    },
    "aws:apigateway/usagePlanKey:UsagePlanKey": lambda world: {
        "keyId": world["aws:apigateway/apiKey:ApiKey"].id,
        "keyType": "API_KEY",
        "usagePlanId": world["aws:apigateway/usagePlan:UsagePlan"].id,
    },
    "aws:apigateway/vpcLink:VpcLink": lambda _: {
        "name": "services",
        "targetArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/services/0123456789abcdef",
    },
    "aws:dynamodb/table:Table": lambda _: {
        "name": "connections",
        "billingMode": "PAY_PER_REQUEST",
        "hashKey": "connectionId",
        "attributes": [{"name": "connectionId", "type": "S"}],
        "ttl": {"attributeName": "expires", "enabled": True},
    },
    "aws:kms/key:Key": lambda _: {"description": "orders", "enableKeyRotation": True},
    "aws:xray/group:Group": lambda _: {"groupName": "orders", "filterExpression": "responsetime > 5"},
    "aws:xray/samplingRule:SamplingRule": lambda _: {
        "ruleName": "orders",
        "fixedRate": 0.05,
        "reservoirSize": 1,
        "priority": 9000,
        "version": 1,
        "serviceName": "orders-*",
        **dict.fromkeys(("serviceType", "host", "httpMethod", "urlPath", "resourceArn"), "*"),
    },
    "aws:cloudwatch/logAnomalyDetector:LogAnomalyDetector": lambda world: {
        "detectorName": "orders",
        "enabled": True,
        "logGroupArnLists": [world["aws:cloudwatch/logGroup:LogGroup"].outputs["arn"]],
    },
    "aws:cloudwatch/queryDefinition:QueryDefinition": lambda _: {"name": "errors", "queryString": "fields @message"},
    "aws:cloudwatch/dashboard:Dashboard": lambda _: {"dashboardName": "orders", "dashboardBody": '{"widgets": []}'},
    "aws:kms/alias:Alias": lambda world: {"name": "alias/orders", "targetKeyId": world["aws:kms/key:Key"].id},
    "aws:rds/subnetGroup:SubnetGroup": lambda world: {
        "name": "orders",
        "subnetIds": [world["aws:ec2/subnet:Subnet"].id],
    },
    "aws:rds/instance:Instance": lambda world: {
        "identifier": "orders",
        "engine": "sqlserver-se",
        "instanceClass": "db.m5.large",
        "allocatedStorage": 100,
        "username": "semantest",
        "manageMasterUserPassword": True,
        "backupRetentionPeriod": 7,
        "dbSubnetGroupName": world["aws:rds/subnetGroup:SubnetGroup"].id,
        "skipFinalSnapshot": True,
        "storageEncrypted": True,
    },
    "aws:elasticache/user:User": lambda _: {
        "userId": "orders",
        "userName": "orders",
        "engine": "valkey",
        "accessString": "on ~* +@all",
        "authenticationMode": {"type": "iam"},
    },
    "aws:elasticache/userGroup:UserGroup": lambda world: {
        "userGroupId": "orders",
        "engine": "valkey",
        "userIds": [world["aws:elasticache/user:User"].id],
    },
    "aws:elasticache/serverlessCache:ServerlessCache": lambda world: {
        "name": "orders",
        "engine": "valkey",
        "userGroupId": world["aws:elasticache/userGroup:UserGroup"].id,
    },
    "aws:s3/bucket:Bucket": lambda _: {"bucket": "semantest-staging"},
    **{
        f"aws:s3/bucket{name}:Bucket{name}": lambda world, setting=setting: {  # type: ignore[misc]
            "bucket": world["aws:s3/bucket:Bucket"].id,
            **setting,
        }
        for name, setting in BUCKET_SETTINGS.items()
    },
    "aws:sqs/queue:Queue": lambda world: {"name": "orders", "kmsMasterKeyId": world["aws:kms/alias:Alias"].id},
    "aws:sqs/queuePolicy:QueuePolicy": lambda world: {
        "queueUrl": world["aws:sqs/queue:Queue"].id,
        "policy": INTERFACES,
    },
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": lambda world: {
        "queueUrl": world["aws:sqs/queue:Queue"].id,
        "redriveAllowPolicy": json.dumps({"redrivePermission": "denyAll"}),
    },
    "aws:lambda/eventSourceMapping:EventSourceMapping": lambda world: {
        "eventSourceArn": world["aws:sqs/queue:Queue"].outputs["arn"],
        "functionName": world["aws:lambda/alias:Alias"].outputs["arn"],
        "batchSize": 10,
        "functionResponseTypes": ["ReportBatchItemFailures"],
    },
    "aws:sfn/stateMachine:StateMachine": lambda world: {
        "name": "move",
        "roleArn": world["aws:iam/role:Role"].outputs["arn"],
        "definition": json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
    },
    "aws:scheduler/schedule:Schedule": lambda world: {
        "name": "nightly",
        "scheduleExpression": "cron(0 3 * * ? *)",
        "scheduleExpressionTimezone": "Europe/Berlin",
        "flexibleTimeWindow": {"mode": "OFF"},
        "target": {
            "arn": world["aws:lambda/alias:Alias"].outputs["arn"],
            "roleArn": world["aws:iam/role:Role"].outputs["arn"],
        },
    },
    **AWS_SITE_SAMPLES,
}
SAMPLES |= CONTAINER_SAMPLES


@pytest.fixture
def samples() -> Mapping[str, Sample]:
    return SAMPLES


@pytest.fixture
def inventory() -> Inventory:
    return Inventory(":memory:")


@pytest.fixture
def cloud(inventory: Inventory) -> SimulatedCloud:
    """Open an empty account in us-east-1."""
    return simulated_aws(inventory, region="us-east-1")


@pytest.fixture(scope="session")
def filled_aws() -> FilledCloud:
    return fill_cloud(partial(simulated_aws, region="us-east-1"), SAMPLES)


@pytest.fixture
def world(inventory: Inventory, filled_aws: FilledCloud) -> World:
    """One resource of every type."""
    return filled_aws.copy_to(inventory)


@pytest.fixture
def make(cloud: SimulatedCloud, world: World) -> Make:
    """Create one more resource of a type, changed from its sample; None omits a property."""

    def make_one(type_: str, owner: str = "urn:another", **changes: Any) -> CreatedResource:
        inputs = {**SAMPLES[type_](world), **changes}
        return cloud.create(type_, {name: value for name, value in inputs.items() if value is not None}, owner=owner)

    return make_one


@pytest.fixture
def refused(make: Make) -> Callable[..., CloudRefusal]:
    """Return the refusal of one more resource of a type."""

    def refusal_of(type_: str, **changes: Any) -> CloudRefusal:
        with pytest.raises(CloudRefusal) as caught:
            make(type_, **changes)
        return caught.value

    return refusal_of
