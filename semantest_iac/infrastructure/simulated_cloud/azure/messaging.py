"""Web PubSub, which holds the WebSocket connections."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from semantest_iac.infrastructure.simulated_cloud.azure.every_type import (
    DOC,
    GENERAL,
    IN_GROUP,
    SEEN,
    SUCCEEDED,
    TERRAFORM,
    ArmType,
    inside,
)
from semantest_iac.infrastructure.simulated_cloud.azure.function_apps import APP
from semantest_iac.infrastructure.simulated_cloud.azure.shapes import known
from semantest_iac.infrastructure.simulated_cloud.limits import Length, OneOf, Pattern
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import Guard, Surroundings, TypeRule, Unique

WEB_PUBSUB: Final = "azure-native:webpubsub:WebPubSub"
HUB: Final = "azure-native:webpubsub:WebPubSubHub"

_SERVICES: Final = f"{IN_GROUP}Microsoft.SignalRService/webPubSub"
_HOST: Final = "{resourceName}.webpubsub.azure.com"


def _scales_what_is_free(around: Surroundings) -> bool:
    sku = around.facts["sku"] or {}
    return sku.get("name") == "Free_F1" and (sku.get("capacity") or 1) > 1


def _asks_who_does_not_run(around: Surroundings) -> bool:
    """Apps of other subscriptions are taken to answer."""
    handlers = (around.facts["properties"] or {}).get("eventHandlers") or ()
    asked = {urlsplit(str(handler.get("urlTemplate"))).hostname for handler in handlers}
    return any(not app["code"] for app in around.rows(APP) if app["defaultHostName"] in asked)


def _shows_an_identity_that_it_has_not(around: Surroundings) -> bool:
    handlers = (around.facts["properties"] or {}).get("eventHandlers") or ()
    shows = any((handler.get("auth") or {}).get("type") == "ManagedIdentity" for handler in handlers)
    has = ((around.facts["service"] or {}).get("identity") or {}).get("type", "None") != "None"
    return shows and not has


TYPES: Final[dict[str, TypeRule]] = {
    WEB_PUBSUB: ArmType(WEB_PUBSUB, f"{_SERVICES}/{{resourceName}}").rule(
        {
            "resourceName": known(Pattern(r"^[a-zA-Z][a-zA-Z0-9-]{1,61}[a-zA-Z0-9]\Z", TERRAFORM)),
            "kind": known(settled=True),
            **dict.fromkeys(("publicNetworkAccess", "networkACLs", "tls"), known(settled=True)),
        },
        computed={
            **SUCCEEDED,
            "hostName": _HOST,
            "hostNamePrefix": "{resourceName}",
            "externalIP": "192.0.2.30",
            **dict.fromkeys(("publicPort", "serverPort"), lambda _: 443),
            "version": "1.0",
            "kind": "WebPubSub",
            "publicNetworkAccess": "Enabled",
            **dict.fromkeys(("privateEndpointConnections", "sharedPrivateLinkResources"), lambda _: []),
        },
        unique=(
            Unique("{resourceName}", Refusal("NameAlreadyExists", "The name {resourceName} is already taken.", 409)),
        ),
        guards=(
            Guard(
                _scales_what_is_free,
                Refusal("BadRequest", "The unit count of Free_F1 is 1; use Standard_S1 to scale."),
                DOC,
            ),
        ),
        latency=90,
    ),
    HUB: ArmType(HUB, f"{_SERVICES}/{{resourceName}}/hubs/{{hubName}}").rule(
        {
            "hubName": known(Length(1, 128, TERRAFORM), Pattern(r"^[A-Za-z][\w`,.[\]]*\Z", TERRAFORM)),
            "properties.anonymousConnectPolicy": known(OneOf(("allow", "deny"), DOC), settled=True),
        },
        references=(inside("resourceName", WEB_PUBSUB, _SERVICES, named="service"),),
        guards=(
            Guard(
                _asks_who_does_not_run,
                Refusal(
                    "AbuseProtectionResponseInvalidStatusCode", "Invalid status code in abuse protection response."
                ),
                SEEN,
            ),
            Guard(
                _shows_an_identity_that_it_has_not,
                Refusal("BadRequest", "Web PubSub has no managed identity to show to its event handlers."),
                GENERAL,
            ),
        ),
        latency=5,
    ),
}
