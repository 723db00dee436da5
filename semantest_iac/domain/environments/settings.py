"""The values that a blueprint is built from: the settings of an environment, and of one component in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from semantest_iac.domain.environments import authentication

GATEWAY_TIMEOUT = 29  # seconds; both kinds of API stop waiting for the function after that


@dataclass(frozen=True, slots=True)
class Instances:
    """How many copies are kept warm, and how many may run; no `maximum` means what the account allows."""

    minimum: int = 0
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """Memory in MB, timeout in seconds."""

    memory: int
    timeout: int
    instances: Instances = Instances()


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Where functions run: `private` puts them into a network of `cidr`, or into the subnets named."""

    private: bool
    cidr: str
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Throttling:
    """Requests per second and the burst above them, over all clients."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """What an environment asks of its API; `secret_recovery_days` is 0 (delete at once) or 7 to 30."""

    cors_origins: tuple[str, ...]
    throttling: Throttling
    secret_recovery_days: int


@dataclass(frozen=True, slots=True)
class Alert:
    """Error rate 0 to 1, latency in ms (p95), server errors, throttles a minute, concurrency in instances."""

    type: str
    threshold: float


@dataclass(frozen=True, slots=True)
class MonitoringSettings:
    """What is watched, who is told, and for how many days logs are kept."""

    enabled: bool
    log_retention_days: int
    alerts: tuple[Alert, ...] = ()
    notify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeatureFlags:
    """Parts that an environment may do without."""

    tracing: bool
    access_logs: bool


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """What holds in an environment as long as the configuration says nothing else."""

    name: str
    sizes: Mapping[str, Size]
    network: NetworkSettings
    security: SecuritySettings
    monitoring: MonitoringSettings
    features: FeatureFlags
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cors:
    """Which browsers' origins may call; `max_age` in seconds."""

    origins: tuple[str, ...]
    methods: tuple[str, ...] = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    headers: tuple[str, ...] = ("authorization", "content-type", "x-correlation-id")
    credentials: bool = False
    max_age: int = 300


@dataclass(frozen=True, slots=True)
class Route:
    """A path of the API and its methods (`ANY` for all); a public route passes the authorizer by."""

    path: str
    methods: tuple[str, ...] = ("ANY",)
    public: bool = False


@dataclass(frozen=True, slots=True)
class Authorizer:
    """Who signs the JSON web tokens, for whom, and which header carries them."""

    issuer: str
    audience: tuple[str, ...]
    header: str = "Authorization"


@dataclass(frozen=True, slots=True)
class ComponentSettings:
    """One component with nothing left open but what only the source can tell (entry, handler, runtime).

    No `routes` means all of them. `environment` holds the plain variables, `secrets` maps a variable to the
    name of its secret. `timeout` is the function's own, `integration_timeout` that of the API in front.
    """

    component: str
    source: str | None
    entry: str | None
    handler: str | None
    runtime: str | None
    memory: int
    timeout: int
    integration_timeout: int
    instances: Instances
    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    network: NetworkSettings
    routes: tuple[Route, ...]
    cors: Cors | None
    throttling: Throttling
    authorizer: Authorizer | None
    monitoring: MonitoringSettings
    features: FeatureFlags
    secret_recovery_days: int

    @property
    def asks_for_token(self) -> bool:
        """Whether clients of a WebSocket API must show a token when they connect."""
        return authentication.asks_for_token(self.authorizer, self.environment)
