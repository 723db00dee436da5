"""Resources that components share: the main function with its logs, identity, secrets and network, and alarms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.environment_settings import MonitoringSettings
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.messaging.notification_channel import NotificationChannel
from semantest_iac.domain.monitoring.logs_and_alarms import FUNCTION_SIGNALS, Alarm, LogSource, LogStore, Signal
from semantest_iac.domain.networking.custom_domains import (
    DNS_RECORDS_OUTPUT,
    DOMAIN_REF,
    DOMAIN_URL_OUTPUT,
    NAME_SERVERS_OUTPUT,
    ZONE_REF,
    CustomDomain,
    DnsZone,
)
from semantest_iac.domain.networking.networks import ExistingNetwork, PrivateNetwork
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.access import AppSecret, FunctionIdentity, SecretNames, SecurityPolicy

OutputPlaces = dict[str, tuple[str, str]]
"""The resource and its attribute of each output, by the name of the output."""

FUNCTION_REF, LIVE_VERSION_REF, API_REF = Ref("function"), Ref("live"), Ref("api")
FUNCTION_LOGS_REF, IDENTITY_REF, NETWORK_REF, ALERTS_REF = (
    Ref("function-logs"),
    Ref("identity"),
    Ref("network"),
    Ref("alerts"),
)
ACCESS_LOGS_REF = Ref("access-logs")
FUNCTION_VARIABLE = "SEMANTEST_FUNCTION"
"""Names the function of a package that the code runs as, if the package has several."""


def ref_of(base: Ref, function: str) -> Ref:
    """Return the name of a resource of one function; the main function, whose name is empty, has the base itself."""
    return Ref(f"{base}-{function}") if function else base


def build_log_store(name: str, source: LogSource, settings: ComponentSettings, purpose: str = "") -> LogStore:
    """Build a log store, which production keeps after a destroy."""
    return LogStore(
        name=name,
        source=source,
        retention_days=settings.monitoring.log_retention_days,
        keep=settings.is_production,
        purpose=purpose,
    )


def build_function_logs(settings: ComponentSettings, function: str = "") -> LogStore:
    return build_log_store(ref_of(FUNCTION_LOGS_REF, function), LogSource.FUNCTION, settings, function)


def build_access_logs(settings: ComponentSettings) -> Iterator[LogStore]:
    if settings.features.access_logs:
        yield build_log_store(ACCESS_LOGS_REF, LogSource.ACCESS, settings)


def find_access_log_ref(settings: ComponentSettings) -> Ref | None:
    return ACCESS_LOGS_REF if settings.features.access_logs else None


def secret_ref(key: str) -> Ref:
    return Ref(f"secret-{key}")


def build_secrets(settings: ComponentSettings) -> Iterator[AppSecret]:
    for key in settings.secret_keys:
        yield AppSecret(name=secret_ref(key), key=key, recovery_days=settings.secret_recovery_days)


def build_domain(
    domain: str, dns_zone: str, api: Ref, prefix: str = "", zone_ref: Ref | None = None
) -> tuple[list[Resource], OutputPlaces]:
    """Build the domain of an API, if it has one, and the zone of its records; returns their outputs with them.

    `prefix` is that of a layer, whose resources and outputs begin with its name; the zone may be named `zone_ref`.
    """
    ref, own_zone = (Ref(f"{prefix}-{it}" if prefix else it) for it in (DOMAIN_REF, ZONE_REF))
    zone_ref = zone_ref or own_zone
    begin, resources, outputs = f"{prefix}_" if prefix else "", list[Resource](), dict[str, tuple[str, str]]()
    if dns_zone:
        resources.append(DnsZone(name=zone_ref, zone=dns_zone))
        outputs[f"{begin}{NAME_SERVERS_OUTPUT}"] = (zone_ref, "name_servers")
    if domain:
        resources.append(CustomDomain(name=ref, domain=domain, api=api, zone=zone_ref if dns_zone else None))
        outputs[f"{begin}{DOMAIN_URL_OUTPUT}"] = (ref, "url")
        outputs[f"{begin}{DNS_RECORDS_OUTPUT}"] = (ref, "records")
    return resources, outputs


def build_network(settings: ComponentSettings) -> Iterator[Resource]:
    network = settings.network
    if network.subnet_ids:
        yield ExistingNetwork(
            name=NETWORK_REF, subnet_ids=network.subnet_ids, security_group_ids=network.security_group_ids
        )
    elif network.private:
        yield PrivateNetwork(name=NETWORK_REF, cidr=network.cidr, reaches_secrets=bool(settings.secret_keys))


def _is_in_network(settings: ComponentSettings) -> bool:
    return settings.network.private or bool(settings.network.subnet_ids)


def build_identity(settings: ComponentSettings, uses: tuple[Ref, ...] = (), function: str = "") -> FunctionIdentity:
    return FunctionIdentity(
        name=ref_of(IDENTITY_REF, function),
        log_store=ref_of(FUNCTION_LOGS_REF, function),
        secrets=tuple(secret_ref(key) for key in SecretNames(settings.secrets).keys),
        policy=SecurityPolicy(trace=settings.features.tracing, join_network=_is_in_network(settings)),
        purpose=function,
        uses=uses,
    )


def build_function(
    stack: Stack, settings: ComponentSettings, uses: tuple[Ref, ...] = (), function: str = ""
) -> ServerlessFunction:
    return ServerlessFunction(
        name=ref_of(FUNCTION_REF, function),
        memory_mb=settings.memory,
        timeout_s=settings.timeout,
        identity=ref_of(IDENTITY_REF, function),
        log_store=ref_of(FUNCTION_LOGS_REF, function),
        environment={
            **stack_variables(stack),
            **({FUNCTION_VARIABLE: function} if function else {}),
            **settings.environment,
        },
        secrets={setting: secret_ref(key) for setting, key in sorted(settings.secrets.items())},
        network=NETWORK_REF if _is_in_network(settings) else None,
        scaling=settings.instances,
        tracing=settings.features.tracing,
        purpose=function,
        uses=uses,
    )


def stack_variables(stack: Stack) -> dict[str, str]:
    """Return the variables that tell a function its component and environment."""
    return {"SEMANTEST_COMPONENT": stack.component, "SEMANTEST_ENVIRONMENT": stack.environment}


def build_alarms(monitoring: MonitoringSettings, functions: Sequence[str] = ("",)) -> Iterator[Resource]:
    """Build one alarm per alert, or one per function where the signal is a function's, and the channel they notify."""
    if not monitoring.enabled or not monitoring.alerts:
        return
    yield NotificationChannel(name=ALERTS_REF, emails=monitoring.notify)
    for alert in monitoring.alerts:
        signal = Signal(alert.type)
        for function in functions if signal in FUNCTION_SIGNALS else functions[:1]:
            purpose = function if signal in FUNCTION_SIGNALS else ""
            yield Alarm(
                name=ref_of(Ref(f"alarm-{signal.value.replace('_', '-')}"), purpose),
                signal=signal,
                threshold=alert.threshold,
                function=ref_of(FUNCTION_REF, function),
                api=API_REF,
                channel=ALERTS_REF,
                purpose=purpose,
            )
