"""The fully settled form of one component: what a blueprint is built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from semantest_iac.domain.environments.settings import (
    FeatureFlags,
    Instances,
    MonitoringSettings,
    NetworkSettings,
    Throttling,
)

GATEWAY_TIMEOUT = 29  # seconds; both kinds of API stop waiting for the function after that


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

    `environment` holds the plain variables, `secrets` maps a variable to the name of the secret behind it;
    `timeout` is the function's own, `integration_timeout` that of the API in front; both in seconds.
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
