"""The `rest-api` component: one function behind an HTTP API, watched, with its secrets by reference."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.blueprints import parts
from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.parts import API, FUNCTION, LIVE
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.monitoring.log_store import LogSource, LogStore
from semantest_iac.domain.networking.http_api import ApiEndpoint, HttpApi
from semantest_iac.domain.resource import Ref

ACCESS_LOGS = Ref("access-logs")

HEALTH = ApiEndpoint("GET", "/health")

# `{proxy+}` does not match the bare root.
EVERYTHING = (ApiEndpoint("ANY", "/", public=False), ApiEndpoint("ANY", "/{proxy+}", public=False))

OUTPUTS = {
    "endpoint": (API, "endpoint"),
    "api_id": (API, "id"),
    "function_name": (FUNCTION, "name"),
    "function_arn": (FUNCTION, "arn"),
    "function_version": (LIVE, "version"),
}


def rest_api(stack: Stack, generation: int, settings: ComponentSettings) -> Blueprint:
    """The graph for settings that nothing is left open in."""
    resources = (
        parts.function_logs(stack, settings),
        *_access_logs(stack, settings),
        *parts.secrets(settings),
        *parts.network(settings),
        parts.identity(settings),
        parts.function(stack, settings),
        LiveVersion(name=LIVE, function=FUNCTION, warm=settings.instances.minimum),
        _api(settings),
        *parts.alarms(settings.monitoring),
    )
    return Blueprint(stack, generation, resources, OUTPUTS)


def _access_logs(stack: Stack, settings: ComponentSettings) -> Iterator[LogStore]:
    if settings.features.access_logs:
        yield parts.logs(ACCESS_LOGS, LogSource.ACCESS, stack, settings)


def _api(settings: ComponentSettings) -> HttpApi:
    return HttpApi(
        name=API,
        target=LIVE,
        access_log=ACCESS_LOGS if settings.features.access_logs else None,
        endpoints=_endpoints(settings),
        throttling=settings.throttling,
        cors=settings.cors,
        authorizer=settings.authorizer,
        integration_timeout_s=settings.integration_timeout,
    )


def _endpoints(settings: ComponentSettings) -> tuple[ApiEndpoint, ...]:
    """The routes asked for; health stays reachable where the rest asks for a token or was not asked for at all."""
    asked = tuple(
        ApiEndpoint(method, route.path, route.public) for route in settings.routes for method in route.methods
    )
    has_health = any(endpoint.path == HEALTH.path and endpoint.method in ("ANY", "GET") for endpoint in asked)
    return (asked or EVERYTHING) + (() if has_health else (HEALTH,))
