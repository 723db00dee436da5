"""Web PubSub and its hubs, which manage WebSocket connections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from semantest_iac.infrastructure.simulated_cloud.azure.compute_guards import APP_TYPE
from semantest_iac.infrastructure.simulated_cloud.azure.resource_type import (
    PROVIDERS_ID_PREFIX,
    ArmType,
    refine,
)
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    GENERAL,
    OBSERVED,
    TERRAFORM,
    Length,
    OneOf,
    Pattern,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import GuardContext, RequestGuard, TypeRule, UniqueHandle
from semantest_iac.infrastructure.simulated_cloud.schema.values import ResourceProperties

WEB_PUBSUB_TYPE: Final = "azure-native:webpubsub:WebPubSub"
WEB_PUBSUB_HUB_TYPE: Final = "azure-native:webpubsub:WebPubSubHub"

_SERVICES_ID: Final = f"{PROVIDERS_ID_PREFIX}Microsoft.SignalRService/webPubSub"
_HOST_NAME: Final = "{resourceName}.webpubsub.azure.com"


def _scales_free_tier(context: GuardContext) -> bool:
    sku = context.facts["sku"] or {}
    return sku.get("name") == "Free_F1" and (sku.get("capacity") or 1) > 1


def _event_handlers(context: GuardContext) -> Sequence[ResourceProperties]:
    return (context.facts["properties"] or {}).get("eventHandlers") or ()


def _handler_has_no_code(context: GuardContext) -> bool:
    """Event handlers outside the subscription are assumed to answer."""
    hosts = {urlsplit(str(handler.get("urlTemplate"))).hostname for handler in _event_handlers(context)}
    return any(not app["code"] for app in context.resources_of(APP_TYPE) if app["defaultHostName"] in hosts)


def _lacks_identity_for_handlers(context: GuardContext) -> bool:
    auth_types = {(handler.get("auth") or {}).get("type") for handler in _event_handlers(context)}
    identity = (context.facts["webPubSub"] or {}).get("identity") or {}
    return "ManagedIdentity" in auth_types and identity.get("type", "None") == "None"


MESSAGING_TYPES: Final[dict[str, TypeRule]] = {
    WEB_PUBSUB_TYPE: ArmType(WEB_PUBSUB_TYPE, f"{_SERVICES_ID}/{{resourceName}}").rule(
        {
            "resourceName": refine(Pattern(r"^[a-zA-Z][a-zA-Z0-9-]{1,61}[a-zA-Z0-9]\Z", TERRAFORM)),
            "kind": refine(computed_default=True),
            **dict.fromkeys(("publicNetworkAccess", "networkACLs", "tls"), refine(computed_default=True)),
        },
        computed={
            "hostName": _HOST_NAME,
            "hostNamePrefix": "{resourceName}",
            "externalIP": "192.0.2.30",
            **dict.fromkeys(("publicPort", "serverPort"), lambda _: 443),
            "version": "1.0",
            "kind": "WebPubSub",
            "publicNetworkAccess": "Enabled",
        },
        unique=(
            UniqueHandle(
                "{resourceName}", Refusal("NameAlreadyExists", "The name {resourceName} is already taken.", 409)
            ),
        ),
        guards=(
            RequestGuard(
                _scales_free_tier,
                Refusal("BadRequest", "The unit count of Free_F1 is 1; use Standard_S1 to scale."),
                DOC,
            ),
        ),
        latency_seconds=90,
    ),
    WEB_PUBSUB_HUB_TYPE: ArmType(WEB_PUBSUB_HUB_TYPE, f"{_SERVICES_ID}/{{resourceName}}/hubs/{{hubName}}").rule(
        {
            "hubName": refine(Length(1, 128, TERRAFORM), Pattern(r"^[A-Za-z][\w`,.[\]]*\Z", TERRAFORM)),
            "properties.anonymousConnectPolicy": refine(OneOf(("allow", "deny"), DOC), computed_default=True),
        },
        guards=(
            RequestGuard(
                _handler_has_no_code,
                Refusal(
                    "AbuseProtectionResponseInvalidStatusCode", "Invalid status code in abuse protection response."
                ),
                OBSERVED,
            ),
            RequestGuard(
                _lacks_identity_for_handlers,
                Refusal("BadRequest", "Web PubSub has no managed identity to show to its event handlers."),
                GENERAL,
            ),
        ),
        latency_seconds=5,
    ),
}
