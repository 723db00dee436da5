"""Azure as tables: which function creates which neutral kind, and what Azure supports not at all or only in part."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from semantest_iac.domain.blueprints import capabilities
from semantest_iac.domain.blueprints.capabilities import Capability
from semantest_iac.domain.compute.containers import ContainerEnvironment, ContainerService, ImageRegistry
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.compute.triggers import MessageTrigger, RequestTrigger, ScheduleTrigger
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.deployment.change_plan import PlannedChange
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
from semantest_iac.infrastructure.cloud_programs.azure.publishing import FUNCTION_APP_PUBLISHING
from semantest_iac.infrastructure.cloud_programs.azure.shared_apps import share_app
from semantest_iac.infrastructure.cloud_programs.azure.sites.publishing import STATIC_SITE_PUBLISHING
from semantest_iac.infrastructure.cloud_programs.cloud import Cloud, lazy_function
from semantest_iac.infrastructure.cloud_programs.exposures import (
    Exposure,
    has_value,
    opens_address_range,
    opens_subnet_port,
)
from semantest_iac.infrastructure.cloud_programs.fixed_properties import FixedProperty
from semantest_iac.infrastructure.cloud_programs.reversibility import LossyChange

if TYPE_CHECKING:
    import pulumi

    from semantest_iac.infrastructure.cloud_programs.context import ProgramContext


_ONE_SUBNET = "a function app is placed in one subnet"
_BY_GATEWAY = "by API Management, which development does not use"

UNSUPPORTED: Mapping[Capability, str] = {
    GatewayLogging: "not needed: each gateway has its own diagnostic setting",
    CustomDomain: (  # source: Azure's pages on Flex Consumption, and on domains of API Management and of Web PubSub
        "function apps on Flex Consumption take no certificates, API Management makes none for a new service and in "
        "its v2 tiers, and Web PubSub takes domains in its Premium tier alone"
    ),
    capabilities.PRIVATE_PIPELINE: "its way into the network is an endpoint that a person has to approve",
    capabilities.SEVERAL_SUBNETS: f"{_ONE_SUBNET}, which spans all zones",
    capabilities.SECURITY_GROUPS: f"{_ONE_SUBNET}, and the security group is that of the subnet",
    capabilities.MAXIMUM_CALLS: "the host limits calls for a whole app and by instance only",
    capabilities.LONG_LOG_RETENTION: "Log Analytics keeps logs for 730 days at most",
}
PARTIAL: Mapping[Capability, str] = {
    capabilities.MEMORY_SIZE: "the next of 512, 2048 and 4096 MB",
    capabilities.TRACING: "always on: Application Insights records every request",
    capabilities.HTTP_ROUTES: f"{_BY_GATEWAY}: there the app receives every path",
    capabilities.SEVERAL_FUNCTIONS: "in one app, whose runtime, memory, timeout, variables, rights, "
    "logs and alarms they share",
    capabilities.HTTP_THROTTLING: f"{_BY_GATEWAY}; one limit over the duration of a burst, "
    "documented for calls with a subscription key only",
    capabilities.TRAFFIC_SHARE: f"{_BY_GATEWAY}, and with a second app while versions share it",
    capabilities.CORS: "by origins only in development, for every method and header",
    capabilities.HTTP_ACCESS_LOG: f"{_BY_GATEWAY}: there the function's telemetry records every request",
    capabilities.WEB_SOCKET_ACCESS_LOG: "always on: the function's workspace records every connection and message",
    capabilities.LOG_RETENTION: "at least 30 days",
    capabilities.SECOND_ZONE: "by backups in a second region; the premium tier spans zones",
    capabilities.FINAL_SNAPSHOT: "not: backups go with the server",
    capabilities.DOCUMENT_BACKUPS: "7 or 30 days",
    capabilities.TABLE_BACKUPS: "none: a storage account has no backups of tables",
    LoadBalancer: "the ingress of the environment, which is no resource of its own",
    capabilities.PRIVATE_IMAGES: "on the Premium tier only, which is chosen for it",
    capabilities.ENVIRONMENT_IN_EVERY_ZONE: "in a network only",
    capabilities.PRIVATE_BROKER: "on the Premium tier only, which is chosen for it",
    capabilities.NAT_IN_EVERY_ZONE: "one without a zone: Azure has none that spans zones",
    capabilities.LONG_LOCK: "5 minutes, which the host renews while a function runs",
    capabilities.LONG_SUBSCRIPTION_LOCK: "5 minutes, which the host renews while a function runs",
    capabilities.MESSAGE_BATCH: "one message for each call: the host settles a batch only as a whole",
    capabilities.NAMED_CALLERS: "by the identity of the app, which all of its functions have",
    capabilities.SCHEDULE_TIME_ZONE: "by the package: the host wakes it at every time in UTC that may be meant",
    capabilities.DATABASE_RIGHT: "in the database itself, where its administrator creates a user for the identity: "
    "Azure has no role for it",
    StaticSite: "in the nearest of the five regions that have Static Web Apps; its files are answered from everywhere",
    capabilities.SEVERAL_GEOGRAPHIES: "all: Front Door delivers from every one of its places",
    capabilities.GATEWAY_QUOTA: "from the creation of a subscription on; a month has 30 days",
    capabilities.VAULT_RECOVERY: "at least 7 days",
    capabilities.SECRET_RECOVERY: "at least 7 days, and the same for all secrets of a stack",
}

_SDK: Final = "pulumi_azure_native"
_function = partial(lazy_function, __package__, _SDK)


def create_provider(context: ProgramContext) -> pulumi.ProviderResource:
    """Create the provider of the stack's own region; the login determines the subscription."""
    import pulumi_azure_native as azure

    created: pulumi.ProviderResource = azure.Provider("azure", location=context.stack.region)
    return created


def drop_api_version_aliases(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """Drop the aliases of all API versions, which the SDK gives every resource, and keep the names of earlier programs.

    Computing them takes longer than everything else in a program.
    """
    import pulumi

    own = [
        alias for alias in args.opts.aliases or () if isinstance(alias, pulumi.Alias) and isinstance(alias.name, str)
    ]
    args.opts.aliases = own or None
    return pulumi.ResourceTransformationResult(args.props, args.opts)


_BACKEND_OF_POLICY = re.compile(r'(?<=<set-backend-service backend-id=")[^"]*(?=")')


def _moves_traffic(change: PlannedChange) -> bool:
    """Whether a change of the gateway's policy does nothing but name another backend."""
    if change.type != "azure-native:apimanagement:ApiPolicy" or change.op != "update":
        return False
    return all(
        it.path == "value" and _BACKEND_OF_POLICY.sub("", str(it.old)) == _BACKEND_OF_POLICY.sub("", str(it.new))
        for it in change.properties
    )


_OTHER_PRINCIPAL = "gets another principal id, which roles given elsewhere do not name"

CLOUD = Cloud(
    name="azure",
    kinds={
        AccessRules: _function("platform.virtual_networks:create_access_rules", "network"),
        Alarm: _function("monitoring:create_alarm", "monitor"),
        AppSecret: _function("security:create_app_secret", "keyvault"),
        BastionHost: _function("platform.network_protection:create_bastion_host", "network"),
        ContentDelivery: _function("sites.deliveries:create_content_delivery", "cdn", "dns"),
        ConnectionTable: _function("storage:create_connection_table", "storage"),
        ContainerEnvironment: _function(
            "platform.containers.container_environments:create_container_environment", "app", "monitor", "privatedns"
        ),
        ContainerService: _function(
            "platform.containers.container_services:create_container_service", "app", "authorization"
        ),
        DataPipeline: _function(
            "platform.data_pipelines:create_data_pipeline", "authorization", "datafactory", "logic"
        ),
        DdosProtectionPlan: _function("platform.network_protection:create_ddos_protection_plan", "network"),
        observability.AnomalyAlarm: _function("platform.observability:create_anomaly_alarm", "monitor"),
        observability.Dashboard: _function("platform.observability:create_dashboard", "applicationinsights"),
        observability.SavedQuery: _function("platform.observability:create_saved_query", "operationalinsights"),
        observability.DiagnosticLogs: _function("platform.observability:create_diagnostic_logs", "monitor"),
        DnsZone: _function("sites.domains:create_dns_zone", "dns"),
        DocumentDatabase: _function("platform.databases:create_document_database", "cosmosdb"),
        ExistingNetwork: _function("private_networks:use_existing_network"),
        FunctionIdentity: _function("security:create_function_identity", "authorization", "managedidentity", "monitor"),
        HttpApi: _function("http_apis:create_http_api", "apimanagement", "monitor"),
        ImageRegistry: _function(
            "platform.containers.container_environments:create_image_registry", "containerregistry"
        ),
        ItemTable: _function("storage:create_item_table", "storage"),
        LoadBalancer: _function("platform.containers.container_environments:use_ingress", "app"),
        LiveVersion: _function("compute:use_app_as_live_version"),
        LogStore: _function("monitoring:create_log_store", "applicationinsights", "operationalinsights"),
        ManagedGateway: _function("platform.managed_gateways:create_managed_gateway", "apimanagement", "keyvault"),
        MessageBroker: _function("platform.messaging:create_message_broker", "servicebus"),
        MessageQueue: _function("platform.messaging:create_message_queue", "servicebus"),
        MessageTopic: _function("platform.messaging:create_message_topic", "servicebus"),
        MessageTrigger: _function("platform.triggers:use_app_as_trigger"),
        NatGateway: _function("platform.virtual_networks:create_nat_gateway", "network"),
        NetworkFirewall: _function("platform.network_protection:create_network_firewall", "network"),
        NotificationChannel: _function("monitoring:create_notification_channel", "monitor"),
        ObjectStore: _function("platform.object_stores:create_object_store", "authorization", "storage"),
        PrivateEndpoint: _function("platform.private_endpoints:create_private_endpoint", "network", "privatedns"),
        observability.LogWorkspace: _function("platform.observability:create_log_workspace", "operationalinsights"),
        observability.PlatformAlarm: _function("platform.observability:create_platform_alarm", "monitor"),
        PrivateNetwork: _function("private_networks:create_private_network", "network"),
        RequestTrigger: _function("platform.triggers:use_app_as_trigger"),
        ScheduleTrigger: _function("platform.triggers:use_app_as_trigger"),
        ServerlessFunction: _function("compute:create_function", "storage", "web"),
        StaticSite: _function("sites.static_sites:create_static_site", "cdn", "storage", "web"),
        SqlDatabase: _function("platform.databases:create_sql_database", "sql"),
        SqlServer: _function("platform.databases:create_sql_server", "sql"),
        TopicSubscription: _function("platform.messaging:create_topic_subscription", "servicebus"),
        Subnet: _function("platform.virtual_networks:create_subnet", "network"),
        VirtualNetwork: _function("platform.virtual_networks:create_virtual_network", "network"),
        RedisCache: _function("platform.databases:create_redis_cache", "redisenterprise"),
        RoleAssignment: _function("platform.security:assign_right", "authorization"),
        SecretVault: _function("platform.security:create_secret_vault", "keyvault"),
        observability.TraceStore: _function("platform.observability:create_trace_store", "applicationinsights"),
        WebFirewall: _function("sites.firewalls:create_web_firewall", "frontdoor"),
        WebSocketAddress: _function("web_sockets:create_web_socket_address", "webpubsub"),
        WebSocketEndpoint: _function("web_sockets:create_web_socket_endpoint", "monitor", "webpubsub"),
        WorkloadIdentity: _function("platform.security:create_workload_identity", "managedidentity"),
    },
    create_provider=create_provider,
    sdk_module=_SDK,
    stateful={
        "azure-native:containerregistry:Registry": "its images",
        "azure-native:cosmosdb:DatabaseAccount": "its documents",
        "azure-native:cosmosdb:SqlResourceSqlContainer": "its documents",
        "azure-native:cosmosdb:SqlResourceSqlDatabase": "the documents of its containers",
        "azure-native:redisenterprise:Database": "what is cached",
        "azure-native:redisenterprise:RedisEnterprise": "what is cached",
        "azure-native:sql:Database": "its tables",
        "azure-native:dns:Zone": "the records that others added to it",
        "azure-native:sql:Server": "its databases",
        "azure-native:operationalinsights:Workspace": "its log records",
        "azure-native:keyvault:Vault": "the values of its secrets",
        "azure-native:servicebus:Namespace": "the messages of its queues and topics",
        "azure-native:servicebus:Queue": "its messages",
        "azure-native:servicebus:Subscription": "its messages",
        "azure-native:servicebus:Topic": "the messages of its subscriptions",
        # only stores of objects have these: containers of packages hold nothing that is not published again
        "azure-native:storage:BlobServiceProperties": "the blobs of its account",
        "azure-native:storage:Table": "its entities",
    },
    kept={"azure-native:resources:ResourceGroup": "what stays in it"},
    fixed={
        "azure-native:apimanagement:ApiManagementService": (
            FixedProperty(  # source: the documentation of Terraform's azurerm_api_management
                "sku.name",
                "tiers.api_management",
                "a service cannot move between the classic and the v2 tiers",
                "Turn features.enable_api_management off, change the tier, deploy, and turn it on. "
                "Destroy a gateway that is a stack of its own, and deploy it again.",
                ("StandardV2", "PremiumV2"),
            ),
        ),
        "azure-native:keyvault:Vault": (
            FixedProperty(  # source: the documentation of Terraform's azurerm_key_vault
                "properties.softDeleteRetentionInDays",
                "security.soft_delete_days",
                "a vault keeps the days with which it was created",
            ),
        ),
    },
    lossy={
        # Source: Azure's documentation of API Management (subscription keys, and that creating a service takes long),
        # of managed identities (a new one has another principal id), of the keys of function apps, storage accounts
        # and Web PubSub, and of data retention in Log Analytics.
        "azure-native:apimanagement:ApiManagementService": (
            LossyChange("gets other keys and outbound addresses, and takes the time of a new one"),
        ),
        "azure-native:app:ContainerApp": (LossyChange("gets another address, and its requests end"),),
        "azure-native:app:ManagedEnvironment": (
            LossyChange("gets another domain and address, and with it every service in it"),
        ),
        "azure-native:apimanagement:Subscription": (LossyChange("gets other keys, which its clients do not have"),),
        "azure-native:applicationinsights:Component": (LossyChange("gets another instrumentation key"),),
        "azure-native:cdn:AFDCustomDomain": (LossyChange("gets another certificate, which takes minutes"),),
        "azure-native:cdn:AFDEndpoint": (LossyChange("gets another address, and its caches are empty"),),
        "azure-native:cdn:Profile": (LossyChange("gets another id, and its caches are empty"),),
        "azure-native:datafactory:Factory": (LossyChange(f"{_OTHER_PRINCIPAL}, and forgets its runs"),),
        "azure-native:logic:Workflow": (LossyChange(f"{_OTHER_PRINCIPAL}, and forgets its runs"),),
        "azure-native:managedidentity:UserAssignedIdentity": (LossyChange(_OTHER_PRINCIPAL),),
        "azure-native:network:AzureFirewall": (LossyChange("traffic has no way out until it is there again"),),
        "azure-native:network:BastionHost": (LossyChange("gets another address, and open sessions are closed"),),
        "azure-native:network:PrivateEndpoint": (LossyChange("gets another address in its subnet"),),
        "azure-native:network:PublicIPAddress": (LossyChange("gets another address, which others may have to let in"),),
        "azure-native:operationalinsights:Workspace": (
            LossyChange("after 30 days, records older than the shorter retention are gone", lowered="retentionInDays"),
        ),
        "azure-native:storage:StorageAccount": (LossyChange("gets other access keys"),),
        "azure-native:web:StaticSite": (LossyChange("gets another address; the files are published anew"),),
        "azure-native:web:WebApp": (LossyChange("gets other keys and outbound addresses; the code is published anew"),),
        "azure-native:webpubsub:WebPubSub": (
            LossyChange("gets other access keys, and its open connections are closed"),
        ),
    },
    exposing={  # source: the properties' descriptions in Pulumi's SDK
        "azure-native:containerregistry:Registry": [
            Exposure(has_value("anonymousPullEnabled", True), "anybody can pull its images")
        ],
        "azure-native:network:NetworkSecurityGroup": [
            Exposure(opens_subnet_port, "everybody may connect to other ports than 80 and 443")
        ],
        "azure-native:sql:FirewallRule": [Exposure(opens_address_range, "others than this network may connect")],
        "azure-native:storage:StorageAccount": [
            Exposure(has_value("allowBlobPublicAccess", True), "its containers can be opened to anybody")
        ],
        "azure-native:storage:BlobContainer": [
            Exposure(has_value("publicAccess", "Blob", "Container"), "anybody can read its blobs")
        ],
    },
    foundation=_function("foundation:create_foundation", "authorization", "resources"),
    adapt=share_app,
    publishing=FUNCTION_APP_PUBLISHING,
    published_beside=(STATIC_SITE_PUBLISHING,),
    unsupported=UNSUPPORTED,
    partial=PARTIAL,
    transformation=drop_api_version_aliases,
    moves_traffic=_moves_traffic,
)
