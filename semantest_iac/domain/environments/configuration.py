"""The configuration as it is written, and how a component is settled from it and its environment.

The models check shape; whether the values may be deployed is judged by ValidationService.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field

from semantest_iac.domain.environments import authentication
from semantest_iac.domain.environments.authentication import DEFAULT_SECRET, SIGNING_SECRET
from semantest_iac.domain.environments.defaults import get_environment_settings, retention
from semantest_iac.domain.environments.names import (
    ALIASES,
    ENVIRONMENTS,
    PROVIDERS,
    SERVICES,
    canonical_environment,
)
from semantest_iac.domain.environments.sections import (
    ComponentSection,
    FeaturesSection,
    MonitoringSection,
    ScalingSection,
    Section,
)
from semantest_iac.domain.environments.settings import (
    GATEWAY_TIMEOUT,
    Alert,
    Authorizer,
    ComponentSettings,
    Cors,
    EnvironmentSettings,
    FeatureFlags,
    Instances,
    MonitoringSettings,
    Route,
)

SECRET_REFERENCE = re.compile(r"\$\{secrets\.([^{}]*)\}")
DEFAULT_ALERTS = {
    "error_rate": 0.01,
    "latency": 1000,
    "server_errors": 5,
    "throttles": 1,
}
CONCURRENCY_SHARE = 0.8  # of the most instances at once
ACCOUNT_CONCURRENCY = 1000  # what an AWS account may run at once unless it asked for more
Value = TypeVar("Value")


def _as_environment(value: Any) -> Any:
    return canonical_environment(value) if isinstance(value, str) else value


class Configuration(Section):
    """The whole configuration."""

    provider: str | None = Field(default=None, description="The cloud.", json_schema_extra={"enum": [*PROVIDERS, None]})
    region: str | None = Field(default=None, description="Region of the provider.")
    environment: Annotated[str | None, BeforeValidator(_as_environment)] = Field(
        default=None,
        description="The environment; dev, stage, prod and the like are understood.",
        json_schema_extra={"enum": [*ENVIRONMENTS, *ALIASES, None]},
    )
    engine: Literal["sandbox", "pulumi"] | None = Field(
        default=None, description="What deploys; sandbox in development, pulumi elsewhere."
    )
    cloud: Literal["sandbox", "real"] | None = Field(
        default=None, description="Where the engine deploys to: clouds simulated on this machine, or real ones."
    )
    components: dict[str, ComponentSection] = Field(
        default={},
        description="Settings by component.",
        json_schema_extra={"propertyNames": {"enum": list(SERVICES)}},
    )
    monitoring: MonitoringSection = MonitoringSection()
    scaling: ScalingSection = ScalingSection()
    features: FeaturesSection = FeaturesSection()


def secret_name(value: str) -> str | None:
    """The name in a value that is `${secrets.name}` and nothing else."""
    match = SECRET_REFERENCE.fullmatch(value)
    return match.group(1) if match else None


def asks_for_token(component: str, environment: str, section: ComponentSection) -> bool:
    """Whether clients of the component must show a token before they are let in; only a WebSocket API asks itself."""
    if component != "websocket" or canonical_environment(environment) not in ENVIRONMENTS:
        return False
    variables = {**get_environment_settings(environment).variables, **section.environment}
    return authentication.asks_for_token(section.authorizer, variables)


def secret_variables(component: str, environment: str, section: ComponentSection) -> dict[str, str]:
    """Variables with the names of their secrets; what tokens are signed with is one, written or not."""
    written = {variable: name for variable, value in section.environment.items() if (name := secret_name(value))}
    implied = {SIGNING_SECRET: DEFAULT_SECRET} if asks_for_token(component, environment, section) else {}
    return {**implied, **written}


def resolved(configuration: Configuration, component: str, environment: str) -> ComponentSettings:
    """The component with every gap filled from its environment; raises ValidationError for an unknown one."""
    defaults = get_environment_settings(environment)
    section = configuration.components.get(component, ComponentSection())
    size = defaults.sizes.get(component, defaults.sizes["rest-api"])
    instances = _instances(section, configuration.scaling, size.instances)
    timeout = _either(section.timeout, size.timeout)
    serves_http = component != "websocket"
    in_gateway = min(timeout, GATEWAY_TIMEOUT)
    return ComponentSettings(
        component=component,
        source=section.source,
        entry=section.entry,
        handler=section.handler,
        runtime=section.runtime,
        memory=_either(section.memory, size.memory),
        timeout=in_gateway if serves_http else timeout,
        integration_timeout=in_gateway,
        instances=instances,
        environment=_plain_variables(section, defaults),
        secrets=secret_variables(component, environment, section),
        network=replace(defaults.network, **_written(section.network)),
        routes=_routes(section) if serves_http else (),
        cors=_cors(section, defaults) if serves_http else None,
        throttling=replace(defaults.security.throttling, **_written(section.throttling)),
        authorizer=Authorizer(**_written(section.authorizer)) if section.authorizer else None,
        monitoring=_monitoring(configuration.monitoring, defaults.monitoring, instances),
        features=_features(configuration.features, defaults.features, serves_http=serves_http),
        secret_recovery_days=defaults.security.secret_recovery_days,
    )


def _either(written: Value | None, default: Value) -> Value:
    return default if written is None else written


def _written(section: Section) -> dict[str, Any]:
    return section.model_dump(exclude_none=True)


def _features(section: FeaturesSection, default: FeatureFlags, *, serves_http: bool) -> FeatureFlags:
    """The access log of a WebSocket API is for who asks: it can take something that the account must have before."""
    usual = replace(default, access_logs=default.access_logs and serves_http)
    return replace(usual, **_written(section))


def _instances(section: ComponentSection, scaling: ScalingSection, default: Instances) -> Instances:
    asked = section.instances
    minimum, maximum = _either(asked.min, default.minimum), _either(asked.max, default.maximum)
    if scaling.auto_scale is not False:
        return Instances(minimum, maximum)
    fixed = max(minimum, 1)
    return Instances(fixed, fixed)


def _plain_variables(section: ComponentSection, defaults: EnvironmentSettings) -> dict[str, str]:
    merged = {**defaults.variables, **section.environment}
    return {key: value for key, value in merged.items() if secret_name(value) is None}


def _routes(section: ComponentSection) -> tuple[Route, ...]:
    return tuple(Route(**_written(route)) for route in section.routes or ())


def _cors(section: ComponentSection, defaults: EnvironmentSettings) -> Cors | None:
    cors = Cors(**_written(section.cors)) if section.cors else Cors(defaults.security.cors_origins)
    return cors if cors.origins else None


def _monitoring(section: MonitoringSection, default: MonitoringSettings, instances: Instances) -> MonitoringSettings:
    enabled = _either(section.enabled, default.enabled)
    return MonitoringSettings(
        enabled=enabled,
        log_retention_days=retention(_either(section.log_retention_days, default.log_retention_days)),
        alerts=_alerts(section, instances) if enabled else (),
        notify=_either(section.notify, default.notify),
    )


def _alerts(section: MonitoringSection, instances: Instances) -> tuple[Alert, ...]:
    if section.alerts is not None:
        return tuple(Alert(alert.type, alert.threshold) for alert in section.alerts)
    most = _either(instances.maximum, ACCOUNT_CONCURRENCY)
    concurrency = Alert("concurrency", max(1, int(most * CONCURRENCY_SHARE)))
    return (*(Alert(kind, threshold) for kind, threshold in DEFAULT_ALERTS.items()), concurrency)
