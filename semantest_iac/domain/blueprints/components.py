"""The blueprints of the components `rest-api`, `websocket` and `account`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from semantest_iac.domain.blueprints import parts
from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.parts import API_REF, FUNCTION_REF, LIVE_VERSION_REF, ref_of
from semantest_iac.domain.blueprints.used_resources import build_used_resources
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import (
    ALLOWED_ORIGINS,
    DEFAULT_HEALTH_PATH,
    DEFAULT_PAYLOAD,
    SIGNING_SECRET,
    TOKEN_AUDIENCE,
    TOKEN_ISSUER,
    ComponentSettings,
)
from semantest_iac.domain.monitoring.logs_and_alarms import GatewayLogging, LogSource
from semantest_iac.domain.networking.apis import ApiEndpoint, HttpApi, WebSocketAddress, WebSocketEndpoint
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.access import FunctionIdentity, SecurityPolicy
from semantest_iac.domain.storage.connection_table import ConnectionTable

HEALTH_ENDPOINT = ApiEndpoint("GET", DEFAULT_HEALTH_PATH)

# `{proxy+}` does not match the root
CATCH_ALL_ENDPOINTS = (ApiEndpoint("ANY", "/", public=False), ApiEndpoint("ANY", "/{proxy+}", public=False))

API_OUTPUTS = {"endpoint": (API_REF, "endpoint"), "api_id": (API_REF, "id")}
FUNCTION_OUTPUTS = {
    "function_name": (FUNCTION_REF, "name"),
    "function_arn": (FUNCTION_REF, "arn"),
    "function_version": (LIVE_VERSION_REF, "version"),
}


def build_rest_api(stack: Stack, generation: int, settings: ComponentSettings) -> Blueprint:
    """Build one or several functions behind an HTTP API, each with logs and rights of its own, alarms and secrets."""
    functions = settings.function_names
    of = {name: settings.for_function(name) for name in functions}
    used = build_used_resources(stack, settings)
    domain, domain_outputs = parts.build_domain(settings.domain, settings.dns_zone, API_REF)
    resources = (
        *used.resources,
        *(parts.build_function_logs(settings, name) for name in functions),
        *parts.build_access_logs(settings),
        *parts.build_secrets(settings),
        *parts.build_network(settings),
        *(parts.build_identity(of[name], used.refs, name) for name in functions),
        *(parts.build_function(stack, of[name], used.refs, name) for name in functions),
        *(
            LiveVersion(
                name=ref_of(LIVE_VERSION_REF, name),
                function=ref_of(FUNCTION_REF, name),
                warm=settings.instances.minimum,
            )
            for name in functions
        ),
        _build_http_api(settings),
        *domain,
        *parts.build_alarms(settings.monitoring, functions),
    )
    of_functions = {output: place for name in functions for output, place in _function_outputs(name)}
    outputs = {**API_OUTPUTS, **domain_outputs, **of_functions, **used.outputs}
    return Blueprint(stack, generation, resources, outputs, settings.base_environment, settings.tags)


def _function_outputs(function: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the outputs of one function; those of a named one end with its name."""
    for output, (ref, attribute) in FUNCTION_OUTPUTS.items():
        yield f"{output}_{function}" if function else output, (ref_of(ref, function), attribute)


def _build_http_api(settings: ComponentSettings) -> HttpApi:
    return HttpApi(
        name=API_REF,
        target=ref_of(LIVE_VERSION_REF, settings.function_names[0]),
        access_log=parts.find_access_log_ref(settings),
        endpoints=_find_endpoints(settings),
        throttling=settings.throttling,
        cors=settings.cors,
        authorizer=settings.authorizer,
        integration_timeout_s=settings.integration_timeout,
        payloads=dict(_find_payloads(settings)),
    )


def _find_payloads(settings: ComponentSettings) -> Iterator[tuple[str, str]]:
    """Yield the live versions whose events do not have the default format, each with its own."""
    for name in settings.function_names:
        payload = settings.for_function(name).payload
        if payload != DEFAULT_PAYLOAD:
            yield ref_of(LIVE_VERSION_REF, name), payload


def _find_endpoints(settings: ComponentSettings) -> tuple[ApiEndpoint, ...]:
    """The configured routes; a health endpoint stays public if the others require a token or none of them is it.

    Without a health check there is none, nor where the routes are all that the service answers and none takes the path.
    """
    health = ApiEndpoint("GET", settings.health.path) if settings.health.path else HEALTH_ENDPOINT
    configured = tuple(
        ApiEndpoint(method, route.path, route.public, _find_target(route.function))
        for route in settings.routes
        for method in route.methods
    )
    has_health = any(endpoint.path == health.path and endpoint.method in ("ANY", "GET") for endpoint in configured)
    if has_health or not settings.health.enabled:
        return configured or CATCH_ALL_ENDPOINTS
    if settings.has_main_function and (settings.health.path or not settings.answers_only_routes):
        return (*(configured or CATCH_ALL_ENDPOINTS), health)
    taking = [route for route in settings.routes if settings.health.path and route.takes_get(health.path)]
    nearest = min(taking, key=lambda route: route.path.count("{") + 2 * route.path.count("+}"), default=None)
    return (*configured, *((replace(health, target=_find_target(nearest.function)),) if nearest else ()))


def _find_target(function: str) -> Ref | None:
    return ref_of(LIVE_VERSION_REF, function) if function else None


ADDRESS_REF, CONNECTIONS_REF = Ref("address"), Ref("connections")
AUTHORIZER_REF, AUTHORIZER_LIVE_REF = Ref("authorizer"), Ref("authorizer-live")
AUTHORIZER_LOGS_REF, AUTHORIZER_IDENTITY_REF = Ref("authorizer-logs"), Ref("authorizer-identity")
AUTHORIZER_MEMORY_MB, AUTHORIZER_TIMEOUT_S = 256, 10

WEBSOCKET_OUTPUTS = {
    "endpoint": (ADDRESS_REF, "endpoint"),
    "management_endpoint": (ADDRESS_REF, "management_endpoint"),
    "negotiate_url": (API_REF, "negotiate_url"),
    "api_id": (ADDRESS_REF, "id"),
    "table_name": (CONNECTIONS_REF, "name"),
    **FUNCTION_OUTPUTS,
}
AUTHORIZER_OUTPUTS = {"authorizer_name": (AUTHORIZER_REF, "name")}


def build_websocket(stack: Stack, generation: int, settings: ComponentSettings) -> Blueprint:
    """Build a function that handles every connection event, and one that admits clients if tokens are required."""
    used, public_settings = build_used_resources(stack, settings), _without_signing_secret(settings)
    uses = (ADDRESS_REF, CONNECTIONS_REF, *used.refs)
    domain, domain_outputs = parts.build_domain(settings.domain, settings.dns_zone, API_REF)
    resources = (
        *used.resources,
        WebSocketAddress(name=ADDRESS_REF),
        ConnectionTable(name=CONNECTIONS_REF),
        parts.build_function_logs(settings),
        *parts.build_access_logs(settings),
        *parts.build_secrets(settings),
        *parts.build_network(settings),
        parts.build_identity(public_settings, uses),
        parts.build_function(stack, public_settings, uses),
        LiveVersion(name=LIVE_VERSION_REF, function=FUNCTION_REF, warm=settings.instances.minimum),
        *_build_authorizer(stack, settings),
        _build_web_socket_endpoint(settings),
        *domain,
        *parts.build_alarms(settings.monitoring),
    )
    of_authorizer = AUTHORIZER_OUTPUTS if settings.requires_token else {}
    outputs = {**WEBSOCKET_OUTPUTS, **domain_outputs, **of_authorizer, **used.outputs}
    return Blueprint(stack, generation, resources, outputs, settings.base_environment, settings.tags)


def _without_signing_secret(settings: ComponentSettings) -> ComponentSettings:
    """Only the authorizer may read the secret that tokens are signed with."""
    if not settings.requires_token:
        return settings
    secrets = {setting: key for setting, key in settings.secrets.items() if setting != SIGNING_SECRET}
    return replace(settings, secrets=secrets)


def _build_authorizer(stack: Stack, settings: ComponentSettings) -> Iterator[Resource]:
    if not settings.requires_token:
        return
    # Validation refuses the component without a secret.
    signing_secret = parts.secret_ref(settings.secrets.get(SIGNING_SECRET, ""))
    yield parts.build_log_store(AUTHORIZER_LOGS_REF, LogSource.FUNCTION, settings, AUTHORIZER_REF)
    yield FunctionIdentity(
        name=AUTHORIZER_IDENTITY_REF,
        log_store=AUTHORIZER_LOGS_REF,
        secrets=(signing_secret,),
        policy=SecurityPolicy(trace=settings.features.tracing),
        purpose=AUTHORIZER_REF,
        admits_clients_to=(ADDRESS_REF,),
    )
    yield ServerlessFunction(
        name=AUTHORIZER_REF,
        memory_mb=AUTHORIZER_MEMORY_MB,
        timeout_s=AUTHORIZER_TIMEOUT_S,
        identity=AUTHORIZER_IDENTITY_REF,
        log_store=AUTHORIZER_LOGS_REF,
        environment={**parts.stack_variables(stack), **_find_token_variables(settings)},
        secrets={SIGNING_SECRET: signing_secret},
        tracing=settings.features.tracing,
        purpose=AUTHORIZER_REF,
        package=AUTHORIZER_REF,
        uses=(ADDRESS_REF,),
    )
    yield LiveVersion(name=AUTHORIZER_LIVE_REF, function=AUTHORIZER_REF)


def _find_token_variables(settings: ComponentSettings) -> dict[str, str]:
    """Return the configured issuer, audience and origins of tokens."""
    names = (ALLOWED_ORIGINS, TOKEN_ISSUER, TOKEN_AUDIENCE)
    written = {name: value for name, value in settings.environment.items() if name in names}
    jwt = settings.authorizer
    return written | ({TOKEN_ISSUER: jwt.issuer, TOKEN_AUDIENCE: ",".join(jwt.audience)} if jwt else {})


def _build_web_socket_endpoint(settings: ComponentSettings) -> WebSocketEndpoint:
    return WebSocketEndpoint(
        name=API_REF,
        address=ADDRESS_REF,
        target=LIVE_VERSION_REF,
        authorizer=AUTHORIZER_LIVE_REF if settings.requires_token else None,
        access_log=parts.find_access_log_ref(settings),
        throttling=settings.throttling,
        integration_timeout_s=settings.integration_timeout,
    )


GATEWAY_LOGGING_REF = Ref("gateway-logging")

ACCOUNT_OUTPUTS = {"logging_role_arn": (GATEWAY_LOGGING_REF, "arn")}


def build_account(stack: Stack, generation: int, settings: ComponentSettings) -> Blueprint:
    """Build the settings that an account has once per region; of its settings it has the tags only."""
    resources = (GatewayLogging(name=GATEWAY_LOGGING_REF),)
    return Blueprint(stack, generation, resources, ACCOUNT_OUTPUTS, settings.base_environment, settings.tags)
