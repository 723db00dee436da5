"""WebSocket APIs on Web PubSub, which hands every event of a connection to a function app."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_azure_native import monitor, webpubsub

from semantest_iac.domain.networking.web_socket_endpoint import ConnectionEvent, WebSocketAddress, WebSocketEndpoint
from semantest_iac.domain.ports.provisioner import Held
from semantest_iac.infrastructure.cloud_programs.azure.limits import worldwide
from semantest_iac.infrastructure.cloud_programs.cloud import GROUND
from semantest_iac.infrastructure.cloud_programs.context import Context, Made

HUB = "semantest"
AUDIENCE = "https://webpubsub.azure.com"
"""A resource of Azure's own: for that the service gets tokens although no application of ours is in the directory."""
EVENTS = {
    ConnectionEvent.CONNECT: ("connect", "connected"),
    ConnectionEvent.MESSAGE: ("message",),
    ConnectionEvent.DISCONNECT: ("disconnected",),
}
_SKUS = {"development": {"name": "Free_F1", "tier": "Free", "capacity": 1}}
_SKU = {"name": "Standard_S1", "tier": "Standard", "capacity": 1}


def web_socket_address(address: WebSocketAddress, context: Context) -> Made:
    """A service without a hub, which takes no client; who sends through it shows an identity, never a key."""
    service = webpubsub.WebPubSub(
        address.name,
        resource_name_=worldwide("hub", context),
        resource_group_name=context.made[GROUND]["group"],
        location=context.stack.region,
        kind="WebPubSub",
        sku=_SKUS.get(context.stack.environment, _SKU),
        identity={"type": "SystemAssigned"},
        disable_local_auth=True,
        tags=context.tags,
        opts=context.options(),
    )
    management = pulumi.Output.concat("https://", service.host_name, f"/api/hubs/{HUB}")
    clients = pulumi.Output.concat("wss://", service.host_name, f"/client/hubs/{HUB}")
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


def web_socket_endpoint(endpoint: WebSocketEndpoint, context: Context) -> Made:
    """The hub, once its apps run: Web PubSub asks them whether it may send events before it takes one on."""
    address = context.made[endpoint.address]
    guard = context.made[endpoint.authorizer or endpoint.target]
    if context.held is not Held.ALL:
        _hub(endpoint, context)
    _log(endpoint, context)
    return {
        "id": address["id"],
        "name": address["name"],
        "endpoint": address["endpoint"],
        "negotiate_url": pulumi.Output.concat("https://", guard["host"], "/negotiate"),
        "gateway_id": None,
        "takes_code": True,
        "routes": [name for event in endpoint.routes for name in EVENTS[event]],
        "protocol": "WEBSOCKET",
    }


def _hub(endpoint: WebSocketEndpoint, context: Context) -> None:
    """Clients come without a token of Web PubSub's own; whoever is asked when they connect lets them in or does not."""
    target = endpoint.target
    webpubsub.WebPubSubHub(
        endpoint.name,
        hub_name=HUB,
        resource_name_=context.made[endpoint.address]["name"],
        resource_group_name=context.made[GROUND]["group"],
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
        opts=context.options(ignore_changes=["properties"] if context.held is Held.CHANGES else None),
    )


def _webhook(target: str, context: Context) -> dict[str, Any]:
    """An app that is shown the service's identity with each event."""
    return {
        "url_template": pulumi.Output.concat("https://", context.made[target]["host"], "/events/{event}"),
        "auth": {"type": "ManagedIdentity", "managed_identity": {"resource": AUDIENCE}},
    }


def _log(endpoint: WebSocketEndpoint, context: Context) -> None:
    monitor.DiagnosticSetting(
        endpoint.name,
        name="logs",
        resource_uri=context.made[endpoint.address]["id"],
        workspace_id=context.made[endpoint.target]["workspace"],
        logs=[{"category_group": "allLogs", "enabled": True}],
        opts=context.options(),
    )
