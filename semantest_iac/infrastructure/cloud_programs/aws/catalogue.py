"""AWS as a table: which function creates which neutral kind."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from semantest_iac.domain.blueprints import capabilities
from semantest_iac.domain.compute.containers import ContainerEnvironment, ContainerService, ImageRegistry
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.compute.triggers import MessageTrigger, RequestTrigger, ScheduleTrigger
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.messaging.queues import MessageBroker, MessageQueue, MessageTopic, TopicSubscription
from semantest_iac.domain.monitoring import observability
from semantest_iac.domain.monitoring.logs_and_alarms import Alarm, GatewayLogging, LogStore
from semantest_iac.domain.networking.access_rules import AccessRules
from semantest_iac.domain.networking.apis import HttpApi, WebSocketAddress, WebSocketEndpoint
from semantest_iac.domain.networking.custom_domains import CustomDomain, DnsZone
from semantest_iac.domain.networking.managed_gateways import ManagedGateway
from semantest_iac.domain.networking.networks import ExistingNetwork, LoadBalancer, PrivateNetwork
from semantest_iac.domain.networking.private_endpoints import PrivateEndpoint
from semantest_iac.domain.networking.sites import ContentDelivery, StaticSite, WebFirewall
from semantest_iac.domain.networking.virtual_networks import (
    BastionHost,
    DdosProtectionPlan,
    NatGateway,
    NetworkFirewall,
    Subnet,
    VirtualNetwork,
)
from semantest_iac.domain.security.access import AppSecret, FunctionIdentity
from semantest_iac.domain.security.vaults import RoleAssignment, SecretVault, WorkloadIdentity
from semantest_iac.domain.storage.connection_table import ConnectionTable
from semantest_iac.domain.storage.data_pipelines import DataPipeline
from semantest_iac.domain.storage.databases import DocumentDatabase, RedisCache, SqlDatabase, SqlServer
from semantest_iac.domain.storage.item_tables import ItemTable
from semantest_iac.domain.storage.object_stores import ObjectStore
from semantest_iac.infrastructure.cloud_programs.aws.concurrency import lowers_reserve_below_provisioned
from semantest_iac.infrastructure.cloud_programs.cloud import Cloud, lazy_function
from semantest_iac.infrastructure.cloud_programs.exposures import (
    Exposure,
    has_open_policy,
    has_value,
    lacks_any,
    opens_group_port,
)
from semantest_iac.infrastructure.cloud_programs.reversibility import LossyChange

if TYPE_CHECKING:
    import pulumi

    from semantest_iac.infrastructure.cloud_programs.context import ProgramContext

_SDK: Final = "pulumi_aws"
_function = partial(lazy_function, __package__, _SDK)


def create_provider(context: ProgramContext) -> pulumi.ProviderResource:
    """Create the provider of the stack's own region, whatever the shell's default region is."""
    import pulumi_aws as aws

    created: pulumi.ProviderResource = aws.Provider("aws", region=context.stack.region)
    return created


CLOUD = Cloud(
    name="aws",
    kinds={
        AccessRules: _function("platform.virtual_networks:create_access_rules", "ec2", "vpc"),
        Alarm: _function("monitoring:create_alarm", "cloudwatch"),
        AppSecret: _function("security:create_app_secret", "secretsmanager"),
        BastionHost: _function("platform.network_protection:create_bastion_host", "ec2transitgateway"),
        ContentDelivery: _function("sites.deliveries:create_content_delivery", "acm", "cloudfront", "route53", "s3"),
        ConnectionTable: _function("storage:create_connection_table", "dynamodb"),
        observability.AnomalyAlarm: _function("platform.observability:create_anomaly_alarm", "cloudwatch"),
        observability.Dashboard: _function("platform.observability:create_dashboard", "cloudwatch"),
        ContainerEnvironment: _function(
            "platform.containers.container_environments:create_container_environment",
            "ec2",
            "ecs",
            "servicediscovery",
            "vpc",
        ),
        ContainerService: _function(
            "platform.containers.container_services:create_container_service",
            *("appautoscaling", "cloudwatch", "ecs", "iam", "lb", "servicediscovery"),
        ),
        DataPipeline: _function("platform.data_pipelines:create_data_pipeline", "iam", "scheduler", "sfn"),
        DdosProtectionPlan: _function("platform.network_protection:create_ddos_protection_plan", "shield"),
        observability.DiagnosticLogs: _function("platform.observability:skip_diagnostic_logs"),
        CustomDomain: _function("sites.api_domains:create_custom_domain", "acm", "apigatewayv2", "route53"),
        DnsZone: _function("sites.domains:create_dns_zone", "route53"),
        DocumentDatabase: _function("platform.databases:create_document_database", "dynamodb", "iam"),
        ExistingNetwork: _function("private_networks:use_existing_network"),
        FunctionIdentity: _function("security:create_function_identity", "iam"),
        GatewayLogging: _function("foundation:create_gateway_logging", "apigateway", "iam"),
        HttpApi: _function("http_apis:create_http_api", "apigatewayv2", "lambda_"),
        ImageRegistry: _function("platform.containers.container_environments:create_image_registry", "ecr"),
        ItemTable: _function("storage:create_item_table", "dynamodb"),
        LiveVersion: _function("compute:create_live_version", "lambda_"),
        LoadBalancer: _function("platform.containers.load_balancers:create_load_balancer", "lb"),
        LogStore: _function("monitoring:create_log_store", "cloudwatch"),
        observability.LogWorkspace: _function("platform.observability:create_log_workspace", "cloudwatch"),
        ManagedGateway: _function(
            "platform.managed_gateways:create_managed_gateway", "apigateway", "cloudwatch", "iam", "lambda_", "lb"
        ),
        MessageBroker: _function("platform.messaging:use_account_as_broker"),
        MessageQueue: _function("platform.messaging:create_message_queue", "sqs"),
        MessageTopic: _function("platform.messaging:create_message_topic", "sns"),
        MessageTrigger: _function("platform.triggers:create_message_trigger", "lambda_"),
        NatGateway: _function("platform.virtual_networks:create_nat_gateway", "ec2", "shield"),
        NetworkFirewall: _function("platform.network_protection:create_network_firewall", "ec2", "networkfirewall"),
        NotificationChannel: _function("monitoring:create_notification_channel", "sns"),
        ObjectStore: _function("platform.object_stores:create_object_store", "iam", "s3"),
        observability.PlatformAlarm: _function("platform.observability:create_platform_alarm", "cloudwatch"),
        PrivateEndpoint: _function("platform.private_endpoints:create_private_endpoint", "ec2"),
        PrivateNetwork: _function("private_networks:create_private_network", "ec2", "vpc"),
        RedisCache: _function("platform.databases:create_redis_cache", "elasticache", "iam"),
        RequestTrigger: _function("platform.triggers:use_alias_for_calls"),
        RoleAssignment: _function("platform.security:assign_right", "iam"),
        observability.SavedQuery: _function("platform.observability:create_saved_query", "cloudwatch"),
        ScheduleTrigger: _function("platform.triggers:create_schedule_trigger", "iam", "scheduler"),
        SecretVault: _function("platform.security:create_secret_vault", "kms"),
        ServerlessFunction: _function("compute:create_function", "lambda_"),
        SqlDatabase: _function("platform.databases:use_server_for_database"),
        SqlServer: _function("platform.databases:create_sql_server", "iam", "rds"),
        StaticSite: _function("sites.static_sites:create_static_site", "s3"),
        Subnet: _function("platform.virtual_networks:create_subnet", "ec2"),
        TopicSubscription: _function("platform.messaging:create_topic_subscription", "sns", "sqs"),
        observability.TraceStore: _function("platform.observability:create_trace_store", "xray"),
        VirtualNetwork: _function("platform.virtual_networks:create_virtual_network", "ec2"),
        WebFirewall: _function("sites.firewalls:create_web_firewall", "wafv2"),
        WebSocketAddress: _function("web_sockets:create_web_socket_address", "apigatewayv2"),
        WebSocketEndpoint: _function("web_sockets:create_web_socket_endpoint", "apigatewayv2", "lambda_"),
        WorkloadIdentity: _function("platform.security:create_workload_identity", "iam"),
    },
    create_provider=create_provider,
    sdk_module=_SDK,
    lowers_limits_last=lowers_reserve_below_provisioned,
    stateful={
        "aws:cloudwatch/logGroup:LogGroup": "its log records",
        "aws:dynamodb/table:Table": "its items",
        "aws:ecr/repository:Repository": "its images",
        "aws:elasticache/serverlessCache:ServerlessCache": "what is cached",
        "aws:kms/key:Key": "the secrets that are encrypted with it",
        "aws:rds/instance:Instance": "its databases",
        "aws:route53/zone:Zone": "the records that others added to it",
        "aws:s3/bucket:Bucket": "its objects",
        "aws:secretsmanager/secret:Secret": "the value of the secret",
        "aws:sqs/queue:Queue": "its messages",
    },
    lossy={
        # Source: the developer guides of API Gateway (the id of an API is part of its address) and of SNS (an address
        # confirms each new subscription), CloudWatch Logs' PutRetentionPolicy, IAM's user guide on unique ids
        # (a policy elsewhere that named the role names what is gone), Lambda's on versions (they go with the function)
        # and on provisioned concurrency, VPC's on endpoints and security groups.
        "aws:apigatewayv2/api:Api": (LossyChange("gets another id, and with it another address"),),
        "aws:apigatewayv2/domainName:DomainName": (
            LossyChange("gets another target, which records that a person has set must name"),
        ),
        "aws:apigateway/apiKey:ApiKey": (LossyChange("gets another value, which every client of it needs"),),
        "aws:apigateway/restApi:RestApi": (LossyChange("gets another id, and with it another address"),),
        "aws:apigateway/usagePlan:UsagePlan": (LossyChange("counts the calls of its quotas from the beginning"),),
        "aws:apigateway/vpcLink:VpcLink": (LossyChange("services are not reached until it is there again"),),
        "aws:acm/certificate:Certificate": (LossyChange("is issued anew, which takes minutes"),),
        "aws:cloudfront/distribution:Distribution": (
            LossyChange("gets another address under cloudfront.net, and its caches are empty"),
        ),
        "aws:cloudwatch/logGroup:LogGroup": (
            LossyChange("records older than the shorter retention are gone", lowered="retentionInDays"),
        ),
        "aws:ec2/eip:Eip": (LossyChange("gets another address, which others may have to let in"),),
        "aws:ec2/internetGateway:InternetGateway": (LossyChange("gets another id"),),
        "aws:ec2/natGateway:NatGateway": (LossyChange("gets another id, and its open connections are closed"),),
        "aws:ec2/securityGroup:SecurityGroup": (LossyChange("gets another id, which rules elsewhere do not name"),),
        "aws:ec2/subnet:Subnet": (LossyChange("gets another id"),),
        "aws:ec2/vpc:Vpc": (LossyChange("gets another id, which peers and routes elsewhere do not name"),),
        "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": (
            LossyChange("gets another address, and open sessions are closed"),
        ),
        "aws:networkfirewall/firewall:Firewall": (LossyChange("traffic has no way out until it is there again"),),
        "aws:ec2/vpcEndpoint:VpcEndpoint": (LossyChange("gets another id and other addresses"),),
        "aws:ecs/service:Service": (LossyChange("its instances are stopped, and others started"),),
        "aws:elasticache/user:User": (LossyChange("logins that are open end"),),
        "aws:iam/role:Role": (LossyChange("gets another unique id, which policies elsewhere do not name"),),
        "aws:lambda/function:Function": (LossyChange("its published versions are gone; the code is published anew"),),
        "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": (
            LossyChange("its warm instances are started anew, which takes minutes"),
        ),
        "aws:lb/loadBalancer:LoadBalancer": (LossyChange("gets another address"),),
        "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": (
            LossyChange("gets another hosted zone, which other networks may have joined"),
        ),
        "aws:sfn/stateMachine:StateMachine": (LossyChange("its runs are forgotten"),),
        "aws:sns/topic:Topic": (LossyChange("subscriptions that were added outside of this tool are gone"),),
        "aws:sns/topicSubscription:TopicSubscription": (
            LossyChange("an e-mail address must confirm its subscription again"),
        ),
    },
    exposing={  # source: the properties' descriptions in Pulumi's SDK, and AWS's pages on blocking public access
        **dict.fromkeys(
            (
                "aws:ecr/repositoryPolicy:RepositoryPolicy",
                "aws:kms/key:Key",
                "aws:s3/bucketPolicy:BucketPolicy",
                "aws:secretsmanager/secretPolicy:SecretPolicy",
                "aws:sns/topicPolicy:TopicPolicy",
                "aws:sqs/queuePolicy:QueuePolicy",
            ),
            (Exposure(has_open_policy, "its policy admits everybody"),),
        ),
        "aws:lambda/functionUrl:FunctionUrl": [
            Exposure(has_value("authorizationType", "NONE"), "everybody may call the function")
        ],
        "aws:lambda/permission:Permission": [Exposure(has_value("principal", "*"), "everybody may call the function")],
        "aws:lb/loadBalancer:LoadBalancer": [Exposure(lacks_any("internal"), "it has public addresses")],
        "aws:rds/instance:Instance": [Exposure(has_value("publiclyAccessible", True), "it has a public address")],
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": [
            Exposure(
                lacks_any("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"),
                "its bucket can be opened to anybody",
            )
        ],
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": [
            Exposure(opens_group_port, "everybody may connect to other ports than 80 and 443")
        ],
    },
    unsupported={
        capabilities.REMOVED_REQUEST_HEADERS: "API Gateway passes the headers of a request on, and can only set some",
        capabilities.ANSWER_HEADERS: "API Gateway passes answers on as they are; the service sets their headers",
        capabilities.DAPR_SIDECARS: "it has no managed Dapr; services find each other by name and use queues directly",
        capabilities.PUBLIC_SERVICE: "its address would have no certificate without a domain; let the gateway call it",
        capabilities.DOMAIN_ELSEWHERE: "CloudFront takes a certificate only once the domain's records confirm it; name "
        "a dns_zone",
    },
    partial={
        AccessRules: "to services of AWS by HTTPS to every address: they have no group of addresses",
        capabilities.CLIENT_ACCESS_TOKENS: "not needed: clients send their own token to API Gateway",
        DdosProtectionPlan: "Shield Standard, which every account has, unless a year of Shield Advanced is agreed to",
        PrivateEndpoint: "of a whole service; databases and caches lie in the network themselves",
        capabilities.API_RATE: "as a bucket that is refilled all the time, for each method of each path by itself",
        capabilities.BROWSER_ORIGINS: (
            "preflights are answered; the answers of services need Access-Control-Allow-Origin from the service itself"
        ),
        capabilities.GATEWAY_LOG: "by metrics and traces: API Gateway logs through a role of the whole account",
        capabilities.PRIVATE_BROKER: "every call is signed; networks reach queues by their own endpoints",
        capabilities.PRIVATE_DOCUMENTS: "every request is signed; networks reach documents by an endpoint of their own",
        capabilities.PRIVATE_PIPELINE: "every request is signed, from wherever it comes",
        capabilities.PRIVATE_TABLES: "every request is signed; networks reach tables by an endpoint of their own",
        capabilities.PRIVATE_OBJECTS: "every request is signed; networks reach buckets by an endpoint of their own",
        capabilities.ENVIRONMENT_IN_EVERY_ZONE: "always: instances are spread over the zones of their subnets",
        capabilities.PRIVATE_IMAGES: "every request is signed; networks reach images by endpoints of their own",
        capabilities.SCALE_TO_ZERO: "of services that scale on queues alone; of others one instance stays",
        capabilities.TRAFFIC_SHARE: "not with warm instances, which an alias with weights cannot have",
        SqlDatabase: "created with SQL by the administrator: there is no API for the databases of an instance",
        capabilities.SECOND_ZONE: "not with the edition of the basic tier",
        observability.DiagnosticLogs: (
            "not needed: services write metrics to CloudWatch, and calls to CloudTrail, by themselves"
        ),
        capabilities.UNCACHED_DELIVERY: "by CloudFront too, without its caches: a bucket of its own answers nobody "
        "by HTTPS",
        capabilities.VAULT_RECOVERY: "7 to 30 days",
        capabilities.PURGE_PROTECTION: "always on: nobody can delete a key before its time",
        capabilities.PRIVATE_VAULT: "by endpoints in the network: Secrets Manager and KMS have no switch of their own",
        capabilities.LOG_QUOTA: "by an alarm of the volume: CloudWatch takes logs without a limit",
    },
)
