"""A supported feature takes effect: with it and without it, the program registers different resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.domain.blueprints import capabilities
from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.capabilities import (
    FEATURES,
    SIGNAL_FEATURES,
    Feature,
    capability_label,
    find_required,
)
from semantest_iac.domain.blueprints.traffic_split import TrafficSplit
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.environments.settings import Cors
from semantest_iac.domain.messaging.message_filters import MessageFilter
from semantest_iac.domain.monitoring.observability import LogWorkspace
from semantest_iac.domain.networking.managed_gateways import (
    GatewayProduct,
    HeaderRules,
    ManagedGateway,
    RequestQuota,
    RequestRate,
)
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.access import AppSecret
from semantest_iac.domain.security.vaults import AccessRight, RoleAssignment, SecretVault, WorkloadIdentity
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from tests.kind_examples import shared
from tests.kind_examples.containers import CONTAINER_EXAMPLES, CONTAINER_SERVICE
from tests.kind_examples.database import DATABASE_EXAMPLES
from tests.kind_examples.gateway import GATEWAY_EXAMPLES
from tests.kind_examples.messages import MESSAGE_EXAMPLES
from tests.kind_examples.network import NAT_GATEWAY, VIRTUAL_NETWORK
from tests.kind_examples.sites import SITE_EXAMPLES
from tests.unit.cloud_programs.recorder import record_program

Pair = Callable[[str], tuple[Blueprint, Blueprint]]
"""The blueprints with the feature and without it, on a cloud."""

_VAULT, _LOGS = SecretVault(name="vault", recovery_days=30), LogWorkspace(name="logs", retention_days=30)
_IDENTITY = WorkloadIdentity(name="api")
_SECRET = {"TOKEN": "${secrets.token}"}
_SIGNED = {"components": {"websocket": {"environment": {"JWT_SECRET": "${secrets.jwt}"}}}}
_JWT = {"issuer": "https://issuer.example.org", "audience": ["semantest"]}

_TICK = {"handler": "app.tick", "trigger": {"schedule": "0 3 * * *"}}


def _write_functions(caller: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """Return a configuration with a function, and with another one that it calls if there is a caller."""
    called = {"prices": {"handler": "app.prices", "trigger": {"http": "internal"}}} if caller else {}
    return {"components": {"functions": {"source": ".", "functions": {"nightly": caller or _TICK, **called}}}}


def _blueprint(provider: str, configuration: Mapping[str, Any], component: str = "rest-api") -> Blueprint:
    settings = resolve_component(DeploymentConfiguration.model_validate(configuration), component, "staging")
    return BLUEPRINTS[component](Stack(component, provider, "staging", CLOUD_ENTRIES[provider].regions[0]), 1, settings)


def _written(with_it: Mapping[str, Any], without: Mapping[str, Any]) -> Pair:
    return lambda provider: (_blueprint(provider, with_it), _blueprint(provider, without))


def _section(key: str, with_it: Any, without: Any) -> Pair:
    sections = ({"components": {"rest-api": {key: value}}} for value in (with_it, without))
    return _written(*sections)


def _in(part: str, key: str, with_it: Any, without: Any) -> Pair:
    return _written({part: {key: with_it}}, {part: {key: without}})


def _fields(feature: Feature, configuration: Mapping[str, Any], component: str = "rest-api", **without: Any) -> Pair:
    def pair(provider: str) -> tuple[Blueprint, Blueprint]:
        whole = _blueprint(provider, configuration, component)
        changed = [replace(it, **without) if type(it) is feature.kind else it for it in whole.resources]
        return whole, replace(whole, resources=tuple(changed))

    return pair


def _split_traffic(provider: str) -> tuple[Blueprint, Blueprint]:
    whole = _blueprint(provider, {})
    return TrafficSplit({"function_version": "1"}, 10).apply(whole), whole


def _replaced(with_it: Resource, without: Resource, *needed: Resource) -> Pair:
    def pair(provider: str) -> tuple[Blueprint, Blueprint]:
        stack = Stack("platform", provider, "staging", CLOUD_ENTRIES[provider].regions[0])
        of_with, of_without = (Blueprint(stack, 1, (*needed, it), {}) for it in (with_it, without))
        return of_with, of_without

    return pair


def _example(feature: Feature, **with_it: Any) -> Pair:
    """The first example of the kind, without the feature and with it."""
    examples = (*MESSAGE_EXAMPLES, *DATABASE_EXAMPLES, *CONTAINER_EXAMPLES, *SITE_EXAMPLES)
    example = next(it for it in examples if it.kind is feature.kind)

    def pair(provider: str) -> tuple[Blueprint, Blueprint]:
        whole = example.blueprint(Stack("workers", provider, "staging", CLOUD_ENTRIES[provider].regions[0]))
        changed = replace(example.resource, **with_it)
        with_change = [changed if it is example.resource else it for it in whole.resources]
        return replace(whole, resources=tuple(with_change)), whole

    return pair


def _scaling(feature: Feature, **without: Any) -> Pair:
    """The example of a service, with all by which it scales and without the feature."""
    changed = replace(CONTAINER_SERVICE.scaling, **without)
    return lambda provider: _example(feature, scaling=changed)(provider)[::-1]


def _gateway(**changes: Any) -> Pair:
    """A gateway whose first API has the changes, and as it is."""
    example = GATEWAY_EXAMPLES[0]

    def pair(provider: str) -> tuple[Blueprint, Blueprint]:
        stack = Stack("gateway", provider, "staging", CLOUD_ENTRIES[provider].regions[0])
        gateway = example.resource
        assert isinstance(gateway, ManagedGateway)
        bare = replace(gateway.apis[0], rate=None, cors=None, request_headers=HeaderRules())
        of_api = {name: value for name, value in changes.items() if hasattr(bare, name)}
        of_gateway = {name: value for name, value in changes.items() if name not in of_api}
        without = replace(gateway, apis=(bare, *gateway.apis[1:]), products=(_BARE_PRODUCT,), log_store=None)
        with_it = replace(without, apis=(replace(bare, **of_api), *gateway.apis[1:]), **of_gateway)
        one, other = (Blueprint(stack, 1, (*example.needs, it), {}) for it in (with_it, without))
        return one, other

    return pair


_BARE_PRODUCT = GatewayProduct("standard", ("orders",))
_PRIVATE = {"components": {"rest-api": {"network": {"private": True}, "environment": _SECRET}}}
_OURS = {"subnet_ids": ["a"], "security_group_ids": ["g"]}


def _network(provider: str, *, high_availability: bool) -> Blueprint:
    gateway = replace(NAT_GATEWAY, high_availability=high_availability)
    stack = Stack("network", provider, "development", CLOUD_ENTRIES[provider].regions[0])
    return Blueprint(stack, 1, (VIRTUAL_NETWORK, gateway), {})


_PAIRS: Mapping[Feature, Pair] = {
    capabilities.API_RATE: _gateway(rate=RequestRate(5, 10)),
    capabilities.BROWSER_ORIGINS: _gateway(cors=Cors(origins=("https://app.example.org",))),
    capabilities.GATEWAY_QUOTA: _gateway(products=(replace(_BARE_PRODUCT, quota=RequestQuota(100)),)),
    capabilities.GATEWAY_LOG: _gateway(log_store=shared.LOGS),
    capabilities.REMOVED_REQUEST_HEADERS: _gateway(request_headers=HeaderRules(remove=("x-debug",))),
    capabilities.ANSWER_HEADERS: _gateway(response_headers=HeaderRules(set=(("x-frame-options", "DENY"),))),
    capabilities.NAT_IN_EVERY_ZONE: lambda provider: (
        _network(provider, high_availability=True),
        _network(provider, high_availability=False),
    ),
    capabilities.MEMORY_SIZE: _section("memory", 4096, 512),
    capabilities.WARM_INSTANCES: _section("instances", {"min": 2}, {"min": 0}),
    capabilities.MAXIMUM_INSTANCES: _section("instances", {"max": 50}, {}),
    capabilities.IN_NETWORK: _section("network", {"private": True}, {}),
    capabilities.TRACING: _in("features", "tracing", True, False),
    capabilities.SECRET_REFERENCES: _section("environment", _SECRET, {}),
    capabilities.HTTP_ROUTES: _section("routes", [{"path": "/items"}], None),
    capabilities.SEVERAL_FUNCTIONS: _section("routes", [{"path": "/", "handler": "a.handler"}], None),
    capabilities.CORS: _section("cors", {"origins": ["https://app.example.org"]}, {"origins": []}),
    capabilities.HTTP_THROTTLING: _section("throttling", {"rate": 5}, {"rate": 50}),
    capabilities.HTTP_AUTHORIZER: _section("authorizer", _JWT, None),
    capabilities.HTTP_PAYLOAD_1: _section("payload", "1.0", "2.0"),
    capabilities.HTTP_ACCESS_LOG: _in("features", "access_logs", True, False),
    capabilities.TRAFFIC_SHARE: _split_traffic,
    capabilities.LOG_RETENTION: _in("monitoring", "log_retention_days", 90, 60),
    capabilities.LONG_LOG_RETENTION: _in("monitoring", "log_retention_days", 0, 60),
    capabilities.EMAIL_NOTIFICATIONS: _in("monitoring", "notify", ["a@example.org"], []),
    capabilities.SEVERAL_SUBNETS: _section("network", {**_OURS, "subnet_ids": ["a", "b"]}, _OURS),
    capabilities.SECURITY_GROUPS: _section("network", _OURS, {"subnet_ids": ["a"]}),
    capabilities.RETAINED_LOGS: lambda provider: _fields(capabilities.RETAINED_LOGS, {}, keep=True)(provider)[::-1],
    capabilities.SECRET_RECOVERY: _fields(capabilities.SECRET_RECOVERY, _PRIVATE, recovery_days=0),
    capabilities.PRIVATE_SECRET_ACCESS: _fields(capabilities.PRIVATE_SECRET_ACCESS, _PRIVATE, reaches_secrets=False),
    capabilities.OWN_PACKAGE: _fields(capabilities.OWN_PACKAGE, _SIGNED, "websocket", package=""),
    capabilities.RESOURCE_VARIABLES: _fields(capabilities.RESOURCE_VARIABLES, _SIGNED, "websocket", uses=()),
    capabilities.RESOURCE_PERMISSIONS: _fields(capabilities.RESOURCE_PERMISSIONS, _SIGNED, "websocket", uses=()),
    capabilities.CLIENT_ACCESS_TOKENS: _fields(
        capabilities.CLIENT_ACCESS_TOKENS, _SIGNED, "websocket", admits_clients_to=()
    ),
    capabilities.WEB_SOCKET_ACCESS_LOG: lambda provider: (
        _blueprint(provider, {**_SIGNED, "features": {"access_logs": True}}, "websocket"),
        _blueprint(provider, _SIGNED, "websocket"),
    ),
    capabilities.WEB_SOCKET_AUTHORIZER: _fields(
        capabilities.WEB_SOCKET_AUTHORIZER, _SIGNED, "websocket", authorizer=None
    ),
    capabilities.VAULT_RECOVERY: _replaced(_VAULT, replace(_VAULT, recovery_days=7)),
    capabilities.PURGE_PROTECTION: _replaced(replace(_VAULT, purge_protection=True), _VAULT),
    capabilities.PRIVATE_VAULT: _replaced(replace(_VAULT, private=True), _VAULT),
    capabilities.DATABASE_RIGHT: _replaced(
        RoleAssignment(name="right", identity=Ref("api"), target=Ref("secret"), right=AccessRight.CONNECT_DATABASE),
        _VAULT,
        *(_IDENTITY, AppSecret(name="secret", key="token", recovery_days=7)),
    ),
    capabilities.LOG_QUOTA: _replaced(replace(_LOGS, daily_quota_gb=2), _LOGS),
    capabilities.SECOND_ZONE: _example(capabilities.SECOND_ZONE, high_availability=True),
    capabilities.FINAL_SNAPSHOT: _example(capabilities.FINAL_SNAPSHOT, final_snapshot=True),
    capabilities.DOCUMENT_BACKUPS: _example(capabilities.DOCUMENT_BACKUPS, backup_days=14),
    capabilities.PRIVATE_PIPELINE: _example(capabilities.PRIVATE_PIPELINE, private=True),
    capabilities.PRIVATE_OBJECTS: lambda provider: _example(capabilities.PRIVATE_OBJECTS, private=False)(provider)[
        ::-1
    ],
    capabilities.PRIVATE_DOCUMENTS: _example(capabilities.PRIVATE_DOCUMENTS, private=True),
    capabilities.PRIVATE_TABLES: _example(capabilities.PRIVATE_TABLES, private=True),
    capabilities.TABLE_BACKUPS: _example(capabilities.TABLE_BACKUPS, backup_days=14),
    capabilities.PRIVATE_BROKER: _example(capabilities.PRIVATE_BROKER, private=True),
    capabilities.LONG_LOCK: _example(capabilities.LONG_LOCK, lock_s=600),
    capabilities.LONG_SUBSCRIPTION_LOCK: _example(capabilities.LONG_SUBSCRIPTION_LOCK, lock_s=600),
    capabilities.MESSAGE_FILTER: lambda provider: _example(capabilities.MESSAGE_FILTER, filter=MessageFilter())(
        provider
    )[::-1],
    capabilities.MESSAGE_BATCH: lambda provider: _example(capabilities.MESSAGE_BATCH, batch_size=1)(provider)[::-1],
    capabilities.MAXIMUM_CALLS: _example(capabilities.MAXIMUM_CALLS, maximum=5),
    capabilities.SCHEDULE_TIME_ZONE: lambda provider: _example(capabilities.SCHEDULE_TIME_ZONE, time_zone="UTC")(
        provider
    )[::-1],
    capabilities.NAMED_CALLERS: lambda provider: (
        _blueprint(provider, _write_functions({**_TICK, "calls": ["prices"]}), "functions"),
        _blueprint(provider, _write_functions(), "functions"),
    ),
    capabilities.DAPR_SIDECARS: _example(capabilities.DAPR_SIDECARS, dapr=True),
    capabilities.ENVIRONMENT_IN_EVERY_ZONE: _example(capabilities.ENVIRONMENT_IN_EVERY_ZONE, high_availability=True),
    capabilities.PRIVATE_IMAGES: _example(capabilities.PRIVATE_IMAGES, private=True),
    capabilities.PUBLIC_SERVICE: _example(capabilities.PUBLIC_SERVICE, public=True),
    capabilities.SCALE_TO_ZERO: _example(
        capabilities.SCALE_TO_ZERO, scaling=replace(CONTAINER_SERVICE.scaling, minimum=0)
    ),
    capabilities.SCALE_ON_REQUESTS: _scaling(capabilities.SCALE_ON_REQUESTS, concurrent_requests=None),
    capabilities.SCALE_ON_LOAD: _scaling(capabilities.SCALE_ON_LOAD, cpu_percent=None, memory_percent=None),
    capabilities.SCALE_ON_MESSAGES: _scaling(capabilities.SCALE_ON_MESSAGES, queues={}),
    capabilities.DOMAIN_ELSEWHERE: _example(capabilities.DOMAIN_ELSEWHERE, zone=None),
    capabilities.SEVERAL_GEOGRAPHIES: lambda provider: _example(capabilities.SEVERAL_GEOGRAPHIES, caches=False)(
        provider
    )[::-1],
    capabilities.UNCACHED_DELIVERY: _example(capabilities.UNCACHED_DELIVERY, caches=False),
    **{
        feature: _in("monitoring", "alerts", [{"type": signal.value, "threshold": 1}], [])
        for signal, feature in SIGNAL_FEATURES.items()
    },
}
_CLAIMED = [
    (name, feature)
    for name in CLOUD_ENTRIES
    for feature in FEATURES
    if not find_cloud(name).capabilities.unsupported_reason(feature)
]


def _resources_of(blueprint: Blueprint) -> list[Any]:
    return [
        registrations for registrations in record_program(blueprint) if not registrations.type.startswith("semantest:")
    ]


class TestPairs:
    @pytest.mark.parametrize("feature", FEATURES, ids=capability_label)
    def test_differ_in_the_feature(self, feature: Feature) -> None:
        with_it, without = _PAIRS[feature]("aws")

        assert feature in find_required(with_it)
        assert feature not in find_required(without) or feature in (
            capabilities.MEMORY_SIZE,
            capabilities.SECRET_RECOVERY,
            capabilities.VAULT_RECOVERY,
            capabilities.LOG_RETENTION,
            capabilities.DOCUMENT_BACKUPS,
            capabilities.TABLE_BACKUPS,
            capabilities.HTTP_THROTTLING,
        )


class TestClaims:
    @pytest.mark.parametrize(
        ("name", "feature"), _CLAIMED, ids=[f"{name} {capability_label(it)}" for name, it in _CLAIMED]
    )
    def test_take_effect_or_are_declared_partial(self, name: str, feature: Feature) -> None:
        with_it, without = _PAIRS[feature](name)

        assert _resources_of(with_it) != _resources_of(without) or feature in find_cloud(name).partial
