"""The whole configuration, and how a component's settings are resolved from it.

Its model checks shape only; `ValidationService` checks whether the values can be deployed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field

from semantest_iac.domain.compute.scaling import ScalingBounds, ScalingPolicy, ScalingService
from semantest_iac.domain.delivery.canary import CanarySettings
from semantest_iac.domain.environments import settings
from semantest_iac.domain.environments.environment_settings import (
    Alert,
    EnvironmentSettings,
    FeatureFlags,
    MonitoringSettings,
    get_environment_settings,
    round_retention,
)
from semantest_iac.domain.environments.event_sections import (
    EventSourceSection,
    EventTargetSection,
    SubscriptionSection,
)
from semantest_iac.domain.environments.guardrail_sections import GuardrailsSection
from semantest_iac.domain.environments.layer_resolution import (
    find_default_functions,
    resolve_environment,
    resolve_platform,
    resolve_resources,
    resolve_trigger,
)
from semantest_iac.domain.environments.names import (
    DEFAULT_ENVIRONMENT,
    ENVIRONMENT_ALIASES,
    ENVIRONMENTS,
    LONGEST_STACK_PART,
    PLATFORM_TYPES,
    PROVIDERS,
    RESERVED_COMPONENT_NAMES,
    STACK_PART,
    canonical_environment,
    canonical_word,
    is_stack_part,
    list_extended_environments,
    make_printable,
    suggest_known,
)
from semantest_iac.domain.environments.platform.layer_sections import ResourcesSection
from semantest_iac.domain.environments.platform.layer_settings import PlatformSettings
from semantest_iac.domain.environments.section_types import Section, Variable, parse_secret_reference
from semantest_iac.domain.environments.sections import (
    ApprovalsSection,
    ComponentSection,
    DeadlinesSection,
    EnvironmentDefaults,
    FeaturesSection,
    FunctionSection,
    MonitoringSection,
    RouteSection,
    ScalingBoundsSection,
    ScalingSection,
    StateSection,
)
from semantest_iac.domain.environments.settings import (
    DEFAULT_PAYLOAD,
    DEFAULT_SIGNING_SECRET,
    GATEWAY_TIMEOUT_S,
    SIGNING_SECRET,
    Authorizer,
    ComponentSettings,
    Cors,
    FunctionSettings,
    HealthSettings,
    PackageSettings,
    Route,
    StoreSettings,
)
from semantest_iac.domain.errors import Fault

DEFAULT_ALERTS = {
    "error_rate": 0.01,
    "latency": 1000,
    "server_errors": 5,
    "throttles": 1,
}
_Value = TypeVar("_Value")


def _as_environment(value: Any) -> Any:
    return canonical_environment(value) if isinstance(value, str) else value


def _as_word(value: Any) -> Any:
    return canonical_word(value) if isinstance(value, str) else value


class EnvironmentValues(EnvironmentDefaults):
    """What a configuration says for every environment, or for one of them."""

    project: str | None = Field(
        default=None,
        description="Name that all stacks of this file have in front; semantest by default.",
        json_schema_extra={"pattern": f"^{STACK_PART.pattern}$", "maxLength": LONGEST_STACK_PART},
    )
    provider: Annotated[str | None, BeforeValidator(_as_word)] = Field(
        default=None, description="The cloud.", json_schema_extra={"enum": [*PROVIDERS, None]}
    )
    region: str | None = Field(default=None, description="Region of the provider.")
    engine: Annotated[str | None, BeforeValidator(_as_word)] = Field(
        default=None,
        description="What deploys; sandbox in development, pulumi elsewhere.",
        json_schema_extra={"enum": ["sandbox", "pulumi", None]},
    )
    cloud: Annotated[Literal["sandbox", "real"] | None, BeforeValidator(_as_word)] = Field(
        default=None, description="Where the engine deploys to: clouds simulated on this machine, or real ones."
    )
    components: dict[str, ComponentSection] = Field(
        default={},
        description="Settings by component: a type, or a name of its own with a type.",
        json_schema_extra={
            "propertyNames": {
                "pattern": f"^{STACK_PART.pattern}$",
                "maxLength": LONGEST_STACK_PART,
                "not": {"enum": list(RESERVED_COMPONENT_NAMES)},
            }
        },
    )
    scaling: ScalingSection = ScalingSection()
    deadlines: DeadlinesSection = DeadlinesSection()
    approvals: ApprovalsSection = ApprovalsSection()
    guardrails: GuardrailsSection = GuardrailsSection()
    tags: dict[str, Variable] = Field(default={}, description="Tags of all resources, besides those of this tool.")


class EnvironmentSection(EnvironmentValues):
    """An environment of the file's own, or what a built-in one has of its own: as in semantest.<environment>.yaml."""

    extends: Annotated[str | None, BeforeValidator(_as_environment)] = Field(
        default=None, description="The environment whose settings hold where none are written; development by default."
    )


def _read_empty_section(value: Any) -> Any:
    return {} if value is None else value


class DeploymentConfiguration(EnvironmentValues):
    """The whole configuration."""

    environment: Annotated[str | None, BeforeValidator(_as_environment)] = Field(
        default=None,
        description="A built-in environment, for which dev, prod and others stand too, or one of `environments`.",
        json_schema_extra={
            "anyOf": [
                {"enum": [*ENVIRONMENTS, *ENVIRONMENT_ALIASES, None]},
                {"type": "string", "pattern": f"^{STACK_PART.pattern}$", "maxLength": LONGEST_STACK_PART},
            ]
        },
    )
    environments: dict[
        str,
        Annotated[
            EnvironmentSection, BeforeValidator(_read_empty_section, json_schema_input_type=EnvironmentSection | None)
        ],
    ] = Field(
        default={},
        description="Environments of the file's own by name, and what built-in ones have of their own.",
        json_schema_extra={"propertyNames": {"pattern": f"^{STACK_PART.pattern}$", "maxLength": LONGEST_STACK_PART}},
    )
    state: StateSection = StateSection()
    event_sources: dict[str, EventSourceSection] = Field(
        default={}, description="Where a worker receives events that request deployments, by name."
    )
    event_targets: dict[str, EventTargetSection] = Field(
        default={}, description="Where a worker publishes the events of deployments, by name."
    )
    subscriptions: dict[str, SubscriptionSection] = Field(
        default={}, description="What events of other systems lead to, by name."
    )

    def list_extended_environments(self, environment: str) -> tuple[str, ...]:
        """Return the environment and those that it extends; the last is a built-in one unless a name is unknown."""
        own = {name: section.extends or DEFAULT_ENVIRONMENT for name, section in self.environments.items()}
        return list_extended_environments(canonical_environment(environment), own)

    def find_base_environment(self, environment: str) -> str:
        """Return the built-in environment whose settings hold; another name where the environment is unknown."""
        return self.list_extended_environments(environment)[-1]

    @property
    def environment_names(self) -> tuple[str, ...]:
        """The built-in environments and those of the file's own that extend one."""
        own = (name for name in self.environments if self.find_base_environment(name) in ENVIRONMENTS)
        return tuple(dict.fromkeys((*ENVIRONMENTS, *own)))


def find_environment_faults(extends: Mapping[str, str | None]) -> Iterator[Fault]:
    """Yield what is wrong with environments of a file's own; `extends` has what each extends, None for the default."""
    known = tuple(dict.fromkeys((*ENVIRONMENTS, *extends)))
    for name, base in extends.items():
        at = f"environments.{make_printable(name)}"
        if full_name := ENVIRONMENT_ALIASES.get(name):
            yield Fault(at, f"'{name}' is another name of {full_name}", f"Write {full_name}, or choose another name.")
        elif not is_stack_part(name):
            hint = f"Use lower-case letters, digits and single hyphens, {LONGEST_STACK_PART} characters at most."
            yield Fault(at, f"'{make_printable(name)}' is not a name", hint)
        if base is not None and name in ENVIRONMENTS:
            yield Fault(f"{at}.extends", f"{name} is built in and extends nothing", "Leave it out.")
        elif base is not None and base not in known:
            yield Fault(f"{at}.extends", f"'{make_printable(base)}' is not an environment", suggest_known(base, known))
    yield from _find_extension_cycles({name: base or DEFAULT_ENVIRONMENT for name, base in extends.items()})


def _find_extension_cycles(extends: Mapping[str, str]) -> Iterator[Fault]:
    reported: set[str] = set()
    for name in extends:
        chain = list_extended_environments(name, extends)
        if name in chain[1:] and name not in reported:
            reported |= {*chain}
            path, hint = f"environments.{make_printable(name)}.extends", "Let one of them extend a built-in one."
            yield Fault(path, f"extends itself: {' extends '.join(map(make_printable, chain))}", hint)


def find_component_type(configuration: DeploymentConfiguration, component: str) -> str:
    """Return the type of a component, which is its name unless the configuration gives it one."""
    return configuration.components.get(component, ComponentSection()).type or component


def component_requires_token(component: str, environment: str, section: ComponentSection) -> bool:
    """Whether clients of the component must show a token; always false for HTTP APIs, whose gateway checks it."""
    if (section.type or component) != "websocket" or canonical_environment(environment) not in ENVIRONMENTS:
        return False
    variables = {**get_environment_settings(environment).services.variables, **section.environment}
    return settings.requires_token(section.authorizer, variables)


def derive_function_name(handler: str) -> str:
    """Return the name of a function that only a route's handler names: `todos/create.handler` is `todos-create`."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", handler.removesuffix(".handler"))
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def find_route_function(section: ComponentSection, route: RouteSection) -> str:
    """Return the name of the function that answers a route; empty for the component's own handler or entry.

    Routes with the same handler share a function.
    """
    if route.function is not None:
        return route.function
    if route.handler is None or route.handler == section.handler:
        return ""
    declared = (name for name, function in section.functions.items() if function.handler == route.handler)
    return next(declared, derive_function_name(route.handler))


def find_functions(section: ComponentSection) -> dict[str, FunctionSection]:
    """Return the functions of a component by name: those of `functions`, then those that only routes name."""
    found = dict(section.functions)
    for route in section.routes or ():
        if route.function is None and route.handler and (name := find_route_function(section, route)):
            found.setdefault(name, FunctionSection(handler=route.handler))
    return found


def list_function_values(section: ComponentSection, key: str) -> list[tuple[str, Any]]:
    """Return what is written under a key of the component and of each of its functions, each with its path."""
    functions = ((f"functions.{name}.{key}", getattr(one, key)) for name, one in section.functions.items())
    return [(key, getattr(section, key)), *functions]


def list_variables(section: ComponentSection) -> list[tuple[str, Mapping[str, str]]]:
    """Return the variables of the component, and of each of its functions and services, each with its path."""
    services = ((f"services.{name}.environment", one.environment) for name, one in (section.services or {}).items())
    return [*list_function_values(section, "environment"), *services]


def find_secret_names(component: str, environment: str, section: ComponentSection) -> set[str]:
    """Return the names of all secrets of a component, the implied signing key of tokens included."""
    environments = [variables for _, variables in list_variables(section)]
    written = {parse_secret_reference(value) for variables in environments for value in variables.values()}
    login = (
        parse_secret_reference(section.gateway.login.password) if section.gateway and section.gateway.login else None
    )
    return {*find_secret_variables(component, environment, section).values(), *filter(None, (*written, login))}


def find_secret_variables(component: str, environment: str, section: ComponentSection) -> dict[str, str]:
    """Return variables with the names of their secrets, the implied signing key of tokens included."""
    written = {
        variable: name for variable, value in section.environment.items() if (name := parse_secret_reference(value))
    }
    implied = (
        {SIGNING_SECRET: DEFAULT_SIGNING_SECRET} if component_requires_token(component, environment, section) else {}
    )
    return {**implied, **written}


def resolve_component(configuration: DeploymentConfiguration, component: str, environment: str) -> ComponentSettings:
    """Fill every gap of the component from its environment; raises ValidationError for an unknown one."""
    environment = configuration.find_base_environment(environment)
    defaults = get_environment_settings(environment)
    section = configuration.components.get(component, ComponentSection())
    type_ = section.type or component
    size = defaults.services.sizes.get(type_, defaults.services.sizes["rest-api"])
    instances = ScalingService().choose_policy(
        size.instances,
        section.instances.min,
        section.instances.max,
        auto_scale=configuration.scaling.auto_scale is not False,
    )
    timeout, memory = _value_or_default(section.timeout, size.timeout), _value_or_default(section.memory, size.memory)
    serves_http = type_ != "websocket"
    in_gateway = min(timeout, GATEWAY_TIMEOUT_S)
    environment_settings = resolve_environment(defaults, configuration)
    platform = _resolve_layers(type_, section, environment_settings)
    functions = _resolve_functions(section, defaults, memory, timeout, platform) if serves_http else ()
    return ComponentSettings(
        component=component,
        type=type_,
        source=section.source,
        entry=section.entry,
        handler=section.handler,
        runtime=section.runtime,
        memory=memory,
        timeout=in_gateway if serves_http else timeout,
        integration_timeout=max((in_gateway, *(function.timeout for function in functions))),
        instances=instances,
        environment=_resolve_variables(section.environment, defaults),
        secrets=find_secret_variables(component, environment, section),
        network=replace(defaults.services.network, **_written_values(section.network)),
        routes=_resolve_routes(section) if serves_http else (),
        cors=_resolve_cors(section, defaults) if serves_http else None,
        throttling=replace(defaults.security.throttling, **_written_values(section.throttling)),
        authorizer=Authorizer(**_written_values(section.authorizer)) if section.authorizer else None,
        monitoring=_resolve_monitoring(configuration.monitoring, _choose_monitoring(defaults, platform), instances),
        features=_resolve_features(configuration.features, defaults.features, serves_http=serves_http),
        secret_recovery_days=defaults.security.secret_recovery_days,
        package=PackageSettings(**_written_values(section.package)),
        build=section.build,
        health=HealthSettings(**_written_values(section.health)) if section.health else HealthSettings(),
        payload=section.payload or DEFAULT_PAYLOAD,
        functions=functions,
        app=section.app,
        scaling_bounds=_resolve_scaling_bounds(configuration.scaling, section.scaling),
        base_environment=defaults.name,
        tags={**configuration.tags, **section.tags},
        canary=CanarySettings(**_written_values(section.canary)) if section.canary and section.canary.steps else None,
        platform=platform,
        resources=resolve_resources(section.resources, environment_settings),
        stores=_resolve_stores(section if platform else section.resources, environment_settings),
        domain=section.domain or "",
        dns_zone=section.dns_zone or "",
    )


def _resolve_layers(
    component_type: str, section: ComponentSection, environment: EnvironmentSettings
) -> PlatformSettings | None:
    return resolve_platform(component_type, section, environment) if component_type in PLATFORM_TYPES else None


def _resolve_stores(
    written: ComponentSection | ResourcesSection | None, environment: EnvironmentSettings
) -> StoreSettings:
    names = (written.tables or (), written.buckets or ()) if written else ((), ())
    return StoreSettings(*names, environment.data.backup_days)


def _choose_monitoring(defaults: EnvironmentSettings, platform: PlatformSettings | None) -> MonitoringSettings:
    """Return the monitoring of the environment; APIs keep logs for a time of their own."""
    if platform is not None:
        return platform.environment.monitoring
    return replace(defaults.monitoring, log_retention_days=defaults.services.log_retention_days)


def _value_or_default(written: _Value | None, default: _Value) -> _Value:
    return default if written is None else written


def _written_values(section: Section) -> dict[str, Any]:
    return section.model_dump(exclude_none=True)


def _resolve_features(section: FeaturesSection, default: FeatureFlags, *, serves_http: bool) -> FeatureFlags:
    """A WebSocket API has an access log only on request: it may require settings of the account."""
    usual = replace(default, access_logs=default.access_logs and serves_http)
    return replace(usual, **_written_values(section))


def _resolve_variables(written: Mapping[str, str], defaults: EnvironmentSettings) -> dict[str, str]:
    merged = {**defaults.services.variables, **written}
    return {key: value for key, value in merged.items() if parse_secret_reference(value) is None}


def _resolve_scaling_bounds(of_all: ScalingSection, of_component: ScalingBoundsSection) -> ScalingBounds:
    """What the component says holds in place of what the environment says, each value on its own."""
    written = _written_values(of_all) | _written_values(of_component)
    default = ScalingBounds()
    return ScalingBounds(
        written.get("min", default.minimum),
        written.get("max", default.maximum),
        written.get("cooldown_s", default.cooldown_s),
    )


def _resolve_functions(
    section: ComponentSection,
    defaults: EnvironmentSettings,
    memory: int,
    timeout: int,
    platform: PlatformSettings | None,
) -> tuple[FunctionSettings, ...]:
    """Fill the gaps of every function from the component."""
    found = find_functions(section) or (find_default_functions(platform) if platform else {})
    written = {name: section.environment | function.environment for name, function in found.items()}
    return tuple(
        FunctionSettings(
            name=name,
            handler=function.handler or "",
            app=function.app or "",
            runtime=function.runtime or section.runtime,
            payload=DEFAULT_PAYLOAD if function.app else function.payload or section.payload or DEFAULT_PAYLOAD,
            memory=_value_or_default(function.memory, memory),
            timeout=_value_or_default(function.timeout, timeout)
            if platform
            else min(_value_or_default(function.timeout, timeout), GATEWAY_TIMEOUT_S),
            environment=_resolve_variables(written[name], defaults),
            secrets={key: secret for key, value in written[name].items() if (secret := parse_secret_reference(value))},
            trigger=resolve_trigger(function.trigger),
            sends_to=function.sends_to or (),
            calls=function.calls or (),
            tables=function.tables or (),
            buckets=function.buckets or (),
            has_fixed_address=function.outbound is not None,
        )
        for name, function in found.items()
    )


def _resolve_routes(section: ComponentSection) -> tuple[Route, ...]:
    return tuple(
        Route(route.path, route.methods, route.public, find_route_function(section, route))
        for route in section.routes or ()
    )


def _resolve_cors(section: ComponentSection, defaults: EnvironmentSettings) -> Cors | None:
    written = _written_values(section.cors) if section.cors else {}
    cors = Cors(**{"origins": defaults.security.cors_origins} | written)
    return cors if cors.origins else None


def _resolve_monitoring(
    section: MonitoringSection, default: MonitoringSettings, instances: ScalingPolicy
) -> MonitoringSettings:
    enabled = _value_or_default(section.enabled, default.enabled)
    return MonitoringSettings(
        enabled=enabled,
        log_retention_days=round_retention(_value_or_default(section.log_retention_days, default.log_retention_days)),
        alerts=_resolve_alerts(section, instances) if enabled else (),
        notify=_value_or_default(section.notify, default.notify),
        daily_quota_gb=default.daily_quota_gb,
    )


def _resolve_alerts(section: MonitoringSection, instances: ScalingPolicy) -> tuple[Alert, ...]:
    if section.alerts is not None:
        return tuple(Alert(alert.type, alert.threshold) for alert in section.alerts)
    concurrency = Alert("concurrency", ScalingService().choose_concurrency_threshold(instances))
    return (*(Alert(kind, threshold) for kind, threshold in DEFAULT_ALERTS.items()), concurrency)
