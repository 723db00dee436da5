"""Code published to function apps, which needs access to the storage of the package."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.azure.security import ROLE_PROPAGATION_SECONDS
from semantest_iac.infrastructure.simulated_cloud.runtime.clock import VirtualClock
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import FaultEffect, FaultScript, ScriptedFault
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from tests.unit.simulated_cloud.azure.app_samples import function_app_config, role
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import APP, CONTAINER, ROLE_ASSIGNMENT, STORAGE, World

_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
_DIGEST = "a" * 64


@pytest.fixture
def app(world: World) -> str:
    """Return the id of an app whose role assignment has taken effect."""
    return world[APP].id


class TestPublishedCode:
    def test_is_empty_at_first(self, cloud: SimulatedCloud, app: str) -> None:
        assert cloud.published_code_digest(APP, app) == ""

    def test_is_the_last_published(self, cloud: SimulatedCloud, app: str) -> None:
        cloud.publish_code(APP, app, "first")

        cloud.publish_code(APP, app, _DIGEST)

        assert cloud.published_code_digest(APP, app) == _DIGEST

    def test_survives_an_update(self, cloud: SimulatedCloud, app: str, world: World) -> None:
        cloud.publish_code(APP, app, _DIGEST)

        cloud.update(APP, app, {**SAMPLES[APP](world), "httpsOnly": False})

        assert cloud.published_code_digest(APP, app) == _DIGEST

    def test_is_deleted_with_the_app(self, cloud: SimulatedCloud, app: str, world: World) -> None:
        cloud.publish_code(APP, app, _DIGEST)
        cloud.delete(APP, app)

        cloud.create(APP, SAMPLES[APP](world), owner="urn:again")

        assert cloud.published_code_digest(APP, app) == ""

    def test_is_stored_in_the_inventory(self, cloud: SimulatedCloud, inventory: Inventory, app: str) -> None:
        cloud.publish_code(APP, app, _DIGEST)
        other = type(cloud)({}, inventory, account="another", region="westeurope")

        assert other.list_resources() == []
        assert cloud.published_code_digest(APP, app) == _DIGEST


class TestPublishing:
    def test_is_refused_for_a_missing_app(self, cloud: SimulatedCloud) -> None:
        with pytest.raises(CloudRefusal, match="ResourceNotFound"):
            cloud.publish_code(APP, "/none", _DIGEST)

    def test_is_refused_for_a_type_without_code(self, cloud: SimulatedCloud, world: World) -> None:
        with pytest.raises(CloudRefusal, match="CodeNotTaken"):
            cloud.publish_code(STORAGE, world[STORAGE].id, _DIGEST)

    @pytest.mark.parametrize(
        ("type_", "message"), [(ROLE_ASSIGNMENT, "Forbidden"), (CONTAINER, "NotFound")], ids=["role", "container"]
    )
    def test_is_refused_without_access_to_the_storage(
        self, type_: str, message: str, cloud: SimulatedCloud, app: str, world: World
    ) -> None:
        cloud.delete(type_, world[type_].id)

        with pytest.raises(CloudRefusal, match=f"Azure Storage responded with {message}"):
            cloud.publish_code(APP, app, _DIGEST)

        assert cloud.published_code_digest(APP, app) == ""

    def test_is_refused_with_a_reader_role(self, cloud: SimulatedCloud, app: str, world: World, make: Any) -> None:
        cloud.delete(ROLE_ASSIGNMENT, world[ROLE_ASSIGNMENT].id)
        make(ROLE_ASSIGNMENT, roleDefinitionId=role(_READER))

        with pytest.raises(CloudRefusal, match="Forbidden"):
            cloud.publish_code(APP, app, _DIGEST)

    def test_is_refused_until_a_new_role_takes_effect(
        self, cloud: SimulatedCloud, app: str, world: World, make: Any, clock: VirtualClock
    ) -> None:
        cloud.delete(ROLE_ASSIGNMENT, world[ROLE_ASSIGNMENT].id)
        make(ROLE_ASSIGNMENT)
        began, refusals = clock.seconds, 0

        while not cloud.published_code_digest(APP, app):
            try:
                cloud.publish_code(APP, app, _DIGEST)
            except CloudRefusal as refusal:
                assert refusal.retryable
                refusals += 1

        assert refusals == 4
        assert clock.seconds - began >= ROLE_PROPAGATION_SECONDS

    def test_is_refused_with_a_disabled_key(self, cloud: SimulatedCloud, make: Any, world: World) -> None:
        config = function_app_config(world)
        config["deployment"]["storage"]["authentication"] = {"type": "StorageAccountConnectionString"}
        keyed = make(APP, name="func-keyed", functionAppConfig=config)

        with pytest.raises(CloudRefusal, match="Key based authentication is not permitted"):
            cloud.publish_code(APP, keyed.id, _DIGEST)

    def test_fails_by_a_scripted_fault(self, inventory: Inventory, app: str) -> None:
        from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import simulated_azure

        script = FaultScript(
            (ScriptedFault(FaultEffect.REFUSE, operation="publish", call=1, code="ServiceUnavailable", status=503),)
        )
        cloud = simulated_azure(inventory, region="westeurope", faults=script)

        with pytest.raises(CloudRefusal, match="ServiceUnavailable"):
            cloud.publish_code(APP, app, _DIGEST)
        cloud.publish_code(APP, app, _DIGEST)

        assert cloud.published_code_digest(APP, app) == _DIGEST
