"""The settings of one component in an environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from semantest_iac.domain.compute.scaling import ScalingBounds, ScalingPolicy
from semantest_iac.domain.delivery.canary import CanarySettings
from semantest_iac.domain.environments.environment_settings import (
    FeatureFlags,
    FunctionNetwork,
    MonitoringSettings,
    Throttling,
)
from semantest_iac.domain.environments.names import DEFAULT_ENVIRONMENT, SERVICE_TYPES, Environment
from semantest_iac.domain.environments.platform.layer_settings import (
    SERVICES_LAYER,
    SITE_LAYER,
    FunctionTrigger,
    PlatformSettings,
)
from semantest_iac.domain.environments.platform.service_settings import ServiceSettings

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
    A function of the platform has a `trigger` and names the queues and topics that it `sends_to`, the functions that it
    `calls`, and the `tables` and `buckets` that it uses; those of an API are reached by its routes, and use all that
    the API has. With `has_fixed_address`, its outgoing connections leave through a NAT gateway.
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
    trigger: FunctionTrigger | None = None
    sends_to: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    has_fixed_address: bool = False


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
class StoreSettings:
    """The tables and buckets of a component, and the days in which what was lost of them can be restored."""

    tables: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    backup_days: int = 7


@dataclass(frozen=True, slots=True)
class ComponentSettings:
    """The resolved settings of one component of a type; None only where the source decides (entry, handler, app,
    runtime).

    Without `routes` every route is served. `environment` has the plain variables, `secrets` maps variables to the names
    of secrets. `timeout` is the function's, `integration_timeout` the API's. With `functions`, the settings of a
    function are those of the component's own handler or entry, and `for_function` returns those of the others.
    `base_environment` is the built-in environment whose settings hold: the environment itself, or what it extends.
    Without `canary` a new version gets all of the traffic at once. A layer, and the platform, have `platform` besides;
    None for an API, which may have `resources`: the layers with what its functions use. Both may have `stores`.
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
    network: FunctionNetwork
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
    platform: PlatformSettings | None = None
    resources: PlatformSettings | None = None
    stores: StoreSettings = field(default_factory=StoreSettings)
    domain: str = ""
    dns_zone: str = ""

    @property
    def uses_messages(self) -> bool:
        """Whether one of the functions gets messages or sends some."""
        if self.resources is not None and "messaging" in self.resources.layers:
            return True
        return any(it.sends_to or (it.trigger and (it.trigger.queue or it.trigger.topic)) for it in self.functions)

    @property
    def has_internal_calls(self) -> bool:
        """Whether one of the functions answers calls of others."""
        return any(it.trigger and it.trigger.http for it in self.functions)

    @property
    def answers_requests(self) -> bool:
        """Whether it is an API, which clients and health checks reach from outside."""
        return self.type in SERVICE_TYPES

    @property
    def runs_code(self) -> bool:
        """Whether the stack has functions, a site or services of which an image is made, and with them a package."""
        return self.answers_requests or bool(self.functions) or self.has_site or bool(self.built_services)

    @property
    def built_services(self) -> Mapping[str, ServiceSettings]:
        """The services whose image is made of their source, by name."""
        has_services = self.platform is not None and SERVICES_LAYER in self.platform.layers
        return self.platform.services.built if self.platform is not None and has_services else {}

    @property
    def has_site(self) -> bool:
        """Whether the stack has the files of a static site."""
        return self.platform is not None and SITE_LAYER in self.platform.layers

    @property
    def is_production(self) -> bool:
        """Whether what production protects is protected: the environment is production, or extends it."""
        return self.base_environment == Environment.PRODUCTION

    @property
    def has_main_function(self) -> bool:
        """Whether requests reach the component's own handler or entry: without functions, or by a route without one."""
        if not self.answers_requests:
            return False
        return not self.functions or not self.routes or any(not route.function for route in self.routes)

    @property
    def function_names(self) -> tuple[str, ...]:
        """The names of all functions, the empty one of the component's own handler or entry first."""
        return (*([""] if self.has_main_function else []), *(function.name for function in self.functions))

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The names of the secrets that any function, service or the gateway reads, each once, sorted."""
        of_functions = {key for name in self.function_names for key in self.for_function(name).secrets.values()}
        return tuple(sorted(of_functions | self._service_secrets | self._gateway_secrets))

    @property
    def _gateway_secrets(self) -> set[str]:
        """The name of the secret with the password of the gateway's login."""
        platform = self.platform
        return {platform.gateway.login_secret} - {""} if platform and platform.has_gateway else set()

    @property
    def has_services(self) -> bool:
        """Whether the stack has services that run containers."""
        return (
            self.platform is not None and "services" in self.platform.layers and bool(self.platform.services.services)
        )

    @property
    def _service_secrets(self) -> set[str]:
        """The names of the secrets that services read: their own, and those of the component."""
        if self.platform is None or not self.has_services:
            return set()
        return {*self.platform.services.secret_names, *self.secrets.values()}

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
