"""What is deployed of a WebSocket API on Azure: its hub, the apps that it asks, and their tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from semantest_iac.domain.deployment.deployed import DeployedResource
from semantest_iac.domain.networking.http_exchange import Pairs
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.local_service.azure.front import function_spec
from semantest_iac.infrastructure.local_service.front import Unpack
from semantest_iac.infrastructure.local_service.sockets import Resources

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
class Principal:
    """Who the service is in its directory; nobody, where it was given no identity."""

    id: str
    tenant: str


@dataclass(frozen=True, slots=True)
class HubPlan:
    """One deployed hub; the first webhook that hears of an event gets it."""

    name: str
    host: str
    lets_strangers_in: bool
    webhooks: tuple[Webhook, ...]
    tables: tuple[str, ...]
    principal: Principal

    @property
    def clients_url(self) -> str:
        """Where clients connect in the cloud."""
        return f"wss://{self.host}/client/hubs/{self.name}"

    @property
    def audience(self) -> str:
        """Whom tokens for clients are meant for."""
        return f"https://{self.host}/client/hubs/{self.name}"


def plan(resources: Resources, unpack: Unpack) -> HubPlan | None:
    """The hub of a stack, or None where it has none; reads packages, so it blocks."""
    service, hub = (next(_all(resources, type_), None) for type_ in (_SERVICE, _HUB))
    if service is None or hub is None:
        return None
    properties, identity = hub.inputs["properties"], service.outputs.get("identity") or {}
    handlers = properties.get("eventHandlers") or ()
    return HubPlan(
        name=hub.outputs["name"],
        host=service.outputs["hostName"],
        lets_strangers_in=properties.get("anonymousConnectPolicy") == "allow",
        webhooks=tuple(_webhooks(resources, handlers, unpack)),
        tables=tuple(table.outputs["name"] for table in _all(resources, _TABLE)),
        principal=Principal(identity.get("principalId", ""), identity.get("tenantId", "")),
    )


def reaching(app: FunctionSpec, tables_url: str, hub_url: str, authority_url: str) -> FunctionSpec:
    """The app, told to call these in the place of Azure."""
    told = {TABLES_ENDPOINT: tables_url, HUB_ENDPOINT: hub_url, AUTHORITY: authority_url}
    return replace(app, environment={**app.environment, **told})


def _webhooks(resources: Resources, handlers: Sequence[Mapping[str, Any]], unpack: Unpack) -> Iterator[Webhook]:
    """Those that lead to an app of the stack which runs code."""
    apps = {app.outputs["defaultHostName"]: app for app in _all(resources, _APP) if app.code}
    for handler in handlers:
        place = urlsplit(handler["urlTemplate"])
        if place.netloc in apps:
            yield Webhook(
                function_spec(resources, apps[place.netloc], unpack),
                place.netloc,
                place.path,
                tuple(parse_qsl(place.query, keep_blank_values=True)),
                frozenset(handler.get("systemEvents") or ()),
                handler.get("userEventPattern") == "*",
                _audience(handler.get("auth") or {}),
            )


def _audience(auth: Mapping[str, Any]) -> str:
    is_shown = auth.get("type") == "ManagedIdentity"
    return str((auth.get("managedIdentity") or {}).get("resource", "")) if is_shown else ""


def _all(resources: Resources, type_: str) -> Iterator[DeployedResource]:
    return (resource for resource in resources if resource.type == type_)
