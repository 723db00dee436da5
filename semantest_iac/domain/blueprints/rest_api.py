"""The `rest-api` component: one function behind an HTTP API, watched, with its secrets by reference."""

from __future__ import annotations

from semantest_iac.domain.blueprints import parts
from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.parts import API, FUNCTION, LIVE
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.networking.http_api import ApiEndpoint, HttpApi

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
        *parts.access_logs(stack, settings),
        *parts.secrets(settings),
        *parts.network(settings),
        parts.identity(settings),
        parts.function(stack, settings),
        LiveVersion(name=LIVE, function=FUNCTION, warm=settings.instances.minimum),
        _api(settings),
        *parts.alarms(settings.monitoring),
    )
    return Blueprint(stack, generation, resources, OUTPUTS)


def _api(settings: ComponentSettings) -> HttpApi:
    return HttpApi(
        name=API,
        target=LIVE,
        access_log=parts.access_log(settings),
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
