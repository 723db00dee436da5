"""What components have in common: a function with its logs, rights, secrets and place, and those who are alarmed."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.compute.function import ServerlessFunction
from semantest_iac.domain.compute.scaling import ScalingPolicy
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings, MonitoringSettings
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.monitoring.alarm import Alarm, Signal
from semantest_iac.domain.monitoring.log_store import LogSource, LogStore
from semantest_iac.domain.networking.private_network import ExistingNetwork, PrivateNetwork
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.app_secrets import AppSecret, AppSecrets
from semantest_iac.domain.security.identity import FunctionIdentity, SecurityPolicy

FUNCTION, LIVE, API = Ref("function"), Ref("live"), Ref("api")
FUNCTION_LOGS, IDENTITY, NETWORK, ALERTS = Ref("function-logs"), Ref("identity"), Ref("network"), Ref("alerts")
ACCESS_LOGS = Ref("access-logs")


def logs(name: str, source: LogSource, stack: Stack, settings: ComponentSettings, purpose: str = "") -> LogStore:
    """Logs that production keeps even when it is gone."""
    return LogStore(
        name=name,
        source=source,
        retention_days=settings.monitoring.log_retention_days,
        keep=stack.environment == "production",
        purpose=purpose,
    )


def function_logs(stack: Stack, settings: ComponentSettings) -> LogStore:
    """Where the main function writes."""
    return logs(FUNCTION_LOGS, LogSource.FUNCTION, stack, settings)


def access_logs(stack: Stack, settings: ComponentSettings) -> Iterator[LogStore]:
    """Where the API writes a line for each request, if anywhere."""
    if settings.features.access_logs:
        yield logs(ACCESS_LOGS, LogSource.ACCESS, stack, settings)


def access_log(settings: ComponentSettings) -> Ref | None:
    """The name of that."""
    return ACCESS_LOGS if settings.features.access_logs else None


def secret(key: str) -> Ref:
    """The name of the resource that keeps a secret."""
    return Ref(f"secret-{key}")


def secrets(settings: ComponentSettings) -> Iterator[AppSecret]:
    """Every secret once."""
    for key in AppSecrets(settings.secrets).keys:
        yield AppSecret(name=secret(key), key=key, recovery_days=settings.secret_recovery_days)


def network(settings: ComponentSettings) -> Iterator[Resource]:
    """Where the main function is placed, if anywhere."""
    asked = settings.network
    if asked.subnet_ids:
        yield ExistingNetwork(name=NETWORK, subnet_ids=asked.subnet_ids, security_group_ids=asked.security_group_ids)
    elif asked.private:
        yield PrivateNetwork(name=NETWORK, cidr=asked.cidr, reaches_secrets=bool(settings.secrets))


def _is_placed(settings: ComponentSettings) -> bool:
    return settings.network.private or bool(settings.network.subnet_ids)


def identity(settings: ComponentSettings, uses: tuple[Ref, ...] = ()) -> FunctionIdentity:
    """Who the main function is."""
    return FunctionIdentity(
        name=IDENTITY,
        log_store=FUNCTION_LOGS,
        secrets=tuple(secret(key) for key in AppSecrets(settings.secrets).keys),
        policy=SecurityPolicy(trace=settings.features.tracing, join_network=_is_placed(settings)),
        uses=uses,
    )


def function(stack: Stack, settings: ComponentSettings, uses: tuple[Ref, ...] = ()) -> ServerlessFunction:
    """The main function, which runs what the person named."""
    return ServerlessFunction(
        name=FUNCTION,
        memory_mb=settings.memory,
        timeout_s=settings.timeout,
        identity=IDENTITY,
        log_store=FUNCTION_LOGS,
        environment={**told(stack), **settings.environment},
        secrets={setting: secret(key) for setting, key in sorted(settings.secrets.items())},
        network=NETWORK if _is_placed(settings) else None,
        scaling=ScalingPolicy(settings.instances.minimum, settings.instances.maximum),
        tracing=settings.features.tracing,
        uses=uses,
    )


def told(stack: Stack) -> dict[str, str]:
    """What every function is told of where it is."""
    return {"SEMANTEST_COMPONENT": stack.component, "SEMANTEST_ENVIRONMENT": stack.environment}


def alarms(monitoring: MonitoringSettings) -> Iterator[Resource]:
    """One alarm for each alert, and the channel that hears of them."""
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
