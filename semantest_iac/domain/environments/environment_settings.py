"""The settings of an environment, with the values of the four built-in ones.

Sources: the environment tables of Semantest's plan for its platform (network, security, monitoring, features, tiers),
and the environment files and sizes of its earlier deployments (what a REST or WebSocket API has of its own).
`docs/environments.md` shows the plan's values beside those that are deployed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from itertools import islice

from semantest_iac.domain.compute.scaling import ScalingPolicy
from semantest_iac.domain.costs.tiers import Tier
from semantest_iac.domain.environments.names import (
    ENVIRONMENTS,
    canonical_environment,
    make_printable,
    suggest_known,
)
from semantest_iac.domain.errors import Fault, ValidationError

SUBNETS: Mapping[str, str] = {
    "gateway": "what receives requests from outside",
    "app": "microservices",
    "functions": "functions",
    "integration": "private endpoints of messaging",
    "data": "private endpoints of databases and storage",
    "management": "bastion and jump hosts",
}
"""The subnets of the platform by name, in the order of their addresses, each with what is in it."""
SUBNET_PREFIX = 24


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """The network of the platform: its addresses and what protects it.

    `subnet_ranges` has the addresses of subnets that do not follow from those of the network, `ddos_plan_id` is a plan
    that is managed elsewhere. The firewall lets HTTPS to `allowed_hosts` out, without any to every host.
    """

    cidr: str
    ddos_protection: bool = False
    firewall: bool = False
    bastion: bool = False
    nat_gateway: bool = True
    ddos_plan_id: str = ""
    accept_ddos_commitment: bool = False
    allowed_hosts: tuple[str, ...] = ()
    subnet_ranges: Mapping[str, str] = field(default_factory=dict)

    @property
    def subnets(self) -> dict[str, str]:
        """The addresses of every subnet by its name: the first /24 of the network, in the order of SUBNETS."""
        network = IPv4Network(self.cidr)
        parts = islice(network.subnets(new_prefix=max(SUBNET_PREFIX, network.prefixlen)), len(SUBNETS))
        return {**dict(zip(SUBNETS, map(str, parts), strict=False)), **self.subnet_ranges}


@dataclass(frozen=True, slots=True)
class Throttling:
    """Requests per second and the burst above them, over all clients."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """Security of an environment.

    `soft_delete_days` and `purge_protection` are those of the platform's vault, `private_endpoints` says whether its
    services are reached through the network alone. `secret_recovery_days` are those of an API's own secrets: 0 (delete
    at once) or 7 to 30.
    """

    soft_delete_days: int
    purge_protection: bool
    private_endpoints: bool
    cors_origins: tuple[str, ...]
    throttling: Throttling
    secret_recovery_days: int


@dataclass(frozen=True, slots=True)
class Alert:
    """A threshold: error rate 0 to 1, latency in ms (p95), server errors, throttles a minute, or instances at once."""

    type: str
    threshold: float


@dataclass(frozen=True, slots=True)
class MonitoringSettings:
    """Alarms, their recipients, the days that logs are kept, and how many GB of them a day; None for any number."""

    enabled: bool
    log_retention_days: int
    alerts: tuple[Alert, ...] = ()
    notify: tuple[str, ...] = ()
    daily_quota_gb: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFlags:
    """Optional parts of an environment; those that begin with `enable` are parts of the platform."""

    tracing: bool
    access_logs: bool
    enable_container_apps: bool = True
    enable_dapr: bool = False
    enable_functions: bool = True
    enable_service_bus: bool = True
    enable_sql_database: bool = True
    enable_api_management: bool
    enable_cdn: bool
    enable_data_factory: bool
    enable_redis_cache: bool
    enable_cosmos_db: bool


@dataclass(frozen=True, slots=True)
class CostTiers:
    """What the parts of the platform may cost: the plan's tiers as neutral words; a cloud's program chooses a size."""

    api_management: Tier = "basic"
    container_apps: Tier = "basic"
    functions: Tier = "basic"
    sql_database: Tier = "basic"
    service_bus: Tier = "basic"


@dataclass(frozen=True, slots=True)
class DataSettings:
    """For how many days a database can be restored to any moment, and whether a second zone takes over."""

    backup_days: int = 7
    high_availability: bool = False


@dataclass(frozen=True, slots=True)
class FunctionSize:
    """Memory in MB, timeout in seconds."""

    memory: int
    timeout: int
    instances: ScalingPolicy = field(default_factory=ScalingPolicy)


@dataclass(frozen=True, slots=True)
class FunctionNetwork:
    """Where the functions of an API run: `private` creates a network of `cidr`, unless subnets are named."""

    private: bool
    cidr: str
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceDefaults:
    """What a REST or WebSocket API has where its component says nothing; these stacks were there before the platform.

    `sizes` are by type of component.
    """

    sizes: Mapping[str, FunctionSize]
    network: FunctionNetwork
    log_retention_days: int
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """All settings of an environment."""

    name: str
    network: NetworkSettings
    security: SecuritySettings
    monitoring: MonitoringSettings
    features: FeatureFlags
    services: ServiceDefaults
    tiers: CostTiers = CostTiers()
    data: DataSettings = DataSettings()


LOG_RETENTIONS = (  # days
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


def round_retention(days: int) -> int:
    """Return the next number of days in LOG_RETENTIONS; beyond the longest, 0 (for ever)."""
    return next((allowed for allowed in LOG_RETENTIONS if allowed >= days), 0) if days else 0


def get_environment_settings(name: str) -> EnvironmentSettings:
    """Return the settings of an environment by name or alias; raises ValidationError for an unknown one."""
    settings = _ENVIRONMENT_SETTINGS.get(canonical_environment(name))
    if settings is None:
        fault = Fault(
            "environment", f"'{make_printable(name)}' is not an environment", suggest_known(name, ENVIRONMENTS)
        )
        raise ValidationError(f"Cannot find environment '{make_printable(name)}'.", faults=[fault])
    return settings


def _services(  # one parameter for each value that differs between environments
    rest_api: FunctionSize, websocket: FunctionSize, cidr: str, log_retention_days: int, node: str, log_level: str
) -> ServiceDefaults:
    return ServiceDefaults(
        sizes={"rest-api": rest_api, "websocket": websocket},
        network=FunctionNetwork(private=False, cidr=cidr),
        log_retention_days=log_retention_days,
        variables={
            "NODE_ENV": node,
            "LOG_LEVEL": log_level,
            "AUTHENTICATION_REQUIRED": "true" if node == "production" else "false",
        },
    )


_ENVIRONMENT_SETTINGS = {
    "development": EnvironmentSettings(
        name="development",
        network=NetworkSettings("10.0.0.0/16"),
        security=SecuritySettings(
            soft_delete_days=7,
            purge_protection=False,
            private_endpoints=False,
            cors_origins=("http://localhost:3000", "http://localhost:3003"),
            throttling=Throttling(rate=2000, burst=4000),  # load tests run here; elsewhere limits protect
            secret_recovery_days=0,
        ),
        monitoring=MonitoringSettings(enabled=True, log_retention_days=30, daily_quota_gb=1),
        features=FeatureFlags(
            tracing=False,
            access_logs=True,
            enable_api_management=True,
            enable_cdn=False,
            enable_data_factory=True,
            enable_redis_cache=True,
            enable_cosmos_db=True,
        ),
        services=_services(
            FunctionSize(512, 29), FunctionSize(256, 29), "10.10.0.0/16", 7, node="development", log_level="debug"
        ),
    ),
    "qa": EnvironmentSettings(
        name="qa",
        network=NetworkSettings("10.3.0.0/16"),
        security=SecuritySettings(
            soft_delete_days=14,
            purge_protection=False,
            private_endpoints=False,
            cors_origins=(),  # the addresses of the qa pages are not known
            throttling=Throttling(rate=50, burst=100),
            secret_recovery_days=7,
        ),
        monitoring=MonitoringSettings(enabled=True, log_retention_days=30, daily_quota_gb=2),
        features=FeatureFlags(
            tracing=True,
            access_logs=True,
            enable_api_management=False,
            enable_cdn=False,
            enable_data_factory=False,
            enable_redis_cache=False,
            enable_cosmos_db=False,
        ),
        services=_services(
            FunctionSize(512, 29), FunctionSize(256, 29), "10.20.0.0/16", 14, node="development", log_level="info"
        ),
    ),
    "staging": EnvironmentSettings(
        name="staging",
        network=NetworkSettings("10.1.0.0/16"),
        security=SecuritySettings(
            soft_delete_days=30,
            purge_protection=False,
            private_endpoints=True,
            cors_origins=("https://staging.semantest.com", "https://staging-app.semantest.com"),
            throttling=Throttling(rate=100, burst=200),
            secret_recovery_days=7,
        ),
        monitoring=MonitoringSettings(enabled=True, log_retention_days=60, daily_quota_gb=5),
        features=FeatureFlags(
            tracing=True,
            access_logs=True,
            enable_api_management=True,
            enable_cdn=True,
            enable_data_factory=False,
            enable_redis_cache=False,
            enable_cosmos_db=False,
        ),
        services=_services(
            FunctionSize(1024, 29), FunctionSize(512, 60), "10.30.0.0/16", 30, node="production", log_level="info"
        ),
    ),
    "production": EnvironmentSettings(
        name="production",
        network=NetworkSettings("10.2.0.0/16", ddos_protection=True, firewall=True),
        security=SecuritySettings(
            soft_delete_days=90,
            purge_protection=True,
            private_endpoints=True,
            cors_origins=("https://semantest.com", "https://app.semantest.com"),
            throttling=Throttling(rate=100, burst=200),
            secret_recovery_days=30,
        ),
        monitoring=MonitoringSettings(enabled=True, log_retention_days=365, daily_quota_gb=None),
        features=FeatureFlags(
            tracing=True,
            access_logs=True,
            enable_api_management=True,
            enable_cdn=True,
            enable_data_factory=False,
            enable_redis_cache=True,
            enable_cosmos_db=False,
        ),
        services=_services(
            FunctionSize(1024, 29, ScalingPolicy(minimum=1)),
            FunctionSize(512, 60, ScalingPolicy(minimum=1)),
            *("10.40.0.0/16", 90),
            node="production",
            log_level="warn",
        ),
        tiers=CostTiers(
            api_management="standard",
            container_apps="basic",
            functions="premium",
            sql_database="standard",
            service_bus="standard",
        ),
        data=DataSettings(backup_days=35, high_availability=True),
    ),
}
