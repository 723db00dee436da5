"""Web PubSub hubs, whose event handlers must answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import APP, HUB, TENANT, WEB_PUBSUB, World


def _asking(world: World) -> dict[str, Any]:
    host = world[APP].outputs["defaultHostName"]
    return {"eventHandlers": [{"urlTemplate": f"https://{host}/events/{{event}}", "userEventPattern": "*"}]}


class TestWebPubSub:
    def test_reports_its_identity(self, make: Callable[..., CreatedResource]) -> None:
        made = make(WEB_PUBSUB, resourceName="wps-with-identity", identity={"type": "SystemAssigned"})

        reported = made.outputs["identity"]
        assert (reported["type"], reported["tenantId"], str(UUID(reported["principalId"]))) == (
            "SystemAssigned",
            TENANT,
            reported["principalId"],
        )


class TestHubs:
    def test_are_refused_while_their_event_handler_has_no_code(
        self, world: World, refused: Callable[..., CloudRefusal]
    ) -> None:
        refusal = refused(HUB, hubName="other", properties=_asking(world))

        assert refusal.code == "AbuseProtectionResponseInvalidStatusCode"

    def test_cannot_be_updated_to_such_an_event_handler(self, cloud: SimulatedCloud, world: World) -> None:
        with pytest.raises(CloudRefusal, match="abuse protection"):
            cloud.update(HUB, world[HUB].id, {**SAMPLES[HUB](world), "properties": _asking(world)})

    def test_are_created_when_the_event_handler_has_code(
        self, cloud: SimulatedCloud, world: World, make: Callable[..., CreatedResource]
    ) -> None:
        cloud.publish_code(APP, world[APP].id, "a" * 64)

        assert make(HUB, hubName="other", properties=_asking(world)).outputs["name"] == "other"

    @pytest.mark.parametrize("identity", [{"type": "SystemAssigned"}, {"type": "None"}], ids=["one", "none"])
    def test_warn_where_the_service_lacks_the_identity_of_event_handlers(
        self, make: Callable[..., CreatedResource], identity: Any
    ) -> None:
        auth = {"type": "ManagedIdentity", "managedIdentity": {"resource": "https://webpubsub.azure.com"}}
        service = make(WEB_PUBSUB, resourceName="wps-with-identity", identity=identity).outputs["name"]
        asking = {"eventHandlers": [{"urlTemplate": "https://elsewhere.example", "auth": auth}]}

        made = make(HUB, resourceName=service, properties=asking)
        assert bool(made.warnings) is (identity["type"] == "None")
