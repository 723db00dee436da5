"""The `rest-api` component: one function behind an HTTP API, watched, with its secrets by reference."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.function import ServerlessFunction
from semantest_iac.domain.compute.scaling import ScalingPolicy
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings, MonitoringSettings
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.monitoring.alarm import Alarm, Signal
from semantest_iac.domain.monitoring.log_store import LogSource, LogStore
from semantest_iac.domain.networking.http_api import ApiEndpoint, HttpApi
from semantest_iac.domain.networking.private_network import ExistingNetwork, PrivateNetwork
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.app_secrets import AppSecret, AppSecrets
from semantest_iac.domain.security.identity import FunctionIdentity, SecurityPolicy

FUNCTION, LIVE, API = Ref("function"), Ref("live"), Ref("api")
FUNCTION_LOGS, ACCESS_LOGS = Ref("function-logs"), Ref("access-logs")
IDENTITY, NETWORK, ALERTS = Ref("identity"), Ref("network"), Ref("alerts")

HEALTH = ApiEndpoint("GET", "/health")

# `{proxy+}` does not match the bare root.
EVERYTHING = (ApiEndpoint("ANY", "/", public=False), ApiEndpoint("ANY", "/{proxy+}", public=False))

OUTPUTS = {
    "endpoint": (API, "endpoint"),
    "api_id": (API, "id"),
    "function_name": (FUNCTION, "name"),
    "function_arn": (FUNCTION, "arn"),
    "function_version": (LIVE, "version"),
}


def rest_api(stack: Stack, generation: int, settings: ComponentSettings) -> Blueprint:
    """The graph for settings that nothing is left open in."""
    resources = (
        *_logs(stack, settings),
        *_secrets(settings),
        *_network(settings),
        _identity(settings),
        _function(stack, settings),
        LiveVersion(name=LIVE, function=FUNCTION, warm=settings.instances.minimum),
        _api(settings),
        *_alarms(settings.monitoring),
    )
    return Blueprint(stack, generation, resources, OUTPUTS)


def _logs(stack: Stack, settings: ComponentSettings) -> Iterator[LogStore]:
    days, keep = settings.monitoring.log_retention_days, stack.environment == "production"
    yield LogStore(name=FUNCTION_LOGS, source=LogSource.FUNCTION, retention_days=days, keep=keep)
    if settings.features.access_logs:
        yield LogStore(name=ACCESS_LOGS, source=LogSource.ACCESS, retention_days=days, keep=keep)


def _secret(key: str) -> Ref:
    return Ref(f"secret-{key}")


def _secrets(settings: ComponentSettings) -> Iterator[AppSecret]:
    for key in AppSecrets(settings.secrets).keys:
        yield AppSecret(name=_secret(key), key=key, recovery_days=settings.secret_recovery_days)


def _network(settings: ComponentSettings) -> Iterator[Resource]:
    network = settings.network
    if network.subnet_ids:
        yield ExistingNetwork(
            name=NETWORK, subnet_ids=network.subnet_ids, security_group_ids=network.security_group_ids
        )
    elif network.private:
        yield PrivateNetwork(name=NETWORK, cidr=network.cidr, reaches_secrets=bool(settings.secrets))


def _is_placed(settings: ComponentSettings) -> bool:
    return settings.network.private or bool(settings.network.subnet_ids)


def _identity(settings: ComponentSettings) -> FunctionIdentity:
    return FunctionIdentity(
        name=IDENTITY,
        log_store=FUNCTION_LOGS,
        secrets=tuple(_secret(key) for key in AppSecrets(settings.secrets).keys),
        policy=SecurityPolicy(trace=settings.features.tracing, join_network=_is_placed(settings)),
    )


def _function(stack: Stack, settings: ComponentSettings) -> ServerlessFunction:
    told = {"SEMANTEST_COMPONENT": stack.component, "SEMANTEST_ENVIRONMENT": stack.environment}
    return ServerlessFunction(
        name=FUNCTION,
        memory_mb=settings.memory,
        timeout_s=settings.timeout,
        identity=IDENTITY,
        log_store=FUNCTION_LOGS,
        environment={**told, **settings.environment},
        secrets={setting: _secret(key) for setting, key in sorted(settings.secrets.items())},
        network=NETWORK if _is_placed(settings) else None,
        scaling=ScalingPolicy(settings.instances.minimum, settings.instances.maximum),
        tracing=settings.features.tracing,
    )


def _api(settings: ComponentSettings) -> HttpApi:
    return HttpApi(
        name=API,
        target=LIVE,
        access_log=ACCESS_LOGS if settings.features.access_logs else None,
        endpoints=_endpoints(settings),
        throttling=settings.throttling,
        cors=settings.cors,
        authorizer=settings.authorizer,
        integration_timeout_s=settings.integration_timeout,
    )


def _endpoints(settings: ComponentSettings) -> tuple[ApiEndpoint, ...]:
    """The routes asked for; health stays reachable where the rest asks for a token or was not asked for at all."""
    asked = tuple(
        ApiEndpoint(method, route.path, route.public) for route in settings.routes for method in route.methods
    )
    has_health = any(endpoint.path == HEALTH.path and endpoint.method in ("ANY", "GET") for endpoint in asked)
    return (asked or EVERYTHING) + (() if has_health else (HEALTH,))


def _alarms(monitoring: MonitoringSettings) -> Iterator[Resource]:
    if not monitoring.enabled or not monitoring.alerts:
        return
    yield NotificationChannel(name=ALERTS, emails=monitoring.notify)
    for alert in monitoring.alerts:
        signal = Signal(alert.type)
        yield Alarm(
            name=f"alarm-{signal.value.replace('_', '-')}",
            signal=signal,
            threshold=alert.threshold,
            function=FUNCTION,
            api=API,
            channel=ALERTS,
        )
