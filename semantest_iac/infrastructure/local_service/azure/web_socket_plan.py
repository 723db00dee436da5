"""A hub of Web PubSub, read from deployed resources: its event handlers and their tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from semantest_iac.domain.networking.http_exchange import Pairs
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.local_service.api_frontend import UnpackPackage
from semantest_iac.infrastructure.local_service.azure.api_frontend import read_function_spec
from semantest_iac.infrastructure.local_service.web_socket_service import DeployedResources

HUB_ENDPOINT, TABLES_ENDPOINT = "SEMANTEST_HUB_ENDPOINT", "SEMANTEST_TABLES_ENDPOINT"
AUTHORITY = "SEMANTEST_AUTHORITY"
_SERVICE, _HUB = "azure-native:webpubsub:WebPubSub", "azure-native:webpubsub:WebPubSubHub"
_APP, _TABLE = "azure-native:web:WebApp", "azure-native:storage:Table"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where some of the events go; `path` may hold `{event}`. Of messages it hears of all or of none.

    The service shows its identity to an `audience`, and nothing where none is named.
    """

    app: FunctionSpec
    host: str
    path: str
    query: Pairs
    system_events: frozenset[str]
    hears_messages: bool
    audience: str


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """Who the service is in its directory; nobody, where it was given no identity."""

    id: str
    tenant: str


@dataclass(frozen=True, slots=True)
class WebSocketPlan:
    """One deployed hub; the first webhook that hears of an event gets it."""

    name: str
    host: str
    lets_strangers_in: bool
    webhooks: tuple[Webhook, ...]
    tables: tuple[str, ...]
    principal: ServicePrincipal

    @property
    def clients_url(self) -> str:
        """Where clients connect in the cloud."""
        return f"wss://{self.host}/client/hubs/{self.name}"

    @property
    def audience(self) -> str:
        """Whom tokens for clients are meant for."""
        return f"https://{self.host}/client/hubs/{self.name}"


def read_web_socket_plan(resources: DeployedResources, unpack: UnpackPackage) -> WebSocketPlan | None:
    """The hub of a stack, or None where it has none; reads packages, so it blocks."""
    service, hub = (next(_resources_of_type(resources, type_), None) for type_ in (_SERVICE, _HUB))
    if service is None or hub is None:
        return None
    properties, identity = hub.inputs["properties"], service.outputs.get("identity") or {}
    handlers = properties.get("eventHandlers") or ()
    return WebSocketPlan(
        name=hub.outputs["name"],
        host=service.outputs["hostName"],
        lets_strangers_in=properties.get("anonymousConnectPolicy") == "allow",
        webhooks=tuple(_read_webhooks(resources, handlers, unpack)),
        tables=tuple(table.outputs["name"] for table in _resources_of_type(resources, _TABLE)),
        principal=ServicePrincipal(identity.get("principalId", ""), identity.get("tenantId", "")),
    )


def redirect_to_local_endpoints(app: FunctionSpec, tables_url: str, hub_url: str, authority_url: str) -> FunctionSpec:
    """The app, told to call these in the place of Azure."""
    told = {TABLES_ENDPOINT: tables_url, HUB_ENDPOINT: hub_url, AUTHORITY: authority_url}
    return replace(app, environment={**app.environment, **told})


def _read_webhooks(
    resources: DeployedResources, handlers: Sequence[Mapping[str, Any]], unpack: UnpackPackage
) -> Iterator[Webhook]:
    """Those that lead to an app of the stack which runs code."""
    apps = {app.outputs["defaultHostName"]: app for app in _resources_of_type(resources, _APP) if app.code}
    for handler in handlers:
        place = urlsplit(handler["urlTemplate"])
        if place.netloc in apps:
            yield Webhook(
                read_function_spec(resources, apps[place.netloc], unpack),
                place.netloc,
                place.path,
                tuple(parse_qsl(place.query, keep_blank_values=True)),
                frozenset(handler.get("systemEvents") or ()),
                handler.get("userEventPattern") == "*",
                _read_audience(handler.get("auth") or {}),
            )


def _read_audience(auth: Mapping[str, Any]) -> str:
    is_shown = auth.get("type") == "ManagedIdentity"
    return str((auth.get("managedIdentity") or {}).get("resource", "")) if is_shown else ""


def _resources_of_type(resources: DeployedResources, type_: str) -> Iterator[DeployedResource]:
    return (resource for resource in resources if resource.type == type_)
