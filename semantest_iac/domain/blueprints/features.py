"""Everything that blueprints can ask of a cloud: the neutral kinds, and what they can be asked for besides being there.

Each with the key of the configuration that asks for it, relative to the component unless it begins with a section.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.rest_api import EVERYTHING, HEALTH
from semantest_iac.domain.compute.function import ServerlessFunction
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.monitoring.alarm import Alarm, Signal
from semantest_iac.domain.monitoring.gateway_logging import GatewayLogging
from semantest_iac.domain.monitoring.log_store import LogStore
from semantest_iac.domain.networking.http_api import HttpApi
from semantest_iac.domain.networking.private_network import ExistingNetwork, PrivateNetwork
from semantest_iac.domain.networking.web_socket_endpoint import WebSocketAddress, WebSocketEndpoint
from semantest_iac.domain.resource import Resource
from semantest_iac.domain.security.app_secrets import AppSecret
from semantest_iac.domain.security.identity import FunctionIdentity
from semantest_iac.domain.storage.connection_table import ConnectionTable

COMPONENT = "component"
TWO_YEARS = 731  # days, as CloudWatch counts them


@dataclass(frozen=True, slots=True)
class Feature:
    """Something of a kind that a cloud may lack; `is_asked` tells whether a resource of the kind needs it."""

    kind: type[Resource]
    name: str
    key: str
    is_asked: Callable[[Any], bool]


Wanted = type[Resource] | Feature

KINDS: Mapping[type[Resource], str] = {
    Alarm: "monitoring.alerts",
    AppSecret: "environment",
    ConnectionTable: COMPONENT,
    ExistingNetwork: "network.subnet_ids",
    FunctionIdentity: COMPONENT,
    GatewayLogging: COMPONENT,
    HttpApi: COMPONENT,
    LiveVersion: COMPONENT,
    LogStore: COMPONENT,
    NotificationChannel: "monitoring.notify",
    PrivateNetwork: "network.private",
    ServerlessFunction: COMPONENT,
    WebSocketAddress: COMPONENT,
    WebSocketEndpoint: COMPONENT,
}

MEMORY = Feature(ServerlessFunction, "memory", "memory", lambda function: True)
WARM = Feature(ServerlessFunction, "warm instances", "instances.min", lambda function: function.scaling.minimum > 0)
MOST = Feature(ServerlessFunction, "most instances", "instances.max", lambda function: bool(function.scaling.maximum))
PLACED = Feature(ServerlessFunction, "in a network", "network", lambda function: bool(function.network))
TRACING = Feature(ServerlessFunction, "tracing", "features.tracing", lambda function: function.tracing)
SECRETS = Feature(ServerlessFunction, "secrets by reference", "environment", lambda function: bool(function.secrets))
COMPANIONS = Feature(ServerlessFunction, "package of its own", COMPONENT, lambda function: bool(function.package))
TOLD = Feature(ServerlessFunction, "told of what it uses", COMPONENT, lambda function: bool(function.uses))
RIGHTS = Feature(FunctionIdentity, "rights to what it uses", COMPONENT, lambda identity: bool(identity.uses))
ADMISSION = Feature(FunctionIdentity, "access tokens for clients", COMPONENT, lambda identity: bool(identity.admits))
ROUTES = Feature(HttpApi, "routes", "routes", lambda api: bool({*api.endpoints} - {*EVERYTHING, HEALTH}))
CORS = Feature(HttpApi, "CORS", "cors", lambda api: api.cors is not None)
THROTTLING = Feature(HttpApi, "throttling", "throttling", lambda api: True)
AUTHORIZER = Feature(HttpApi, "authorizer", "authorizer", lambda api: api.authorizer is not None)
ACCESS_LOG = Feature(HttpApi, "access log", "features.access_logs", lambda api: api.access_log is not None)
CONNECTION_LOG = Feature(WebSocketEndpoint, "access log", "features.access_logs", lambda it: it.access_log is not None)
TOKENS = Feature(WebSocketEndpoint, "authorizer", "authorizer", lambda endpoint: endpoint.authorizer is not None)
RETENTION = Feature(LogStore, "retention", "monitoring.log_retention_days", lambda store: True)
LONG_RETENTION = Feature(
    LogStore,
    "more than two years",
    "monitoring.log_retention_days",
    lambda store: not 0 < store.retention_days <= TWO_YEARS,
)
KEPT = Feature(LogStore, "outlives its stack", COMPONENT, lambda store: store.keep)
RECOVERY = Feature(AppSecret, "recovery", "environment", lambda secret: secret.recovery_days > 0)
EMAILS = Feature(NotificationChannel, "e-mail", "monitoring.notify", lambda channel: bool(channel.emails))
WAY_TO_SECRETS = Feature(PrivateNetwork, "way to secrets", "network.private", lambda network: network.reaches_secrets)
SUBNETS = Feature(ExistingNetwork, "several subnets", "network.subnet_ids", lambda network: len(network.subnet_ids) > 1)
GROUPS = Feature(
    ExistingNetwork,
    "security groups",
    "network.security_group_ids",
    lambda network: bool(network.security_group_ids),
)


def _raised_by(signal: Signal) -> Feature:
    return Feature(Alarm, signal.value, "monitoring.alerts", lambda alarm: alarm.signal is signal)


SIGNALS: Mapping[Signal, Feature] = {signal: _raised_by(signal) for signal in Signal}

FEATURES: tuple[Feature, ...] = (
    *(MEMORY, WARM, MOST, PLACED, TRACING, SECRETS, COMPANIONS, TOLD, RIGHTS, ADMISSION),
    *(ROUTES, CORS, THROTTLING, AUTHORIZER, ACCESS_LOG, CONNECTION_LOG, TOKENS),
    *(RETENTION, LONG_RETENTION, KEPT, RECOVERY, EMAILS, WAY_TO_SECRETS, SUBNETS, GROUPS),
    *SIGNALS.values(),
)


def everything() -> Iterator[Wanted]:
    """Every kind, each before its features."""
    for kind in KINDS:
        yield kind
        yield from (feature for feature in FEATURES if feature.kind is kind)


def asked_by(blueprint: Blueprint) -> list[Wanted]:
    """What of all this the blueprint needs, once each and in the same order."""
    kinds = {type(resource) for resource in blueprint.resources}
    return [it for it in everything() if it in kinds or (isinstance(it, Feature) and _needs(blueprint, it))]


def _needs(blueprint: Blueprint, feature: Feature) -> bool:
    return any(type(resource) is feature.kind and feature.is_asked(resource) for resource in blueprint.resources)
