"""Settings of an environment and of one component in it, with the defaults of the four environments.

Sources of the defaults: the environment files and sizes of Semantest's earlier deployments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from semantest_iac.domain.compute.scaling import ScalingBounds, ScalingPolicy
from semantest_iac.domain.delivery.canary import CanarySettings
from semantest_iac.domain.environments.names import (
    DEFAULT_ENVIRONMENT,
    ENVIRONMENTS,
    Environment,
    canonical_environment,
    make_printable,
    suggest_known,
)
from semantest_iac.domain.errors import Fault, ValidationError

AUTHENTICATION_REQUIRED = "AUTHENTICATION_REQUIRED"
SIGNING_SECRET = "JWT_SECRET"  # noqa: S105 - the name of a variable
DEFAULT_SIGNING_SECRET = "jwt_secret"  # noqa: S105 - the name of a secret
ALLOWED_ORIGINS = "ALLOWED_ORIGINS"
TOKEN_ISSUER, TOKEN_AUDIENCE = "JWT_ISSUER", "JWT_AUDIENCE"

_FALSE_WORDS = ("false", "no", "off", "0")


def requires_token(authorizer: object | None, variables: Mapping[str, str]) -> bool:
    """Whether clients must show a token; false only if a variable says so explicitly."""
    return authorizer is not None or variables.get(AUTHENTICATION_REQUIRED, "").strip().lower() not in _FALSE_WORDS


DEFAULT_PAYLOAD = "2.0"  # the newer of the two formats of events
DEFAULT_HEALTH_PATH = "/health"
GATEWAY_TIMEOUT_S = 29  # seconds; both kinds of API stop waiting for the function after that


@dataclass(frozen=True, slots=True)
class FunctionSize:
    """Memory in MB, timeout in seconds."""

    memory: int
    timeout: int
    instances: ScalingPolicy = field(default_factory=ScalingPolicy)


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Where functions run: `private` creates a network of `cidr`, unless subnets are named."""

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
    """Security of an environment; `secret_recovery_days` is 0 (delete at once) or 7 to 30."""

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
    """Alarms, their recipients, and the days that logs are kept."""

    enabled: bool
    log_retention_days: int
    alerts: tuple[Alert, ...] = ()
    notify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeatureFlags:
    """Optional parts of an environment."""

    tracing: bool
    access_logs: bool


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """The defaults of an environment."""

    name: str
    sizes: Mapping[str, FunctionSize]
    network: NetworkSettings
    security: SecuritySettings
    monitoring: MonitoringSettings
    features: FeatureFlags
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cors:
    """The browser origins that may call; `max_age` in seconds."""

    origins: tuple[str, ...]
    methods: tuple[str, ...] = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    headers: tuple[str, ...] = ("authorization", "content-type", "x-correlation-id")
    credentials: bool = False
    max_age: int = 300


@dataclass(frozen=True, slots=True)
class Route:
    """A path of the API and its methods (`ANY` for all); a public route needs no token.

    `function` names the function that answers; empty for the component's own handler or entry.
    """

    path: str
    methods: tuple[str, ...] = ("ANY",)
    public: bool = False
    function: str = ""

    def takes_get(self, path: str) -> bool:
        """Whether a GET of this path fits the route."""
        pattern = "/".join(map(_segment_pattern, self.path.split("/")))
        return bool({"GET", "ANY"} & {*self.methods}) and re.fullmatch(pattern, path) is not None


def _segment_pattern(segment: str) -> str:
    if not segment.startswith("{"):
        return re.escape(segment)
    return ".+" if segment.endswith("+}") else "[^/]+"


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """One of several functions of a component; its variables and secrets include those of the component.

    It has a `handler` or an `app`. `payload` is the format of its events; without a `runtime` its files decide.
    """

    name: str
    handler: str
    app: str
    runtime: str | None
    payload: str
    memory: int
    timeout: int
    environment: Mapping[str, str]
    secrets: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Authorizer:
    """The issuer of the JSON web tokens, their audience, and the header that carries them."""

    issuer: str
    audience: tuple[str, ...]
    header: str = "Authorization"


@dataclass(frozen=True, slots=True)
class PackageSettings:
    """What is packaged besides the default: patterns of paths in the source, `exclude` before `include`.

    `pass_environment` names variables of this machine that installers of dependencies receive.
    """

    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    pass_environment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """How a deployed service is checked: the path, the expected status, and how long it is asked.

    Without a path and a status, any answer of the service's own code is enough.
    """

    enabled: bool = True
    path: str | None = None
    status: int | None = None
    timeout_s: int | None = None


@dataclass(frozen=True, slots=True)
class ComponentSettings:
    """The resolved settings of one component of a type; None only where the source decides (entry, handler, app,
    runtime).

    Without `routes` every route is served. `environment` has the plain variables, `secrets` maps variables to the names
    of secrets. `timeout` is the function's, `integration_timeout` the API's. With `functions`, the settings of a
    function are those of the component's own handler or entry, and `for_function` returns those of the others.
    `base_environment` is the built-in environment whose settings hold: the environment itself, or what it extends.
    Without `canary` a new version gets all of the traffic at once.
    """

    component: str
    type: str
    source: str | None
    entry: str | None
    handler: str | None
    runtime: str | None
    memory: int
    timeout: int
    integration_timeout: int
    instances: ScalingPolicy
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
    package: PackageSettings = field(default_factory=PackageSettings)
    health: HealthSettings = field(default_factory=HealthSettings)
    build: tuple[str, ...] = ()
    payload: str = DEFAULT_PAYLOAD
    functions: tuple[FunctionSettings, ...] = ()
    app: str | None = None
    scaling_bounds: ScalingBounds = field(default_factory=ScalingBounds)
    base_environment: str = DEFAULT_ENVIRONMENT
    tags: Mapping[str, str] = field(default_factory=dict)
    canary: CanarySettings | None = None

    @property
    def is_production(self) -> bool:
        """Whether what production protects is protected: the environment is production, or extends it."""
        return self.base_environment == Environment.PRODUCTION

    @property
    def has_main_function(self) -> bool:
        """Whether requests reach the component's own handler or entry: without functions, or by a route without one."""
        return not self.functions or not self.routes or any(not route.function for route in self.routes)

    @property
    def function_names(self) -> tuple[str, ...]:
        """The names of all functions, the empty one of the component's own handler or entry first."""
        return (*([""] if self.has_main_function else []), *(function.name for function in self.functions))

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The names of the secrets that any function reads, each once, sorted."""
        return tuple(sorted({key for name in self.function_names for key in self.for_function(name).secrets.values()}))

    def for_function(self, name: str) -> ComponentSettings:
        """Return the settings as one of the functions has them."""
        if not name:
            return self
        function = next(function for function in self.functions if function.name == name)
        return replace(
            self,
            entry=None,
            handler=function.handler or None,
            app=function.app or None,
            runtime=function.runtime,
            payload=function.payload,
            memory=function.memory,
            timeout=function.timeout,
            environment=function.environment,
            secrets=function.secrets,
        )

    @property
    def answers_only_routes(self) -> bool:
        """Whether the routes are all that the service answers: those that are written for code of the user's own."""
        return bool(self.routes) and (self.source is not None or not self.has_main_function)

    @property
    def health_path(self) -> str | None:
        """The path that a health check asks with GET.

        Where the routes are all that the service answers and no path is configured, it is that of a route that takes
        GET, has no parameters and needs no token, /health before others; or /health if a `{name+}` takes it. None
        without one.
        """
        if self.health.path or not self.answers_only_routes:
            return self.health.path or DEFAULT_HEALTH_PATH
        public = [route for route in self.routes if route.public or self.authorizer is None]
        plain = [route.path for route in public if "{" not in route.path and route.takes_get(route.path)]
        rest = [DEFAULT_HEALTH_PATH for route in public if "+}" in route.path and route.takes_get(DEFAULT_HEALTH_PATH)]
        return next(iter(sorted(plain, key=lambda path: path != DEFAULT_HEALTH_PATH) + rest), None)

    @property
    def requires_token(self) -> bool:
        """Whether clients of a WebSocket API must show a token when they connect."""
        return requires_token(self.authorizer, self.environment)


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


def _sizes(rest_api: FunctionSize, websocket: FunctionSize) -> Mapping[str, FunctionSize]:
    return {"rest-api": rest_api, "websocket": websocket, "platform": rest_api}


def _variables(node: str, log_level: str, authentication: str) -> Mapping[str, str]:
    return {"NODE_ENV": node, "LOG_LEVEL": log_level, "AUTHENTICATION_REQUIRED": authentication}


_ENVIRONMENT_SETTINGS = {
    "development": EnvironmentSettings(
        name="development",
        sizes=_sizes(FunctionSize(512, 29), FunctionSize(256, 29)),
        network=NetworkSettings(private=False, cidr="10.10.0.0/16"),
        security=SecuritySettings(
            cors_origins=("http://localhost:3000", "http://localhost:3003"),
            throttling=Throttling(rate=2000, burst=4000),  # load tests run here; elsewhere limits protect
            secret_recovery_days=0,
        ),
        monitoring=MonitoringSettings(enabled=True, log_retention_days=7),
        features=FeatureFlags(tracing=False, access_logs=True),
        variables=_variables("development", "debug", "false"),
    ),
    "qa": EnvironmentSettings(
        name="qa",
        sizes=_sizes(FunctionSize(512, 29), FunctionSize(256, 29)),
        network=NetworkSettings(private=False, cidr="10.20.0.0/16"),
        security=SecuritySettings(
            cors_origins=(),  # the addresses of the qa pages are not known
            throttling=Throttling(rate=50, burst=100),
            secret_recovery_days=7,
        ),
        monitoring=MonitoringSettings(enabled=True, log_retention_days=14),
        features=FeatureFlags(tracing=True, access_logs=True),
        variables=_variables("development", "info", "false"),
    ),
    "staging": EnvironmentSettings(
        name="staging",
        sizes=_sizes(FunctionSize(1024, 29), FunctionSize(512, 60)),
        network=NetworkSettings(private=False, cidr="10.30.0.0/16"),
        security=SecuritySettings(
            cors_origins=("https://staging.semantest.com", "https://staging-app.semantest.com"),
            throttling=Throttling(rate=100, burst=200),
            secret_recovery_days=7,
        ),
        monitoring=MonitoringSettings(enabled=True, log_retention_days=30),
        features=FeatureFlags(tracing=True, access_logs=True),
        variables=_variables("production", "info", "true"),
    ),
    "production": EnvironmentSettings(
        name="production",
        sizes=_sizes(FunctionSize(1024, 29, ScalingPolicy(minimum=1)), FunctionSize(512, 60, ScalingPolicy(minimum=1))),
        network=NetworkSettings(private=False, cidr="10.40.0.0/16"),
        security=SecuritySettings(
            cors_origins=("https://semantest.com", "https://app.semantest.com"),
            throttling=Throttling(rate=100, burst=200),
            secret_recovery_days=30,
        ),
        monitoring=MonitoringSettings(enabled=True, log_retention_days=90),
        features=FeatureFlags(tracing=True, access_logs=True),
        variables=_variables("production", "warn", "true"),
    ),
}
