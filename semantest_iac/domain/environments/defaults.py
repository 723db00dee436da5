"""The four environments: what holds in each as long as the configuration says nothing else.

Source: environment files and sizes of Semantest's earlier deployments; days are values that clouds accept.
"""

from __future__ import annotations

from collections.abc import Mapping

from semantest_iac.domain.environments.names import ENVIRONMENTS, canonical_environment, shown, suggestion
from semantest_iac.domain.environments.settings import (
    EnvironmentSettings,
    FeatureFlags,
    Instances,
    MonitoringSettings,
    NetworkSettings,
    SecuritySettings,
    Size,
    Throttling,
)
from semantest_iac.domain.errors import Fault, ValidationError

LOG_RETENTIONS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


_AZURE_DAYS = range(30, 730 + 1)  # of a workspace, interactively


def retention(days: int, provider: str = "aws") -> int:
    """The next number of days that CloudWatch Logs accepts, beyond the longest for ever (0); Azure's nearest to it."""
    kept = next((allowed for allowed in LOG_RETENTIONS if allowed >= days), 0) if days else 0
    if provider != "azure":
        return kept
    return min(max(kept, _AZURE_DAYS[0]), _AZURE_DAYS[-1]) if kept else _AZURE_DAYS[-1]


def get_environment_settings(name: str) -> EnvironmentSettings:
    """The settings of an environment by name or alias; raises ValidationError with the nearest name."""
    settings = _SETTINGS.get(canonical_environment(name))
    if settings is None:
        fault = Fault("environment", f"'{shown(name)}' is not an environment", suggestion(name, ENVIRONMENTS))
        raise ValidationError(f"Cannot find environment '{shown(name)}'.", faults=[fault])
    return settings


def _sizes(rest_api: Size, websocket: Size) -> Mapping[str, Size]:
    return {"rest-api": rest_api, "websocket": websocket, "platform": rest_api}


def _variables(node: str, log_level: str, authentication: str) -> Mapping[str, str]:
    return {"NODE_ENV": node, "LOG_LEVEL": log_level, "AUTHENTICATION_REQUIRED": authentication}


_SETTINGS = {
    "development": EnvironmentSettings(
        name="development",
        sizes=_sizes(Size(512, 29), Size(256, 29)),
        network=NetworkSettings(private=False, cidr="10.10.0.0/16"),
        security=SecuritySettings(
            cors_origins=("http://localhost:3000", "http://localhost:3003"),
            throttling=Throttling(rate=2000, burst=4000),  # load is tried here; elsewhere limits protect
            secret_recovery_days=0,
        ),
        monitoring=MonitoringSettings(enabled=True, log_retention_days=7),
        features=FeatureFlags(tracing=False, access_logs=True),
        variables=_variables("development", "debug", "false"),
    ),
    "qa": EnvironmentSettings(
        name="qa",
        sizes=_sizes(Size(512, 29), Size(256, 29)),
        network=NetworkSettings(private=False, cidr="10.20.0.0/16"),
        security=SecuritySettings(
            cors_origins=(),  # nobody has said where the qa pages are
            throttling=Throttling(rate=50, burst=100),
            secret_recovery_days=7,
        ),
        monitoring=MonitoringSettings(enabled=True, log_retention_days=14),
        features=FeatureFlags(tracing=True, access_logs=True),
        variables=_variables("development", "info", "false"),
    ),
    "staging": EnvironmentSettings(
        name="staging",
        sizes=_sizes(Size(1024, 29), Size(512, 60)),
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
        sizes=_sizes(Size(1024, 29, Instances(minimum=1)), Size(512, 60, Instances(minimum=1))),
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
