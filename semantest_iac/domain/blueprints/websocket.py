"""The `websocket` component: one function for all that happens to a connection, and one that lets clients in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from semantest_iac.domain.blueprints import parts
from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.parts import API, FUNCTION, LIVE
from semantest_iac.domain.compute.function import ServerlessFunction
from semantest_iac.domain.delivery.live_version import LiveVersion
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.authentication import (
    ALLOWED_ORIGINS,
    SIGNING_SECRET,
    TOKEN_AUDIENCE,
    TOKEN_ISSUER,
)
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.monitoring.log_store import LogSource
from semantest_iac.domain.networking.web_socket_endpoint import WebSocketAddress, WebSocketEndpoint
from semantest_iac.domain.resource import Ref, Resource
from semantest_iac.domain.security.identity import FunctionIdentity, SecurityPolicy
from semantest_iac.domain.storage.connection_table import ConnectionTable

ADDRESS, CONNECTIONS = Ref("address"), Ref("connections")
AUTHORIZER, AUTHORIZER_LIVE = Ref("authorizer"), Ref("authorizer-live")
AUTHORIZER_LOGS, AUTHORIZER_IDENTITY = Ref("authorizer-logs"), Ref("authorizer-identity")
AUTHORIZER_MEMORY_MB, AUTHORIZER_TIMEOUT_S = 256, 10

OUTPUTS = {
    "endpoint": (ADDRESS, "endpoint"),
    "management_endpoint": (ADDRESS, "management_endpoint"),
    "negotiate_url": (API, "negotiate_url"),
    "api_id": (ADDRESS, "id"),
    "table_name": (CONNECTIONS, "name"),
    "function_name": (FUNCTION, "name"),
    "function_arn": (FUNCTION, "arn"),
    "function_version": (LIVE, "version"),
}
AUTHORIZER_OUTPUTS = {"authorizer_name": (AUTHORIZER, "name")}


def websocket(stack: Stack, generation: int, settings: ComponentSettings) -> Blueprint:
    """The graph for settings that nothing is left open in."""
    uses, serving = (ADDRESS, CONNECTIONS), _serving(settings)
    resources = (
        WebSocketAddress(name=ADDRESS),
        ConnectionTable(name=CONNECTIONS),
        parts.function_logs(stack, settings),
        *parts.access_logs(stack, settings),
        *parts.secrets(settings),
        *parts.network(settings),
        parts.identity(serving, uses),
        parts.function(stack, serving, uses),
        LiveVersion(name=LIVE, function=FUNCTION, warm=settings.instances.minimum),
        *_authorizer(stack, settings),
        _endpoint(settings),
        *parts.alarms(settings.monitoring),
    )
    outputs = {**OUTPUTS, **(AUTHORIZER_OUTPUTS if settings.asks_for_token else {})}
    return Blueprint(stack, generation, resources, outputs)


def _serving(settings: ComponentSettings) -> ComponentSettings:
    """The settings of who serves clients: with what their tokens are signed is the authorizer's business alone."""
    if not settings.asks_for_token:
        return settings
    secrets = {setting: key for setting, key in settings.secrets.items() if setting != SIGNING_SECRET}
    return replace(settings, secrets=secrets)


def _authorizer(stack: Stack, settings: ComponentSettings) -> Iterator[Resource]:
    if not settings.asks_for_token:
        return
    signing = parts.secret(settings.secrets.get(SIGNING_SECRET, ""))  # without one the rules refuse the component
    yield parts.logs(AUTHORIZER_LOGS, LogSource.FUNCTION, stack, settings, AUTHORIZER)
    yield FunctionIdentity(
        name=AUTHORIZER_IDENTITY,
        log_store=AUTHORIZER_LOGS,
        secrets=(signing,),
        policy=SecurityPolicy(trace=settings.features.tracing),
        purpose=AUTHORIZER,
        admits=(ADDRESS,),
    )
    yield ServerlessFunction(
        name=AUTHORIZER,
        memory_mb=AUTHORIZER_MEMORY_MB,
        timeout_s=AUTHORIZER_TIMEOUT_S,
        identity=AUTHORIZER_IDENTITY,
        log_store=AUTHORIZER_LOGS,
        environment={**parts.told(stack), **_tokens(settings)},
        secrets={SIGNING_SECRET: signing},
        tracing=settings.features.tracing,
        purpose=AUTHORIZER,
        package=AUTHORIZER,
        uses=(ADDRESS,),
    )
    yield LiveVersion(name=AUTHORIZER_LIVE, function=AUTHORIZER)


def _tokens(settings: ComponentSettings) -> dict[str, str]:
    """Whose tokens are let in, whom they must be for and from which pages, where that was said."""
    names = (ALLOWED_ORIGINS, TOKEN_ISSUER, TOKEN_AUDIENCE)
    written = {name: value for name, value in settings.environment.items() if name in names}
    jwt = settings.authorizer
    return written | ({TOKEN_ISSUER: jwt.issuer, TOKEN_AUDIENCE: ",".join(jwt.audience)} if jwt else {})


def _endpoint(settings: ComponentSettings) -> WebSocketEndpoint:
    return WebSocketEndpoint(
        name=API,
        address=ADDRESS,
        target=LIVE,
        authorizer=AUTHORIZER_LIVE if settings.asks_for_token else None,
        access_log=parts.access_log(settings),
        throttling=settings.throttling,
        integration_timeout_s=settings.integration_timeout,
    )
