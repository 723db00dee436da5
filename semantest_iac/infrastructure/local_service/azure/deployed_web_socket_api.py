"""A hub of Web PubSub, read from deployed resources: its event handlers and their tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from semantest_iac.domain.networking.http_exchange import Pairs
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources, UnpackPackage
from semantest_iac.infrastructure.local_service.azure.api_frontend import read_function_spec, resources_of_type

HUB_ENDPOINT, TABLES_ENDPOINT = "SEMANTEST_HUB_ENDPOINT", "SEMANTEST_TABLES_ENDPOINT"
AUTHORITY = "SEMANTEST_AUTHORITY"
_SERVICE, _HUB = "azure-native:webpubsub:WebPubSub", "azure-native:webpubsub:WebPubSubHub"
_APP, _TABLE = "azure-native:web:WebApp", "azure-native:storage:Table"


@dataclass(frozen=True, slots=True)
class Webhook:
    """An event handler of a hub; `path` may hold `{event}`, and it receives all messages or none.

    The service sends an identity token for `audience`, and none if that is empty.
    """

    app: FunctionSpec
    host: str
    path: str
    query: Pairs
    system_events: frozenset[str]
    receives_messages: bool
    audience: str


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """The identity of the Web PubSub service in its directory; empty if it has none."""

    id: str
    tenant: str


@dataclass(frozen=True, slots=True)
class DeployedWebSocketApi:
    """One deployed hub; the first webhook that takes an event receives it."""

    hub: str
    host: str
    allows_anonymous: bool
    webhooks: tuple[Webhook, ...]
    tables: tuple[str, ...]
    principal: ServicePrincipal

    @property
    def clients_url(self) -> str:
        """The URL at which clients connect in the cloud."""
        return f"wss://{self.host}/client/hubs/{self.hub}"

    @property
    def audience(self) -> str:
        """The audience of client tokens."""
        return f"https://{self.host}/client/hubs/{self.hub}"


def read_deployed_web_socket_api(resources: DeployedResources, unpack: UnpackPackage) -> DeployedWebSocketApi | None:
    """Read the hub of a stack; None if it has none. Blocks, because it unpacks packages."""
    service, hub = (next(resources_of_type(resources, type_), None) for type_ in (_SERVICE, _HUB))
    if service is None or hub is None:
        return None
    properties, identity = hub.inputs["properties"], service.outputs.get("identity") or {}
    handlers = properties.get("eventHandlers") or ()
    return DeployedWebSocketApi(
        hub=hub.outputs["name"],
        host=service.outputs["hostName"],
        allows_anonymous=properties.get("anonymousConnectPolicy") == "allow",
        webhooks=tuple(_read_webhooks(resources, handlers, unpack)),
        tables=tuple(table.outputs["name"] for table in resources_of_type(resources, _TABLE)),
        principal=ServicePrincipal(identity.get("principalId", ""), identity.get("tenantId", "")),
    )


def redirect_to_local_endpoints(app: FunctionSpec, tables_url: str, hub_url: str, authority_url: str) -> FunctionSpec:
    """Make the app call these URLs in place of Azure."""
    variables = {TABLES_ENDPOINT: tables_url, HUB_ENDPOINT: hub_url, AUTHORITY: authority_url}
    return replace(app, environment={**app.environment, **variables})


def _read_webhooks(
    resources: DeployedResources, handlers: Sequence[Mapping[str, Any]], unpack: UnpackPackage
) -> Iterator[Webhook]:
    """Read the handlers that lead to an app of the stack with published code."""
    apps = {app.outputs["defaultHostName"]: app for app in resources_of_type(resources, _APP) if app.code}
    for handler in handlers:
        url = urlsplit(handler["urlTemplate"])
        if url.netloc in apps:
            yield Webhook(
                app=read_function_spec(resources, apps[url.netloc], unpack),
                host=url.netloc,
                path=url.path,
                query=tuple(parse_qsl(url.query, keep_blank_values=True)),
                system_events=frozenset(handler.get("systemEvents") or ()),
                receives_messages=handler.get("userEventPattern") == "*",
                audience=_read_audience(handler.get("auth") or {}),
            )


def _read_audience(auth: Mapping[str, Any]) -> str:
    is_managed = auth.get("type") == "ManagedIdentity"
    return str((auth.get("managedIdentity") or {}).get("resource", "")) if is_managed else ""
