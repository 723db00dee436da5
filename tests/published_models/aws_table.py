"""Which calls of AWS create and configure each of Pulumi's types, and which names differ.

A type without a row is created by `Create<Kind>` of the service that its module is called after. A row names what that
guess does not find.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import botocore.session
from botocore.exceptions import UnknownServiceError


@dataclass(frozen=True, slots=True)
class AwsCalls:
    """The calls of a type, the creating one first.

    `renamed`: a path in Pulumi's words -> the member, with another call in front where it is not the first one's;
    `-` is what no request has. `elsewhere` are properties that no call takes, each with the reason, and
    `supplied` are members that the provider fills by itself.
    """

    service: str
    operations: tuple[str, ...]
    renamed: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    supplied: tuple[str, ...] = ()
    kind: str = ""


PROVIDER_PROPERTIES: Final = {
    "region": "where the provider sends the request",
    "tagsAll": "the tags of the provider and of the resource together",
}
_SERVICES: Final = {
    "vpc": "ec2",
    "ec2transitgateway": "ec2",
    "networkfirewall": "network-firewall",
    "cfg": "config",
    "sfn": "stepfunctions",
    "alb": "elbv2",
    "lb": "elbv2",
}

_STATE_ONLY = "Pulumi's provider compares it with its state and sends it nowhere"
_IP = "IpPermissions.{}".format


def _list_attributes(*names: str) -> dict[str, str]:
    """Return the places of properties that requests have in a map of texts."""
    return {f"{name[0].lower()}{name[1:]}": f"Attributes.{name}" for name in names}


def _rule(operation: str) -> AwsCalls:
    """Return the call of one rule of a security group, which the API takes in lists."""
    ranges = {"cidrIpv4": _IP("IpRanges.CidrIp"), "cidrIpv6": _IP("Ipv6Ranges.CidrIpv6")}
    pairs = {"referencedSecurityGroupId": _IP("UserIdGroupPairs.GroupId"), "description": _IP("IpRanges.Description")}
    lists = {"prefixListId": _IP("PrefixListIds.PrefixListId")}
    plain = {name: _IP(f"{name[0].upper()}{name[1:]}") for name in ("ipProtocol", "fromPort", "toPort")}
    renamed = {**ranges, **pairs, **lists, **plain, "securityGroupId": "GroupId"}
    return AwsCalls("ec2", (operation,), renamed)


_CALLS: Final[Mapping[str, AwsCalls]] = {
    "aws:apigateway/account:Account": AwsCalls(
        "apigateway", ("UpdateAccount",), {"cloudwatchRoleArn": "patchOperations.value"}
    ),
    "aws:apigateway/apiKey:ApiKey": AwsCalls("apigateway", ("CreateApiKey",)),
    "aws:apigateway/deployment:Deployment": AwsCalls(
        "apigateway", ("CreateDeployment",), {"restApi": "restApiId"}, {"triggers": _STATE_ONLY}
    ),
    "aws:apigateway/methodSettings:MethodSettings": AwsCalls(
        "apigateway",
        ("UpdateStage",),
        {"restApi": "restApiId", "stageName": "stageName"},
        {
            "methodPath": "a part of the path of each patch operation on the stage",
            "settings": "the value of each patch operation on the stage",
        },
    ),
    "aws:apigateway/restApi:RestApi": AwsCalls("apigateway", ("CreateRestApi",), {"body": "PutRestApi.body"}),
    "aws:apigateway/stage:Stage": AwsCalls(
        "apigateway",
        ("CreateStage",),
        {
            "restApi": "restApiId",
            "deployment": "deploymentId",
            "xrayTracingEnabled": "tracingEnabled",
        },
    ),
    "aws:apigateway/usagePlan:UsagePlan": AwsCalls(
        "apigateway",
        ("CreateUsagePlan",),
        {"quotaSettings": "quota", "throttleSettings": "throttle", "apiStages.*.throttles": "throttle"},
    ),
    "aws:apigateway/vpcLink:VpcLink": AwsCalls("apigateway", ("CreateVpcLink",), {"targetArn": "targetArns"}),
    "aws:apigatewayv2/integration:Integration": AwsCalls(
        "apigatewayv2", ("CreateIntegration",), {"timeoutMilliseconds": "TimeoutInMillis"}
    ),
    "aws:cloudwatch/logGroup:LogGroup": AwsCalls(
        "logs", ("CreateLogGroup", "PutRetentionPolicy"), kind="LogGroup", elsewhere={"skipDestroy": _STATE_ONLY}
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": AwsCalls(
        "cloudwatch",
        ("PutMetricAlarm",),
        {
            "metricQueries": "Metrics",
            "metricQueries.*.metric": "MetricStat",
            **{
                f"metricQueries.*.metric.{name[0].lower()}{name[1:]}": f"Metric.{name}"
                for name in ("MetricName", "Namespace", "Dimensions")
            },
        },
        kind="Alarm",
    ),
    "aws:cloudwatch/logAnomalyDetector:LogAnomalyDetector": AwsCalls(
        "logs", ("CreateLogAnomalyDetector", "UpdateLogAnomalyDetector"), {"logGroupArnLists": "logGroupArnList"}
    ),
    "aws:cloudwatch/queryDefinition:QueryDefinition": AwsCalls("logs", ("PutQueryDefinition",)),
    "aws:dynamodb/table:Table": AwsCalls(
        "dynamodb",
        ("CreateTable",),
        {
            "attributes": "AttributeDefinitions",
            "attributes.*.name": "AttributeName",
            "attributes.*.type": "AttributeType",
            "globalSecondaryIndexes.*.name": "IndexName",
            "globalSecondaryIndexes.*.hashKey": "KeySchema.AttributeName",
            "globalSecondaryIndexes.*.rangeKey": "KeySchema.AttributeName",
            "globalSecondaryIndexes.*.projectionType": "Projection.ProjectionType",
            "hashKey": "KeySchema.AttributeName",
            "rangeKey": "KeySchema.AttributeName",
            "ttl": "UpdateTimeToLive.TimeToLiveSpecification",
            "pointInTimeRecovery": "UpdateContinuousBackups.PointInTimeRecoverySpecification",
            "pointInTimeRecovery.enabled": "PointInTimeRecoveryEnabled",
            "serverSideEncryption": "SSESpecification",
        },
        kind="Table",
    ),
    "aws:appautoscaling/policy:Policy": AwsCalls(
        "application-autoscaling", ("PutScalingPolicy",), {"name": "PolicyName"}
    ),
    "aws:appautoscaling/target:Target": AwsCalls("application-autoscaling", ("RegisterScalableTarget",)),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": AwsCalls(
        "ecr", ("PutLifecyclePolicy",), {"repository": "repositoryName", "policy": "lifecyclePolicyText"}
    ),
    "aws:ecr/repository:Repository": AwsCalls(
        "ecr", ("CreateRepository",), {"forceDelete": "DeleteRepository.force"}, kind="Repository"
    ),
    "aws:ecs/service:Service": AwsCalls(
        "ecs",
        ("CreateService",),
        {
            **{
                f"networkConfiguration.{name}": f"networkConfiguration.awsvpcConfiguration.{name}"
                for name in ("assignPublicIp", "securityGroups", "subnets")
            },
            "deploymentCircuitBreaker": "deploymentConfiguration.deploymentCircuitBreaker",
            "deploymentMaximumPercent": "deploymentConfiguration.maximumPercent",
            "deploymentMinimumHealthyPercent": "deploymentConfiguration.minimumHealthyPercent",
        },
        {"waitForSteadyState": "the provider asks for the state of the service until it is steady"},
        kind="service",
    ),
    "aws:ecs/taskDefinition:TaskDefinition": AwsCalls("ecs", ("RegisterTaskDefinition",)),
    "aws:ec2/eip:Eip": AwsCalls("ec2", ("AllocateAddress",)),
    "aws:ec2/internetGateway:InternetGateway": AwsCalls(
        "ec2", ("CreateInternetGateway",), {"vpcId": "AttachInternetGateway.VpcId"}
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": AwsCalls("ec2", ("AssociateRouteTable",)),
    "aws:ec2/vpc:Vpc": AwsCalls(
        "ec2",
        ("CreateVpc",),
        {
            "enableDnsHostnames": "ModifyVpcAttribute.EnableDnsHostnames.Value",
            "enableDnsSupport": "ModifyVpcAttribute.EnableDnsSupport.Value",
        },
    ),
    "aws:iam/role:Role": AwsCalls(
        "iam", ("CreateRole",), {"assumeRolePolicy": "AssumeRolePolicyDocument"}, kind="Role"
    ),
    "aws:iam/rolePolicy:RolePolicy": AwsCalls(
        "iam", ("PutRolePolicy",), {"role": "RoleName", "name": "PolicyName"}, kind="Policy"
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": AwsCalls("iam", ("AttachRolePolicy",), {"role": "RoleName"}),
    "aws:kms/key:Key": AwsCalls(
        "kms",
        ("CreateKey",),
        {"deletionWindowInDays": "ScheduleKeyDeletion.PendingWindowInDays"},
        {"enableKeyRotation": "EnableKeyRotation turns it on, and takes the key alone"},
    ),
    "aws:lambda/function:Function": AwsCalls(
        "lambda",
        ("CreateFunction",),
        {"code.hash": "-", "reservedConcurrentExecutions": "PutFunctionConcurrency.ReservedConcurrentExecutions"},
        {"sourceCodeHash": _STATE_ONLY},
        kind="Function",
    ),
    "aws:lambda/permission:Permission": AwsCalls("lambda", ("AddPermission",), {"function": "FunctionName"}),
    "aws:lb/listener:Listener": AwsCalls(
        "elbv2", ("CreateListener",), {"defaultActions.*.fixedResponse": "FixedResponseConfig"}
    ),
    "aws:lb/listenerRule:ListenerRule": AwsCalls(
        "elbv2", ("CreateRule",), {"conditions.*.hostHeader": "HostHeaderConfig"}, supplied=("Priority",)
    ),
    "aws:lb/loadBalancer:LoadBalancer": AwsCalls(
        "elbv2",
        ("CreateLoadBalancer",),
        {"loadBalancerType": "Type"},
        {
            "dropInvalidHeaderFields": "ModifyLoadBalancerAttributes: routing.http.drop_invalid_header_fields.enabled",
            "internal": "the scheme `internal` or `internet-facing`",
            "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic": "SetSecurityGroups takes it, with the groups again",
        },
    ),
    "aws:lb/targetGroup:TargetGroup": AwsCalls(
        "elbv2",
        ("CreateTargetGroup",),
        {
            f"healthCheck.{name}": member
            for name, member in {
                "interval": "HealthCheckIntervalSeconds",
                "timeout": "HealthCheckTimeoutSeconds",
                "healthyThreshold": "HealthyThresholdCount",
                "unhealthyThreshold": "UnhealthyThresholdCount",
                "matcher": "Matcher.HttpCode",
                "path": "HealthCheckPath",
                "protocol": "HealthCheckProtocol",
            }.items()
        },
        {"deregistrationDelay": "ModifyTargetGroupAttributes: deregistration_delay.timeout_seconds"},
    ),
    "aws:lb/targetGroupAttachment:TargetGroupAttachment": AwsCalls(
        "elbv2",
        ("RegisterTargets",),
        {"targetId": "Targets.Id", "port": "Targets.Port", "availabilityZone": "Targets.AvailabilityZone"},
    ),
    "aws:rds/instance:Instance": AwsCalls(
        "rds",
        ("CreateDBInstance",),
        {
            "identifier": "DBInstanceIdentifier",
            "instanceClass": "DBInstanceClass",
            "username": "MasterUsername",
            "multiAz": "MultiAZ",
            "applyImmediately": "ModifyDBInstance.ApplyImmediately",
            "skipFinalSnapshot": "DeleteDBInstance.SkipFinalSnapshot",
            "finalSnapshotIdentifier": "DeleteDBInstance.FinalDBSnapshotIdentifier",
        },
    ),
    "aws:rds/subnetGroup:SubnetGroup": AwsCalls(
        "rds",
        ("CreateDBSubnetGroup",),
        {"name": "DBSubnetGroupName", "description": "DBSubnetGroupDescription"},
        supplied=("DBSubnetGroupDescription",),
    ),
    "aws:acm/certificate:Certificate": AwsCalls("acm", ("RequestCertificate",)),
    "aws:acm/certificateValidation:CertificateValidation": AwsCalls(
        "acm",
        ("DescribeCertificate",),
        {},
        {"validationRecordFqdns": "the provider compares the names with those of the certificate"},
    ),
    "aws:cloudfront/cachePolicy:CachePolicy": AwsCalls(
        "cloudfront",
        ("CreateCachePolicy",),
        {
            name: f"CachePolicyConfig.{member}"
            for name, member in {
                "comment": "Comment",
                "name": "Name",
                "defaultTtl": "DefaultTTL",
                "maxTtl": "MaxTTL",
                "minTtl": "MinTTL",
                "parametersInCacheKeyAndForwardedToOrigin": "ParametersInCacheKeyAndForwardedToOrigin",
            }.items()
        },
    ),
    "aws:cloudfront/function:Function": AwsCalls(
        "cloudfront",
        ("CreateFunction", "PublishFunction"),
        {"code": "FunctionCode", "comment": "FunctionConfig.Comment", "runtime": "FunctionConfig.Runtime"},
        {"publish": "the provider calls PublishFunction besides"},
    ),
    "aws:cloudfront/originAccessControl:OriginAccessControl": AwsCalls(
        "cloudfront",
        ("CreateOriginAccessControl",),
        {
            name: f"OriginAccessControlConfig.{name[0].upper()}{name[1:]}"
            for name in ("description", "name", "signingBehavior", "signingProtocol", "originAccessControlOriginType")
        },
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": AwsCalls(
        "cloudfront",
        ("CreateResponseHeadersPolicy",),
        {
            name: f"ResponseHeadersPolicyConfig.{name[0].upper()}{name[1:]}"
            for name in ("comment", "name", "securityHeadersConfig", "customHeadersConfig")
        },
    ),
    "aws:cloudfront/distribution:Distribution": AwsCalls(
        "cloudfront",
        ("CreateDistribution", "CreateDistributionWithTags"),
        {
            **{
                name: f"DistributionConfig.{name[0].upper()}{name[1:]}"
                for name in (
                    *("comment", "defaultCacheBehavior", "defaultRootObject", "enabled", "httpVersion", "priceClass"),
                    *("restrictions", "viewerCertificate"),
                )
            },
            **{
                name: f"DistributionConfig.{name[0].upper()}{name[1:]}.Items"
                for name in ("aliases", "customErrorResponses", "origins")
            },
            "defaultCacheBehavior.allowedMethods": "AllowedMethods.Items",
            "defaultCacheBehavior.cachedMethods": "AllowedMethods.CachedMethods.Items",
            "defaultCacheBehavior.functionAssociations": "FunctionAssociations.Items",
            "defaultCacheBehavior.functionAssociations.*.functionArn": "FunctionARN",
            "origins.*.originId": "Id",
            "isIpv6Enabled": "DistributionConfig.IsIPV6Enabled",
            "webAclId": "DistributionConfig.WebACLId",
            "tags": "CreateDistributionWithTags.DistributionConfigWithTags.Tags.Items",
        },
        {"waitForDeployment": _STATE_ONLY},
    ),
    "aws:route53/zone:Zone": AwsCalls(
        "route53",
        ("CreateHostedZone", "ChangeTagsForResource"),
        {"comment": "HostedZoneConfig.Comment", "tags": "ChangeTagsForResource.AddTags"},
        {"forceDestroy": "the provider deletes the records one by one before the zone"},
        ("CallerReference",),
    ),
    "aws:route53/record:Record": AwsCalls(
        "route53",
        ("ChangeResourceRecordSets",),
        {
            "zoneId": "HostedZoneId",
            **{
                name: f"ChangeBatch.Changes.ResourceRecordSet.{member}"
                for name, member in {"name": "Name", "type": "Type", "ttl": "TTL"}.items()
            },
            "records": "ChangeBatch.Changes.ResourceRecordSet.ResourceRecords",
            "aliases": "ChangeBatch.Changes.ResourceRecordSet.AliasTarget",
            "aliases.name": "DNSName",
            "aliases.zoneId": "HostedZoneId",
        },
        {"allowOverwrite": "the provider chooses UPSERT in the place of CREATE"},
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": AwsCalls(
        "s3", ("PutObject",), {"content": "Body"}, {"source": "the provider sends the content of the file"}
    ),
    "aws:wafv2/webAcl:WebAcl": AwsCalls("wafv2", ("CreateWebACL",)),
    "aws:s3/bucket:Bucket": AwsCalls(
        "s3",
        ("CreateBucket",),
        {"tags": "PutBucketTagging.Tagging.TagSet"},
        {"forceDestroy": "the provider deletes the objects one by one before the bucket"},
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": AwsCalls(
        "s3", ("PutBucketLifecycleConfiguration",), {"rules": "LifecycleConfiguration.Rules", "rules.*.id": "ID"}
    ),
    "aws:s3/bucketPolicy:BucketPolicy": AwsCalls("s3", ("PutBucketPolicy",)),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": AwsCalls(
        "s3",
        ("PutPublicAccessBlock",),
        {
            f"{name[0].lower()}{name[1:]}": f"PublicAccessBlockConfiguration.{name}"
            for name in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        },
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": AwsCalls(
        "s3",
        ("PutBucketEncryption",),
        {
            "rules": "ServerSideEncryptionConfiguration.Rules",
            "rules.*.applyServerSideEncryptionByDefault.sseAlgorithm": "SSEAlgorithm",
        },
    ),
    "aws:s3/bucketVersioning:BucketVersioning": AwsCalls("s3", ("PutBucketVersioning",)),
    "aws:secretsmanager/secret:Secret": AwsCalls(
        "secretsmanager", ("CreateSecret",), {"recoveryWindowInDays": "DeleteSecret.RecoveryWindowInDays"}
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": AwsCalls("secretsmanager", ("PutSecretValue",)),
    "aws:sns/topic:Topic": AwsCalls(
        "sns", ("CreateTopic",), _list_attributes("FifoTopic", "ContentBasedDeduplication", "DisplayName"), kind="Topic"
    ),
    "aws:sns/topicSubscription:TopicSubscription": AwsCalls(
        "sns",
        ("Subscribe",),
        {"topic": "TopicArn"} | _list_attributes("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery"),
    ),
    "aws:sqs/queue:Queue": AwsCalls(
        "sqs",
        ("CreateQueue",),
        {
            **_list_attributes("ContentBasedDeduplication", "DeduplicationScope", "FifoQueue", "FifoThroughputLimit"),
            **_list_attributes("Policy", "RedriveAllowPolicy", "RedrivePolicy", "SqsManagedSseEnabled"),
            "delaySeconds": "Attributes.DelaySeconds",
            "maxMessageSize": "Attributes.MaximumMessageSize",
            "messageRetentionSeconds": "Attributes.MessageRetentionPeriod",
            "receiveWaitTimeSeconds": "Attributes.ReceiveMessageWaitTimeSeconds",
            "visibilityTimeoutSeconds": "Attributes.VisibilityTimeout",
        },
        kind="Queue",
    ),
    "aws:sqs/queuePolicy:QueuePolicy": AwsCalls("sqs", ("SetQueueAttributes",), _list_attributes("Policy")),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": AwsCalls(
        "sqs", ("SetQueueAttributes",), _list_attributes("RedriveAllowPolicy")
    ),
    "aws:xray/samplingRule:SamplingRule": AwsCalls(
        "xray",
        ("CreateSamplingRule",),
        {
            **{
                f"{name[0].lower()}{name[1:]}": f"SamplingRule.{name}"
                for name in (
                    *("Attributes", "FixedRate", "Host", "Priority", "ReservoirSize", "RuleName"),
                    *("ServiceName", "ServiceType", "Version"),
                )
            },
            "httpMethod": "SamplingRule.HTTPMethod",
            "resourceArn": "SamplingRule.ResourceARN",
            "urlPath": "SamplingRule.URLPath",
        },
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _rule("AuthorizeSecurityGroupEgress"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _rule("AuthorizeSecurityGroupIngress"),
}


@cache
def find_calls(type_: str) -> AwsCalls | None:
    """Return the calls of a type, None if neither the table nor its name tells them."""
    if type_ in _CALLS:
        return _CALLS[type_]
    _, module, kind = type_.split(":")
    service = module.partition("/")[0].rstrip("_")
    service = _SERVICES.get(service, service)
    try:
        model = botocore.session.get_session().get_service_model(service)
    except UnknownServiceError:
        return None
    found = [f"{verb}{kind}" for verb in ("Create", "Put", "Register") if f"{verb}{kind}" in model.operation_names]
    return AwsCalls(service, tuple(found), kind=kind) if found else None
