"""Hubs: whoever they ask must answer."""

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
    def test_tells_who_its_identity_is(self, make: Callable[..., CreatedResource]) -> None:
        made = make(WEB_PUBSUB, resourceName="wps-with-identity", identity={"type": "SystemAssigned"})

        told = made.outputs["identity"]
        assert (told["type"], told["tenantId"], str(UUID(told["principalId"]))) == (
            "SystemAssigned",
            TENANT,
            told["principalId"],
        )


class TestHubs:
    def test_are_refused_while_an_app_that_they_ask_runs_no_code(
        self, world: World, refused: Callable[..., CloudRefusal]
    ) -> None:
        refusal = refused(HUB, hubName="other", properties=_asking(world))

        assert refusal.code == "AbuseProtectionResponseInvalidStatusCode"

    def test_are_not_changed_to_ask_such_an_app(self, cloud: SimulatedCloud, world: World) -> None:
        with pytest.raises(CloudRefusal, match="abuse protection"):
            cloud.update(HUB, world[HUB].id, {**SAMPLES[HUB](world), "properties": _asking(world)})

    def test_are_made_when_the_app_runs(
        self, cloud: SimulatedCloud, world: World, make: Callable[..., CreatedResource]
    ) -> None:
        cloud.publish_code(APP, world[APP].id, "a" * 64)

        assert make(HUB, hubName="other", properties=_asking(world)).outputs["name"] == "other"

    @pytest.mark.parametrize("identity", [{"type": "SystemAssigned"}, {"type": "None"}], ids=["one", "none"])
    def test_show_an_identity_that_their_service_has(self, make: Callable[..., CreatedResource], identity: Any) -> None:
        auth = {"type": "ManagedIdentity", "managedIdentity": {"resource": "https://webpubsub.azure.com"}}
        service = make(WEB_PUBSUB, resourceName="wps-with-identity", identity=identity).outputs["name"]
        asking = {"eventHandlers": [{"urlTemplate": "https://elsewhere.example", "auth": auth}]}

        made = make(HUB, resourceName=service, properties=asking)
        assert bool(made.warnings) is (identity["type"] == "None")
