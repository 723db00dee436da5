"""Everything that a blueprint can require of a cloud, and the check of a cloud's capabilities against it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.components import CATCH_ALL_ENDPOINTS, HEALTH_ENDPOINT
from semantest_iac.domain.compute.containers import ContainerEnvironment, ContainerService, ImageRegistry
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.compute.triggers import UTC_ZONE, MessageTrigger, RequestTrigger, ScheduleTrigger
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.errors import Fault
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.messaging.queues import MessageBroker, MessageQueue, MessageTopic, TopicSubscription
from semantest_iac.domain.monitoring import observability
from semantest_iac.domain.monitoring.logs_and_alarms import Alarm, GatewayLogging, LogStore, Signal
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
from semantest_iac.domain.resource import Resource
from semantest_iac.domain.security.access import AppSecret, FunctionIdentity
from semantest_iac.domain.security.vaults import AccessRight, RoleAssignment, SecretVault, WorkloadIdentity
from semantest_iac.domain.storage.connection_table import ConnectionTable
from semantest_iac.domain.storage.data_pipelines import DataPipeline
from semantest_iac.domain.storage.databases import DocumentDatabase, RedisCache, SqlDatabase, SqlServer
from semantest_iac.domain.storage.item_tables import ItemTable
from semantest_iac.domain.storage.object_stores import ObjectStore

COMPONENT_KEY = "component"
TWO_YEARS_IN_DAYS = 731
SHORT_LOCK_S = 300  # the longest that every cloud has


@dataclass(frozen=True, slots=True)
class Feature:
    """An aspect of a kind that a cloud may not support; `is_required` tells whether a resource requires it.

    `key` is the configuration key that requests it, relative to the component unless it begins with a section.
    """

    kind: type[Resource]
    name: str
    key: str
    is_required: Callable[[Any], bool]


Capability = type[Resource] | Feature

RESOURCE_KINDS: Mapping[type[Resource], str] = {
    AccessRules: COMPONENT_KEY,
    Alarm: "monitoring.alerts",
    AppSecret: "environment",
    BastionHost: "network.bastion",
    ConnectionTable: COMPONENT_KEY,
    ContainerEnvironment: COMPONENT_KEY,
    ContainerService: "services",
    DdosProtectionPlan: "network.ddos_protection",
    observability.AnomalyAlarm: COMPONENT_KEY,
    observability.Dashboard: COMPONENT_KEY,
    observability.DiagnosticLogs: COMPONENT_KEY,
    DocumentDatabase: COMPONENT_KEY,
    ExistingNetwork: "network.subnet_ids",
    FunctionIdentity: COMPONENT_KEY,
    GatewayLogging: COMPONENT_KEY,
    HttpApi: COMPONENT_KEY,
    ImageRegistry: COMPONENT_KEY,
    ItemTable: "tables",
    LiveVersion: COMPONENT_KEY,
    LoadBalancer: COMPONENT_KEY,
    LogStore: COMPONENT_KEY,
    ManagedGateway: COMPONENT_KEY,
    MessageBroker: COMPONENT_KEY,
    MessageQueue: "queues",
    MessageTopic: "topics",
    MessageTrigger: "functions",
    NatGateway: COMPONENT_KEY,
    NetworkFirewall: "network.firewall",
    NotificationChannel: "monitoring.notify",
    PrivateEndpoint: "network.private_endpoints",
    observability.LogWorkspace: COMPONENT_KEY,
    observability.PlatformAlarm: COMPONENT_KEY,
    PrivateNetwork: "network.private",
    RequestTrigger: "functions",
    ScheduleTrigger: "functions",
    ServerlessFunction: COMPONENT_KEY,
    SqlDatabase: COMPONENT_KEY,
    SqlServer: COMPONENT_KEY,
    TopicSubscription: "topics",
    Subnet: COMPONENT_KEY,
    VirtualNetwork: COMPONENT_KEY,
    RedisCache: COMPONENT_KEY,
    RoleAssignment: COMPONENT_KEY,
    observability.SavedQuery: COMPONENT_KEY,
    SecretVault: COMPONENT_KEY,
    observability.TraceStore: COMPONENT_KEY,
    WebSocketAddress: COMPONENT_KEY,
    WebSocketEndpoint: COMPONENT_KEY,
    WorkloadIdentity: COMPONENT_KEY,
    DataPipeline: "features.enable_data_factory",
    ObjectStore: COMPONENT_KEY,
    StaticSite: "site",
    ContentDelivery: "features.enable_cdn",
    WebFirewall: "site.waf",
    CustomDomain: "domain",
    DnsZone: "dns_zone",
}

MEMORY_SIZE = Feature(ServerlessFunction, "memory", "memory", lambda function: True)
WARM_INSTANCES = Feature(
    ServerlessFunction, "warm instances", "instances.min", lambda function: function.scaling.minimum > 0
)
MAXIMUM_INSTANCES = Feature(
    ServerlessFunction, "maximum instances", "instances.max", lambda function: bool(function.scaling.maximum)
)
IN_NETWORK = Feature(ServerlessFunction, "in a network", "network", lambda function: bool(function.network))
TRACING = Feature(ServerlessFunction, "tracing", "features.tracing", lambda function: function.tracing)
SECRET_REFERENCES = Feature(
    ServerlessFunction, "secrets by reference", "environment", lambda function: bool(function.secrets)
)
OWN_PACKAGE = Feature(ServerlessFunction, "own package", COMPONENT_KEY, lambda function: bool(function.package))
RESOURCE_VARIABLES = Feature(
    ServerlessFunction, "variables for used resources", COMPONENT_KEY, lambda function: bool(function.uses)
)
RESOURCE_PERMISSIONS = Feature(
    FunctionIdentity, "permissions on used resources", COMPONENT_KEY, lambda identity: bool(identity.uses)
)
CLIENT_ACCESS_TOKENS = Feature(
    FunctionIdentity, "access tokens for clients", COMPONENT_KEY, lambda identity: bool(identity.admits_clients_to)
)
HTTP_ROUTES = Feature(
    HttpApi, "routes", "routes", lambda api: bool({*api.endpoints} - {*CATCH_ALL_ENDPOINTS, HEALTH_ENDPOINT})
)
SEVERAL_FUNCTIONS = Feature(
    HttpApi, "several functions", "functions", lambda api: any(it.target for it in api.endpoints)
)
CORS = Feature(HttpApi, "CORS", "cors", lambda api: api.cors is not None)
HTTP_THROTTLING = Feature(HttpApi, "throttling", "throttling", lambda api: True)
HTTP_AUTHORIZER = Feature(HttpApi, "authorizer", "authorizer", lambda api: api.authorizer is not None)
HTTP_PAYLOAD_1 = Feature(HttpApi, "payload format 1.0", "payload", lambda api: bool(api.payloads))
HTTP_ACCESS_LOG = Feature(HttpApi, "access log", "features.access_logs", lambda api: api.access_log is not None)
WEB_SOCKET_ACCESS_LOG = Feature(
    WebSocketEndpoint, "access log", "features.access_logs", lambda it: it.access_log is not None
)
WEB_SOCKET_AUTHORIZER = Feature(
    WebSocketEndpoint, "authorizer", "authorizer", lambda endpoint: endpoint.authorizer is not None
)
TRAFFIC_SHARE = Feature(LiveVersion, "share of the traffic", "canary", lambda live: live.new_share > 0)
LOG_RETENTION = Feature(LogStore, "retention", "monitoring.log_retention_days", lambda store: True)
LONG_LOG_RETENTION = Feature(
    LogStore,
    "more than two years",
    "monitoring.log_retention_days",
    lambda store: not 0 < store.retention_days <= TWO_YEARS_IN_DAYS,
)
RETAINED_LOGS = Feature(LogStore, "kept after destroy", COMPONENT_KEY, lambda store: store.keep)
SECRET_RECOVERY = Feature(AppSecret, "recovery", "environment", lambda secret: secret.recovery_days > 0)
EMAIL_NOTIFICATIONS = Feature(NotificationChannel, "e-mail", "monitoring.notify", lambda channel: bool(channel.emails))
PRIVATE_SECRET_ACCESS = Feature(
    PrivateNetwork, "private secret access", "network.private", lambda network: network.reaches_secrets
)
NAT_IN_EVERY_ZONE = Feature(NatGateway, "in every zone", COMPONENT_KEY, lambda gateway: gateway.high_availability)
SEVERAL_SUBNETS = Feature(
    ExistingNetwork, "several subnets", "network.subnet_ids", lambda network: len(network.subnet_ids) > 1
)
SECURITY_GROUPS = Feature(
    ExistingNetwork,
    "security groups",
    "network.security_group_ids",
    lambda network: bool(network.security_group_ids),
)
PRIVATE_BROKER = Feature(MessageBroker, "private address", COMPONENT_KEY, lambda broker: broker.private)
LONG_LOCK = Feature(MessageQueue, "lock of more than 5 minutes", "queues", lambda queue: queue.lock_s > SHORT_LOCK_S)
LONG_SUBSCRIPTION_LOCK = Feature(
    TopicSubscription, "lock of more than 5 minutes", "topics", lambda it: it.lock_s > SHORT_LOCK_S
)
MESSAGE_FILTER = Feature(TopicSubscription, "filter", "topics", lambda it: bool(it.filter.conditions))
MESSAGE_BATCH = Feature(MessageTrigger, "batch", "functions", lambda trigger: trigger.batch_size > 1)
MAXIMUM_CALLS = Feature(MessageTrigger, "maximum calls", "functions", lambda trigger: trigger.maximum is not None)
NAMED_CALLERS = Feature(RequestTrigger, "calls of named functions alone", "functions", lambda trigger: True)
SCHEDULE_TIME_ZONE = Feature(ScheduleTrigger, "time zone", "functions", lambda trigger: trigger.time_zone != UTC_ZONE)
SECOND_ZONE = Feature(SqlServer, "second zone", COMPONENT_KEY, lambda server: server.high_availability)
FINAL_SNAPSHOT = Feature(SqlServer, "final snapshot", COMPONENT_KEY, lambda server: server.final_snapshot)
DOCUMENT_BACKUPS = Feature(DocumentDatabase, "days of backups", COMPONENT_KEY, lambda documents: True)
PRIVATE_DOCUMENTS = Feature(DocumentDatabase, "private", COMPONENT_KEY, lambda documents: documents.private)
PRIVATE_OBJECTS = Feature(ObjectStore, "private", COMPONENT_KEY, lambda store: store.private)
PRIVATE_TABLES = Feature(ItemTable, "private", "tables", lambda table: table.private)
TABLE_BACKUPS = Feature(ItemTable, "backups", "tables", lambda table: True)
PRIVATE_PIPELINE = Feature(
    DataPipeline, "in a private network", "features.enable_data_factory", lambda pipeline: pipeline.private
)
DAPR_SIDECARS = Feature(ContainerService, "Dapr", "features.enable_dapr", lambda service: service.dapr)
ENVIRONMENT_IN_EVERY_ZONE = Feature(
    ContainerEnvironment, "in every zone", COMPONENT_KEY, lambda environment: environment.high_availability
)
PRIVATE_IMAGES = Feature(ImageRegistry, "private", COMPONENT_KEY, lambda registry: registry.private)
SCALE_TO_ZERO = Feature(ContainerService, "scaling to zero", "services", lambda service: service.scaling.minimum == 0)
SCALE_ON_REQUESTS = Feature(
    ContainerService, "scaling on requests", "services", lambda it: it.scaling.concurrent_requests is not None
)
SCALE_ON_LOAD = Feature(
    ContainerService,
    "scaling on processor and memory",
    "services",
    lambda it: it.scaling.cpu_percent is not None or it.scaling.memory_percent is not None,
)
SCALE_ON_MESSAGES = Feature(
    ContainerService, "scaling on waiting messages", "services", lambda service: bool(service.scaling.queues)
)
PUBLIC_SERVICE = Feature(ContainerService, "public", "services", lambda service: service.public)
API_RATE = Feature(ManagedGateway, "rate of an API", "gateway.apis", lambda it: any(api.rate for api in it.apis))
BROWSER_ORIGINS = Feature(ManagedGateway, "CORS", "gateway.apis", lambda it: any(api.cors for api in it.apis))
GATEWAY_QUOTA = Feature(ManagedGateway, "quota", "gateway.products", lambda it: any(one.quota for one in it.products))
GATEWAY_LOG = Feature(ManagedGateway, "log of requests", COMPONENT_KEY, lambda gateway: gateway.log_store is not None)
REMOVED_REQUEST_HEADERS = Feature(
    ManagedGateway,
    "removed headers of requests",
    "gateway.apis",
    lambda gateway: any(api.request_headers.remove for api in gateway.apis),
)
ANSWER_HEADERS = Feature(
    ManagedGateway,
    "headers of answers",
    "gateway.apis",
    lambda gateway: any(api.response_headers.set or api.response_headers.remove for api in gateway.apis),
)
DOMAIN_ELSEWHERE = Feature(
    ContentDelivery, "domain without a zone", "site.dns_zone", lambda it: bool(it.domain) and it.zone is None
)
SEVERAL_GEOGRAPHIES = Feature(ContentDelivery, "geographies", "site.geographies", lambda it: it.caches)
UNCACHED_DELIVERY = Feature(ContentDelivery, "without a cache", "features.enable_cdn", lambda it: not it.caches)
VAULT_RECOVERY = Feature(SecretVault, "recovery", COMPONENT_KEY, lambda vault: True)
PURGE_PROTECTION = Feature(SecretVault, "purge protection", COMPONENT_KEY, lambda vault: vault.purge_protection)
PRIVATE_VAULT = Feature(SecretVault, "private", COMPONENT_KEY, lambda vault: vault.private)
DATABASE_RIGHT = Feature(
    RoleAssignment, "of a database", COMPONENT_KEY, lambda it: it.right is AccessRight.CONNECT_DATABASE
)
LOG_QUOTA = Feature(
    observability.LogWorkspace, "daily quota", COMPONENT_KEY, lambda workspace: workspace.daily_quota_gb is not None
)


def _alarm_feature(signal: Signal) -> Feature:
    return Feature(Alarm, signal.value, "monitoring.alerts", lambda alarm: alarm.signal is signal)


SIGNAL_FEATURES: Mapping[Signal, Feature] = {signal: _alarm_feature(signal) for signal in Signal}

FEATURES: tuple[Feature, ...] = (
    *(
        MEMORY_SIZE,
        WARM_INSTANCES,
        MAXIMUM_INSTANCES,
        IN_NETWORK,
        TRACING,
        SECRET_REFERENCES,
        OWN_PACKAGE,
        RESOURCE_VARIABLES,
        RESOURCE_PERMISSIONS,
        CLIENT_ACCESS_TOKENS,
    ),
    *(
        HTTP_ROUTES,
        SEVERAL_FUNCTIONS,
        CORS,
        HTTP_THROTTLING,
        HTTP_AUTHORIZER,
        HTTP_PAYLOAD_1,
        HTTP_ACCESS_LOG,
        WEB_SOCKET_ACCESS_LOG,
        WEB_SOCKET_AUTHORIZER,
    ),
    TRAFFIC_SHARE,
    *(
        LOG_RETENTION,
        LONG_LOG_RETENTION,
        RETAINED_LOGS,
        SECRET_RECOVERY,
        EMAIL_NOTIFICATIONS,
        PRIVATE_SECRET_ACCESS,
        NAT_IN_EVERY_ZONE,
        SEVERAL_SUBNETS,
        SECURITY_GROUPS,
    ),
    *(
        PRIVATE_BROKER,
        LONG_LOCK,
        LONG_SUBSCRIPTION_LOCK,
        MESSAGE_FILTER,
        MESSAGE_BATCH,
        MAXIMUM_CALLS,
        NAMED_CALLERS,
        SCHEDULE_TIME_ZONE,
    ),
    *(SECOND_ZONE, FINAL_SNAPSHOT, DOCUMENT_BACKUPS, PRIVATE_OBJECTS, PRIVATE_PIPELINE, PRIVATE_TABLES, TABLE_BACKUPS),
    PRIVATE_DOCUMENTS,
    *(DAPR_SIDECARS, ENVIRONMENT_IN_EVERY_ZONE, PRIVATE_IMAGES, PUBLIC_SERVICE),
    *(SCALE_TO_ZERO, SCALE_ON_REQUESTS, SCALE_ON_LOAD, SCALE_ON_MESSAGES),
    *(API_RATE, BROWSER_ORIGINS, GATEWAY_QUOTA, GATEWAY_LOG, REMOVED_REQUEST_HEADERS, ANSWER_HEADERS),
    *(VAULT_RECOVERY, PURGE_PROTECTION, PRIVATE_VAULT, DATABASE_RIGHT, LOG_QUOTA),
    *(DOMAIN_ELSEWHERE, SEVERAL_GEOGRAPHIES, UNCACHED_DELIVERY),
    *SIGNAL_FEATURES.values(),
)


def list_capabilities() -> Iterator[Capability]:
    """Yield every kind, each followed by its features."""
    for kind in RESOURCE_KINDS:
        yield kind
        yield from (feature for feature in FEATURES if feature.kind is kind)


def find_required(blueprint: Blueprint) -> list[Capability]:
    """Return what the blueprint requires, each once, in the order of `list_capabilities`."""
    kinds = {type(resource) for resource in blueprint.resources}
    return [it for it in list_capabilities() if it in kinds or (isinstance(it, Feature) and _requires(blueprint, it))]


def _requires(blueprint: Blueprint, feature: Feature) -> bool:
    return any(type(resource) is feature.kind and feature.is_required(resource) for resource in blueprint.resources)


_TOP_LEVEL_KEYS = (COMPONENT_KEY, "features.", "monitoring.")
_WORD, _ABBREVIATIONS = re.compile(r"[A-Z][a-z]+"), ("Api", "Ddos", "Dns", "Http", "Nat", "Sql")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one cloud supports: its kinds, the unsupported with the reason, the partial with their difference."""

    cloud: str
    kinds: frozenset[type[Resource]] = frozenset(RESOURCE_KINDS)
    unsupported: Mapping[Capability, str] = field(default_factory=dict)
    partial: Mapping[Capability, str] = field(default_factory=dict)

    def unsupported_reason(self, capability: Capability) -> str:
        """Return why the cloud does not support it, empty if it does."""
        if isinstance(capability, Feature):
            return self.unsupported_reason(capability.kind) or self.unsupported.get(capability, "")
        return "" if capability in self.kinds else self.unsupported.get(capability, "it has no program for this kind")


CapabilitiesOf = Callable[[str], Capabilities]
"""Returns the capabilities of a cloud by its name; raises RefusedError if it cannot be used here."""


def find_unsupported(
    blueprint: Blueprint, cloud: Capabilities, others: Callable[[], Iterable[Capabilities]]
) -> Iterator[Fault]:
    """Yield a fault for each required capability that the cloud lacks, with the reason and the clouds that have it."""
    lacking = [capability for capability in find_required(blueprint) if cloud.unsupported_reason(capability)]
    known = list(others()) if lacking else []
    for capability in lacking:
        if isinstance(capability, Feature) and capability.kind in lacking:
            continue
        supporting = [other.cloud for other in known if not other.unsupported_reason(capability)]
        hint = f"Available on {', '.join(supporting)}." if supporting else "No cloud has it; leave it out."
        reason = f"{cloud.cloud} has no {describe_capability(capability)}: {cloud.unsupported_reason(capability)}"
        yield Fault(_configuration_path(capability, blueprint.stack.component), reason, hint)


def capability_label(capability: Capability) -> str:
    """Return such as `HttpApi` or `HttpApi (CORS)`."""
    return f"{capability.kind.__name__} ({capability.name})" if isinstance(capability, Feature) else capability.__name__


def describe_capability(capability: Capability) -> str:
    """Return the words for a person, such as `HTTP API` or `HTTP API (CORS)`."""
    kind = capability.kind if isinstance(capability, Feature) else capability
    name = " ".join(it.upper() if it in _ABBREVIATIONS else it.lower() for it in _WORD.findall(kind.__name__))
    return f"{name} ({capability.name})" if isinstance(capability, Feature) else name


def _configuration_path(capability: Capability, component: str) -> str:
    key = capability.key if isinstance(capability, Feature) else RESOURCE_KINDS[capability]
    return key if key.startswith(_TOP_LEVEL_KEYS) else f"components.{component}.{key}"
