"""The whole configuration, and how a component's settings are resolved from it.

Its model checks shape only; `ValidationService` checks whether the values can be deployed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field

from semantest_iac.domain.compute.functions import ScalingPolicy, ScalingService
from semantest_iac.domain.environments import settings
from semantest_iac.domain.environments.names import (
    ENVIRONMENT_ALIASES,
    ENVIRONMENTS,
    LONGEST_STACK_PART,
    PROVIDERS,
    SERVICE_COMPONENTS,
    STACK_PART,
    canonical_environment,
)
from semantest_iac.domain.environments.sections import (
    ComponentSection,
    FeaturesSection,
    FunctionSection,
    MonitoringSection,
    RouteSection,
    ScalingSection,
    Section,
)
from semantest_iac.domain.environments.settings import (
    DEFAULT_PAYLOAD,
    DEFAULT_SIGNING_SECRET,
    GATEWAY_TIMEOUT_S,
    SIGNING_SECRET,
    Alert,
    Authorizer,
    ComponentSettings,
    Cors,
    EnvironmentSettings,
    FeatureFlags,
    FunctionSettings,
    HealthSettings,
    MonitoringSettings,
    PackageSettings,
    Route,
    get_environment_settings,
    round_retention,
)

SECRET_REFERENCE = re.compile(r"\$\{secrets\.([^{}]*)\}")
DEFAULT_ALERTS = {
    "error_rate": 0.01,
    "latency": 1000,
    "server_errors": 5,
    "throttles": 1,
}
_Value = TypeVar("_Value")


def _as_environment(value: Any) -> Any:
    return canonical_environment(value) if isinstance(value, str) else value


class DeploymentConfiguration(Section):
    """The whole configuration."""

    project: str | None = Field(
        default=None,
        description="Name that all stacks of this file have in front; semantest by default.",
        json_schema_extra={"pattern": f"^{STACK_PART.pattern}$", "maxLength": LONGEST_STACK_PART},
    )
    provider: str | None = Field(default=None, description="The cloud.", json_schema_extra={"enum": [*PROVIDERS, None]})
    region: str | None = Field(default=None, description="Region of the provider.")
    environment: Annotated[str | None, BeforeValidator(_as_environment)] = Field(
        default=None,
        description="The environment; dev, stage, prod and other aliases are accepted.",
        json_schema_extra={"enum": [*ENVIRONMENTS, *ENVIRONMENT_ALIASES, None]},
    )
    engine: str | None = Field(
        default=None,
        description="What deploys; sandbox in development, pulumi elsewhere.",
        json_schema_extra={"enum": ["sandbox", "pulumi", None]},
    )
    cloud: Literal["sandbox", "real"] | None = Field(
        default=None, description="Where the engine deploys to: clouds simulated on this machine, or real ones."
    )
    components: dict[str, ComponentSection] = Field(
        default={},
        description="Settings by component.",
        json_schema_extra={"propertyNames": {"enum": list(SERVICE_COMPONENTS)}},
    )
    monitoring: MonitoringSection = MonitoringSection()
    scaling: ScalingSection = ScalingSection()
    features: FeaturesSection = FeaturesSection()


def parse_secret_reference(value: str) -> str | None:
    """Return the name in a value that is `${secrets.name}` and nothing else."""
    match = SECRET_REFERENCE.fullmatch(value)
    return match.group(1) if match else None


def component_requires_token(component: str, environment: str, section: ComponentSection) -> bool:
    """Whether clients of the component must show a token; always false for HTTP APIs, whose gateway checks it."""
    if component != "websocket" or canonical_environment(environment) not in ENVIRONMENTS:
        return False
    variables = {**get_environment_settings(environment).variables, **section.environment}
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


def find_secret_names(component: str, environment: str, section: ComponentSection) -> set[str]:
    """Return the names of all secrets of a component, the implied signing key of tokens included."""
    environments = [variables for _, variables in list_function_values(section, "environment")]
    written = {parse_secret_reference(value) for variables in environments for value in variables.values()}
    return {*find_secret_variables(component, environment, section).values(), *filter(None, written)}


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
    defaults = get_environment_settings(environment)
    section = configuration.components.get(component, ComponentSection())
    size = defaults.sizes.get(component, defaults.sizes["rest-api"])
    instances = ScalingService().choose_policy(
        size.instances,
        section.instances.min,
        section.instances.max,
        auto_scale=configuration.scaling.auto_scale is not False,
    )
    timeout, memory = _value_or_default(section.timeout, size.timeout), _value_or_default(section.memory, size.memory)
    serves_http = component != "websocket"
    in_gateway = min(timeout, GATEWAY_TIMEOUT_S)
    functions = _resolve_functions(section, defaults, memory, in_gateway) if serves_http else ()
    return ComponentSettings(
        component=component,
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
        network=replace(defaults.network, **_written_values(section.network)),
        routes=_resolve_routes(section) if serves_http else (),
        cors=_resolve_cors(section, defaults) if serves_http else None,
        throttling=replace(defaults.security.throttling, **_written_values(section.throttling)),
        authorizer=Authorizer(**_written_values(section.authorizer)) if section.authorizer else None,
        monitoring=_resolve_monitoring(configuration.monitoring, defaults.monitoring, instances),
        features=_resolve_features(configuration.features, defaults.features, serves_http=serves_http),
        secret_recovery_days=defaults.security.secret_recovery_days,
        package=PackageSettings(**_written_values(section.package)),
        build=section.build,
        health=HealthSettings(**_written_values(section.health)) if section.health else HealthSettings(),
        payload=section.payload or DEFAULT_PAYLOAD,
        functions=functions,
        app=section.app,
    )


def _value_or_default(written: _Value | None, default: _Value) -> _Value:
    return default if written is None else written


def _written_values(section: Section) -> dict[str, Any]:
    return section.model_dump(exclude_none=True)


def _resolve_features(section: FeaturesSection, default: FeatureFlags, *, serves_http: bool) -> FeatureFlags:
    """A WebSocket API has an access log only on request: it may require settings of the account."""
    usual = replace(default, access_logs=default.access_logs and serves_http)
    return replace(usual, **_written_values(section))


def _resolve_variables(written: Mapping[str, str], defaults: EnvironmentSettings) -> dict[str, str]:
    merged = {**defaults.variables, **written}
    return {key: value for key, value in merged.items() if parse_secret_reference(value) is None}


def _resolve_functions(
    section: ComponentSection, defaults: EnvironmentSettings, memory: int, timeout: int
) -> tuple[FunctionSettings, ...]:
    """Fill the gaps of every function from the component."""
    written = {name: section.environment | function.environment for name, function in find_functions(section).items()}
    return tuple(
        FunctionSettings(
            name=name,
            handler=function.handler or "",
            app=function.app or "",
            runtime=function.runtime or section.runtime,
            payload=DEFAULT_PAYLOAD if function.app else function.payload or section.payload or DEFAULT_PAYLOAD,
            memory=_value_or_default(function.memory, memory),
            timeout=min(_value_or_default(function.timeout, timeout), GATEWAY_TIMEOUT_S),
            environment=_resolve_variables(written[name], defaults),
            secrets={key: secret for key, value in written[name].items() if (secret := parse_secret_reference(value))},
        )
        for name, function in find_functions(section).items()
    )


def _resolve_routes(section: ComponentSection) -> tuple[Route, ...]:
    return tuple(
        Route(route.path, route.methods, route.public, find_route_function(section, route))
        for route in section.routes or ()
    )


def _resolve_cors(section: ComponentSection, defaults: EnvironmentSettings) -> Cors | None:
    cors = Cors(**_written_values(section.cors)) if section.cors else Cors(defaults.security.cors_origins)
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
    )


def _resolve_alerts(section: MonitoringSection, instances: ScalingPolicy) -> tuple[Alert, ...]:
    if section.alerts is not None:
        return tuple(Alert(alert.type, alert.threshold) for alert in section.alerts)
    concurrency = Alert("concurrency", ScalingService().choose_concurrency_threshold(instances))
    return (*(Alert(kind, threshold) for kind, threshold in DEFAULT_ALERTS.items()), concurrency)
