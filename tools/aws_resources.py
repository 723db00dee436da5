"""The AWS resource types that are simulated: Pulumi's token of each, and the CloudFormation type that publishes it.

To simulate another type, add a line to RESOURCES and run `generate_aws_schemas.py` and `generate_aws_permissions.py`.
Names are matched without regard to case; `renamed` holds the others, as paths from Pulumi's spelling to the schema's
(`*` stands for elements). `in_place`: what only the schema replaces, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Source:
    """The CloudFormation type of a resource type; `""` where there is none, which `reason` explains."""

    cloudformation: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    in_place: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


_MANAGED = "capacityProviderConfig.lambdaManagedInstancesCapacityProviderConfig"
_PEER = "the provider changes a rule in place"
_PEERS = ("IpProtocol", "ToPort", "FromPort", "CidrIp", "CidrIpv6")


def _rule(cloudformation: str, side: str) -> Source:
    renamed = {
        "securityGroupId": "GroupId",
        "cidrIpv4": "CidrIp",
        "prefixListId": f"{side}PrefixListId",
        "referencedSecurityGroupId": f"{side}SecurityGroupId",
    }
    return Source(
        cloudformation,
        renamed,
        dict.fromkeys((*_PEERS, f"{side}PrefixListId", f"{side}SecurityGroupId"), _PEER),
    )


def _inside(block: str, *names: str) -> dict[str, str]:
    """Return names that CloudFormation has in a block and the provider beside everything else."""
    return {name: f"{block}.{name[0].upper()}{name[1:]}" for name in names}


RESOURCES: Mapping[str, Source] = {
    "aws:acm/certificate:Certificate": Source("AWS::CertificateManager::Certificate", {"arn": "CertificateArn"}),
    "aws:acm/certificateValidation:CertificateValidation": Source(
        "", reason="CloudFormation waits for the certificate itself"
    ),
    "aws:apigateway/account:Account": Source("AWS::ApiGateway::Account"),
    "aws:apigateway/apiKey:ApiKey": Source("AWS::ApiGateway::ApiKey"),
    "aws:apigateway/deployment:Deployment": Source("AWS::ApiGateway::Deployment"),
    "aws:apigateway/methodSettings:MethodSettings": Source("", reason="CloudFormation writes them into the stage"),
    "aws:apigateway/restApi:RestApi": Source("AWS::ApiGateway::RestApi"),
    "aws:apigateway/stage:Stage": Source("AWS::ApiGateway::Stage"),
    "aws:apigateway/usagePlan:UsagePlan": Source("AWS::ApiGateway::UsagePlan"),
    "aws:apigateway/usagePlanKey:UsagePlanKey": Source("AWS::ApiGateway::UsagePlanKey"),
    "aws:apigateway/vpcLink:VpcLink": Source("AWS::ApiGateway::VpcLink"),
    "aws:apigatewayv2/api:Api": Source("AWS::ApiGatewayV2::Api"),
    "aws:apigatewayv2/apiMapping:ApiMapping": Source("AWS::ApiGatewayV2::ApiMapping"),
    "aws:apigatewayv2/authorizer:Authorizer": Source("AWS::ApiGatewayV2::Authorizer"),
    "aws:apigatewayv2/domainName:DomainName": Source(
        "AWS::ApiGatewayV2::DomainName", {"domainNameConfiguration": "DomainNameConfigurations"}
    ),
    "aws:apigatewayv2/integration:Integration": Source(
        "AWS::ApiGatewayV2::Integration", {"timeoutMilliseconds": "TimeoutInMillis"}
    ),
    "aws:apigatewayv2/route:Route": Source("AWS::ApiGatewayV2::Route"),
    "aws:apigatewayv2/stage:Stage": Source("AWS::ApiGatewayV2::Stage"),
    "aws:appautoscaling/policy:Policy": Source("AWS::ApplicationAutoScaling::ScalingPolicy", {"name": "PolicyName"}),
    "aws:appautoscaling/target:Target": Source("AWS::ApplicationAutoScaling::ScalableTarget"),
    "aws:cloudfront/cachePolicy:CachePolicy": Source(
        "AWS::CloudFront::CachePolicy",
        {
            **_inside("CachePolicyConfig", "comment", "name"),
            **{name: f"CachePolicyConfig.{name[:-3].capitalize()}TTL" for name in ("defaultTtl", "maxTtl", "minTtl")},
        },
    ),
    "aws:cloudfront/distribution:Distribution": Source(
        "AWS::CloudFront::Distribution",
        {
            **_inside("DistributionConfig", "aliases", "comment", "customErrorResponses", "defaultCacheBehavior"),
            **_inside("DistributionConfig", "defaultRootObject", "enabled", "httpVersion", "origins", "priceClass"),
            **_inside("DistributionConfig", "restrictions", "staging", "viewerCertificate"),
            "isIpv6Enabled": "DistributionConfig.IPV6Enabled",
            "webAclId": "DistributionConfig.WebACLId",
        },
    ),
    "aws:cloudfront/function:Function": Source(
        "AWS::CloudFront::Function",
        {"code": "FunctionCode", "comment": "FunctionConfig.Comment", "runtime": "FunctionConfig.Runtime"},
    ),
    "aws:cloudfront/originAccessControl:OriginAccessControl": Source(
        "AWS::CloudFront::OriginAccessControl",
        {
            **_inside("OriginAccessControlConfig", "description", "name", "signingBehavior", "signingProtocol"),
            "originAccessControlOriginType": "OriginAccessControlConfig.OriginAccessControlOriginType",
        },
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": Source(
        "AWS::CloudFront::ResponseHeadersPolicy",
        _inside("ResponseHeadersPolicyConfig", "comment", "name", "securityHeadersConfig", "customHeadersConfig"),
    ),
    "aws:cloudwatch/dashboard:Dashboard": Source("AWS::CloudWatch::Dashboard"),
    "aws:cloudwatch/logAnomalyDetector:LogAnomalyDetector": Source("AWS::Logs::LogAnomalyDetector"),
    "aws:cloudwatch/logGroup:LogGroup": Source("AWS::Logs::LogGroup"),
    "aws:cloudwatch/queryDefinition:QueryDefinition": Source("AWS::Logs::QueryDefinition"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Source(
        "AWS::CloudWatch::Alarm",
        {
            "metricQueries": "Metrics",
            "Metrics.*.metric": "Metrics.*.MetricStat",
            **{
                f"Metrics.*.MetricStat.{name}": f"Metrics.*.MetricStat.Metric.{name[0].upper()}{name[1:]}"
                for name in ("metricName", "namespace", "dimensions")
            },
        },
    ),
    "aws:dynamodb/table:Table": Source(
        "AWS::DynamoDB::Table",
        {
            "attributes": "AttributeDefinitions",
            "AttributeDefinitions.*.name": "AttributeDefinitions.*.AttributeName",
            "AttributeDefinitions.*.type": "AttributeDefinitions.*.AttributeType",
            "importTable": "ImportSourceSpecification",
            "globalSecondaryIndexes.*.name": "GlobalSecondaryIndexes.*.IndexName",
            **{
                f"GlobalSecondaryIndexes.*.{name}": f"GlobalSecondaryIndexes.*.Projection.{name[0].upper()}{name[1:]}"
                for name in ("projectionType", "nonKeyAttributes")
            },
            **{
                f"GlobalSecondaryIndexes.*.{name}Capacity": (
                    f"GlobalSecondaryIndexes.*.ProvisionedThroughput.{name.capitalize()}CapacityUnits"
                )
                for name in ("read", "write")
            },
        },
    ),
    "aws:ec2/eip:Eip": Source("AWS::EC2::EIP", {"instance": "InstanceId"}),
    "aws:ec2/internetGateway:InternetGateway": Source("AWS::EC2::InternetGateway"),
    "aws:ec2/natGateway:NatGateway": Source("AWS::EC2::NatGateway", {"privateIp": "PrivateIpAddress"}),
    "aws:ec2/route:Route": Source("AWS::EC2::Route", {"egressOnlyGatewayId": "EgressOnlyInternetGatewayId"}),
    "aws:ec2/routeTable:RouteTable": Source("AWS::EC2::RouteTable"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Source(
        "AWS::EC2::SubnetRouteTableAssociation",
        in_place={"RouteTableId": "the provider moves an association to another table in place"},
    ),
    "aws:ec2/securityGroup:SecurityGroup": Source("AWS::EC2::SecurityGroup", {"description": "GroupDescription"}),
    "aws:ec2/subnet:Subnet": Source("AWS::EC2::Subnet"),
    "aws:ec2/vpc:Vpc": Source("AWS::EC2::VPC"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Source(
        "AWS::EC2::VPCEndpoint",
        in_place=dict.fromkeys(
            ("DnsOptions.PrivateDnsPreference", "DnsOptions.PrivateDnsSpecifiedDomains"),
            "the provider changes it in place",
        ),
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Source("", reason="CloudFormation writes it into the repository"),
    "aws:ecr/repository:Repository": Source("AWS::ECR::Repository", {"name": "RepositoryName"}),
    "aws:ecs/cluster:Cluster": Source("AWS::ECS::Cluster", {"name": "ClusterName", "settings": "ClusterSettings"}),
    "aws:ecs/service:Service": Source("AWS::ECS::Service", {"name": "ServiceName"}),
    "aws:ecs/taskDefinition:TaskDefinition": Source("AWS::ECS::TaskDefinition"),
    "aws:elasticache/serverlessCache:ServerlessCache": Source(
        "AWS::ElastiCache::ServerlessCache", {"name": "ServerlessCacheName"}
    ),
    "aws:elasticache/user:User": Source("AWS::ElastiCache::User"),
    "aws:elasticache/userGroup:UserGroup": Source("AWS::ElastiCache::UserGroup"),
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": Source(
        "AWS::EC2::InstanceConnectEndpoint"
    ),
    "aws:iam/role:Role": Source("AWS::IAM::Role", {"assumeRolePolicy": "AssumeRolePolicyDocument"}),
    "aws:iam/rolePolicy:RolePolicy": Source("AWS::IAM::RolePolicy", {"name": "PolicyName", "role": "RoleName"}),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Source(
        "", reason="CloudFormation lists managed policies in the role"
    ),
    "aws:kms/alias:Alias": Source("AWS::KMS::Alias"),
    "aws:kms/key:Key": Source(
        "AWS::KMS::Key",
        {
            "customerMasterKeySpec": "KeySpec",
            "deletionWindowInDays": "PendingWindowInDays",
            "policy": "KeyPolicy",
            "isEnabled": "Enabled",
        },
    ),
    "aws:lambda/alias:Alias": Source("AWS::Lambda::Alias"),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Source("AWS::Lambda::EventSourceMapping", {"uuid": "Id"}),
    "aws:lambda/function:Function": Source(
        "AWS::Lambda::Function",
        {
            "s3Bucket": "Code.S3Bucket",
            "s3Key": "Code.S3Key",
            "s3ObjectVersion": "Code.S3ObjectVersion",
            "sourceKmsKeyArn": "Code.SourceKMSKeyArn",
            "fileSystemConfig": "FileSystemConfigs.*",
            "durableConfig.retentionPeriod": "DurableConfig.RetentionPeriodInDays",
        },
    ),
    "aws:lambda/permission:Permission": Source("AWS::Lambda::Permission", {"function": "FunctionName"}),
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": Source(
        "", reason="CloudFormation writes it into the alias or version"
    ),
    "aws:lb/listener:Listener": Source("AWS::ElasticLoadBalancingV2::Listener"),
    "aws:lb/listenerRule:ListenerRule": Source("AWS::ElasticLoadBalancingV2::ListenerRule"),
    "aws:lb/loadBalancer:LoadBalancer": Source(
        "AWS::ElasticLoadBalancingV2::LoadBalancer", {"loadBalancerType": "Type"}
    ),
    "aws:lb/targetGroupAttachment:TargetGroupAttachment": Source(
        "", reason="CloudFormation lists targets in the group"
    ),
    "aws:lb/targetGroup:TargetGroup": Source("AWS::ElasticLoadBalancingV2::TargetGroup"),
    "aws:rds/instance:Instance": Source(
        "AWS::RDS::DBInstance",
        {
            "identifier": "DBInstanceIdentifier",
            "instanceClass": "DBInstanceClass",
            "username": "MasterUsername",
            "password": "MasterUserPassword",
            "backupRetentionPeriod": "BackupRetentionPeriod",
            "backupWindow": "PreferredBackupWindow",
            "caCertIdentifier": "CACertificateIdentifier",
            "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
            "maintenanceWindow": "PreferredMaintenanceWindow",
            "parameterGroupName": "DBParameterGroupName",
            "performanceInsightsEnabled": "EnablePerformanceInsights",
            "snapshotIdentifier": "DBSnapshotIdentifier",
            "replicateSourceDb": "SourceDBInstanceIdentifier",
            "vpcSecurityGroupIds": "VPCSecurityGroups",
            "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
        },
    ),
    "aws:rds/subnetGroup:SubnetGroup": Source(
        "AWS::RDS::DBSubnetGroup", {"name": "DBSubnetGroupName", "description": "DBSubnetGroupDescription"}
    ),
    "aws:networkfirewall/firewall:Firewall": Source("AWS::NetworkFirewall::Firewall"),
    "aws:networkfirewall/firewallPolicy:FirewallPolicy": Source("AWS::NetworkFirewall::FirewallPolicy"),
    "aws:networkfirewall/ruleGroup:RuleGroup": Source("AWS::NetworkFirewall::RuleGroup"),
    "aws:s3/bucket:Bucket": Source("AWS::S3::Bucket", {"bucket": "BucketName"}),
    "aws:s3/bucketObjectv2:BucketObjectv2": Source("", reason="CloudFormation writes no objects"),
    "aws:s3/bucketPolicy:BucketPolicy": Source("AWS::S3::BucketPolicy", {"policy": "PolicyDocument"}),
    "aws:route53/record:Record": Source(
        "AWS::Route53::RecordSet", {"zoneId": "HostedZoneId", "records": "ResourceRecords", "aliases": "AliasTarget"}
    ),
    "aws:route53/zone:Zone": Source("AWS::Route53::HostedZone", {"zoneId": "Id"}),
    **{
        f"aws:s3/bucket{name}:Bucket{name}": Source("", reason="CloudFormation writes it into the bucket")
        for name in ("LifecycleConfiguration", "PublicAccessBlock", "ServerSideEncryptionConfiguration", "Versioning")
    },
    "aws:scheduler/schedule:Schedule": Source("AWS::Scheduler::Schedule"),
    "aws:secretsmanager/secret:Secret": Source("AWS::SecretsManager::Secret", {"arn": "Id"}),
    "aws:secretsmanager/secretVersion:SecretVersion": Source(
        "", reason="CloudFormation writes the value into the secret"
    ),
    "aws:servicediscovery/instance:Instance": Source("AWS::ServiceDiscovery::Instance"),
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": Source(
        "AWS::ServiceDiscovery::PrivateDnsNamespace"
    ),
    "aws:servicediscovery/service:Service": Source("AWS::ServiceDiscovery::Service"),
    "aws:sfn/stateMachine:StateMachine": Source(
        "AWS::StepFunctions::StateMachine",
        {"definition": "DefinitionString", "name": "StateMachineName", "type": "StateMachineType"},
    ),
    "aws:shield/protection:Protection": Source("AWS::Shield::Protection"),
    "aws:shield/subscription:Subscription": Source("", reason="CloudFormation subscribes to nothing"),
    "aws:sns/topic:Topic": Source("AWS::SNS::Topic", {"arn": "TopicArn"}),
    "aws:sns/topicSubscription:TopicSubscription": Source("AWS::SNS::Subscription", {"topic": "TopicArn"}),
    "aws:sqs/queue:Queue": Source(
        "AWS::SQS::Queue",
        {
            "url": "QueueUrl",
            "maxMessageSize": "MaximumMessageSize",
            "messageRetentionSeconds": "MessageRetentionPeriod",
            "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
            "visibilityTimeoutSeconds": "VisibilityTimeout",
        },
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Source("AWS::SQS::QueuePolicy"),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": Source("", reason="CloudFormation has it in the queue"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _rule("AWS::EC2::SecurityGroupEgress", "Destination"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _rule("AWS::EC2::SecurityGroupIngress", "Source"),
    "aws:wafv2/webAcl:WebAcl": Source("AWS::WAFv2::WebACL", {"arn": "Arn"}),
    "aws:xray/group:Group": Source("AWS::XRay::Group"),
    "aws:xray/samplingRule:SamplingRule": Source(
        "AWS::XRay::SamplingRule",
        {
            name: f"SamplingRule.{published}"
            for name, published in {
                "attributes": "Attributes",
                "fixedRate": "FixedRate",
                "host": "Host",
                "httpMethod": "HTTPMethod",
                "priority": "Priority",
                "reservoirSize": "ReservoirSize",
                "resourceArn": "ResourceARN",
                "ruleName": "RuleName",
                "serviceName": "ServiceName",
                "serviceType": "ServiceType",
                "urlPath": "URLPath",
                "version": "Version",
            }.items()
        },
    ),
}
