"""Resources that components share: the main function with its logs, identity, secrets and network, and alarms."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.names import Environment
from semantest_iac.domain.environments.settings import ComponentSettings, MonitoringSettings
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.monitoring.logs_and_alarms import Alarm, LogSource, LogStore, Signal
from semantest_iac.domain.networking.networks import ExistingNetwork, PrivateNetwork
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.access import AppSecret, AppSecrets, FunctionIdentity, SecurityPolicy

FUNCTION_REF, LIVE_VERSION_REF, API_REF = Ref("function"), Ref("live"), Ref("api")
FUNCTION_LOGS_REF, IDENTITY_REF, NETWORK_REF, ALERTS_REF = (
    Ref("function-logs"),
    Ref("identity"),
    Ref("network"),
    Ref("alerts"),
)
ACCESS_LOGS_REF = Ref("access-logs")


def build_log_store(
    name: str, source: LogSource, stack: Stack, settings: ComponentSettings, purpose: str = ""
) -> LogStore:
    """Build a log store, which production keeps after a destroy."""
    return LogStore(
        name=name,
        source=source,
        retention_days=settings.monitoring.log_retention_days,
        keep=stack.environment == Environment.PRODUCTION,
        purpose=purpose,
    )


def build_function_logs(stack: Stack, settings: ComponentSettings) -> LogStore:
    return build_log_store(FUNCTION_LOGS_REF, LogSource.FUNCTION, stack, settings)


def build_access_logs(stack: Stack, settings: ComponentSettings) -> Iterator[LogStore]:
    if settings.features.access_logs:
        yield build_log_store(ACCESS_LOGS_REF, LogSource.ACCESS, stack, settings)


def find_access_log_ref(settings: ComponentSettings) -> Ref | None:
    return ACCESS_LOGS_REF if settings.features.access_logs else None


def secret_ref(key: str) -> Ref:
    return Ref(f"secret-{key}")


def build_secrets(settings: ComponentSettings) -> Iterator[AppSecret]:
    for key in AppSecrets(settings.secrets).keys:
        yield AppSecret(name=secret_ref(key), key=key, recovery_days=settings.secret_recovery_days)


def build_network(settings: ComponentSettings) -> Iterator[Resource]:
    network = settings.network
    if network.subnet_ids:
        yield ExistingNetwork(
            name=NETWORK_REF, subnet_ids=network.subnet_ids, security_group_ids=network.security_group_ids
        )
    elif network.private:
        yield PrivateNetwork(name=NETWORK_REF, cidr=network.cidr, reaches_secrets=bool(settings.secrets))


def _is_in_network(settings: ComponentSettings) -> bool:
    return settings.network.private or bool(settings.network.subnet_ids)


def build_identity(settings: ComponentSettings, uses: tuple[Ref, ...] = ()) -> FunctionIdentity:
    return FunctionIdentity(
        name=IDENTITY_REF,
        log_store=FUNCTION_LOGS_REF,
        secrets=tuple(secret_ref(key) for key in AppSecrets(settings.secrets).keys),
        policy=SecurityPolicy(trace=settings.features.tracing, join_network=_is_in_network(settings)),
        uses=uses,
    )


def build_function(stack: Stack, settings: ComponentSettings, uses: tuple[Ref, ...] = ()) -> ServerlessFunction:
    return ServerlessFunction(
        name=FUNCTION_REF,
        memory_mb=settings.memory,
        timeout_s=settings.timeout,
        identity=IDENTITY_REF,
        log_store=FUNCTION_LOGS_REF,
        environment={**stack_variables(stack), **settings.environment},
        secrets={setting: secret_ref(key) for setting, key in sorted(settings.secrets.items())},
        network=NETWORK_REF if _is_in_network(settings) else None,
        scaling=settings.instances,
        tracing=settings.features.tracing,
        uses=uses,
    )


def stack_variables(stack: Stack) -> dict[str, str]:
    """Return the variables that tell a function its component and environment."""
    return {"SEMANTEST_COMPONENT": stack.component, "SEMANTEST_ENVIRONMENT": stack.environment}


def build_alarms(monitoring: MonitoringSettings) -> Iterator[Resource]:
    """Build one alarm per alert, and the channel that they notify."""
    if not monitoring.enabled or not monitoring.alerts:
        return
    yield NotificationChannel(name=ALERTS_REF, emails=monitoring.notify)
    for alert in monitoring.alerts:
        signal = Signal(alert.type)
        yield Alarm(
            name=f"alarm-{signal.value.replace('_', '-')}",
            signal=signal,
            threshold=alert.threshold,
            function=FUNCTION_REF,
            api=API_REF,
            channel=ALERTS_REF,
        )
