"""WebSocket APIs on Web PubSub, which sends every event of a connection to a function app."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_azure_native import monitor, webpubsub

from semantest_iac.domain.networking.apis import ConnectionEvent, WebSocketAddress, WebSocketEndpoint
from semantest_iac.domain.ports.provisioner import Deferred
from semantest_iac.infrastructure.cloud_programs.azure.foundation import common_arguments, globally_unique_name
from semantest_iac.infrastructure.cloud_programs.cloud import FOUNDATION
from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

HUB_NAME = "semantest"
HUB_AUDIENCE = "https://webpubsub.azure.com"
"""An Azure resource for which the service gets tokens although no application of ours is in the directory."""
HUB_EVENTS = {
    ConnectionEvent.CONNECT: ("connect", "connected"),
    ConnectionEvent.MESSAGE: ("message",),
    ConnectionEvent.DISCONNECT: ("disconnected",),
}
_SKU_BY_ENVIRONMENT = {"development": {"name": "Free_F1", "tier": "Free", "capacity": 1}}
_STANDARD_SKU = {"name": "Standard_S1", "tier": "Standard", "capacity": 1}


def create_web_socket_address(address: WebSocketAddress, context: ProgramContext) -> Outputs:
    """Create a service without a hub, which accepts no client yet; senders need an identity, keys are disabled."""
    service = webpubsub.WebPubSub(
        address.name,
        resource_name_=globally_unique_name("hub", context),
        kind="WebPubSub",
        sku=_SKU_BY_ENVIRONMENT.get(context.base_environment, _STANDARD_SKU),
        identity={"type": "SystemAssigned"},
        disable_local_auth=True,
        **common_arguments(context),
        opts=context.options(),
    )
    management = pulumi.Output.concat("https://", service.host_name, f"/api/hubs/{HUB_NAME}")
    clients = pulumi.Output.concat("wss://", service.host_name, f"/client/hubs/{HUB_NAME}")
    return {
        "id": service.id,
        "name": service.name,
        "endpoint": clients,
        "management_endpoint": management,
        "variables": {
            "SEMANTEST_CLIENTS_ENDPOINT": clients,
            "SEMANTEST_HUB_ENDPOINT": management,
            "SEMANTEST_HUB_PRINCIPAL": service.identity.apply(lambda it: it.principal_id),
            "SEMANTEST_HUB_TENANT": service.identity.apply(lambda it: it.tenant_id),
        },
        "grants": [("hub", service.id)],
    }


def create_web_socket_endpoint(endpoint: WebSocketEndpoint, context: ProgramContext) -> Outputs:
    """Create the hub once its apps run: Web PubSub asks them for permission before it accepts a hub."""
    address = context.outputs[endpoint.address]
    guard = context.outputs[endpoint.authorizer or endpoint.target]
    if context.deferred is not Deferred.ALL:
        _create_hub(endpoint, context)
    _create_log_setting(endpoint, context)
    return {
        "id": address["id"],
        "name": address["name"],
        "endpoint": address["endpoint"],
        "negotiate_url": pulumi.Output.concat("https://", guard["host"], "/negotiate"),
        "gateway_id": None,
        "takes_code": True,
        "routes": [name for event in endpoint.routes for name in HUB_EVENTS[event]],
        "protocol": "WEBSOCKET",
    }


def _create_hub(endpoint: WebSocketEndpoint, context: ProgramContext) -> None:
    """Allow clients without a Web PubSub token; the handler of the connect event accepts or refuses them."""
    target = endpoint.target
    webpubsub.WebPubSubHub(
        endpoint.name,
        hub_name=HUB_NAME,
        resource_name_=context.outputs[endpoint.address]["name"],
        resource_group_name=context.outputs[FOUNDATION]["group"],
        properties={
            "anonymous_connect_policy": "allow",
            "event_handlers": [
                {**_webhook(endpoint.authorizer or target, context), "system_events": ["connect"]},
                {
                    **_webhook(target, context),
                    "system_events": ["connected", "disconnected"],
                    "user_event_pattern": "*",
                },
            ],
        },
        opts=context.options(ignore_changes=["properties"] if context.deferred is Deferred.CHANGES else None),
    )


def _webhook(target: str, context: ProgramContext) -> dict[str, Any]:
    """Return a handler that receives the service's identity token with each event."""
    return {
        "url_template": pulumi.Output.concat("https://", context.outputs[target]["host"], "/events/{event}"),
        "auth": {"type": "ManagedIdentity", "managed_identity": {"resource": HUB_AUDIENCE}},
    }


def _create_log_setting(endpoint: WebSocketEndpoint, context: ProgramContext) -> None:
    monitor.DiagnosticSetting(
        endpoint.name,
        name="logs",
        resource_uri=context.outputs[endpoint.address]["id"],
        workspace_id=context.outputs[endpoint.target]["workspace"],
        logs=[{"category_group": "allLogs", "enabled": True}],
        opts=context.options(),
    )
