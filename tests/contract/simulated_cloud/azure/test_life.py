"""Every Azure type is read as it was created, and the same inputs change nothing."""

from __future__ import annotations

import pytest

from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import AZURE_TYPES, simulated_azure
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from semantest_iac.infrastructure.simulated_cloud.schema.values import UNKNOWN
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import World

EVERY_TYPE = pytest.mark.parametrize("type_", sorted(AZURE_TYPES))


class TestEveryType:
    def test_has_a_sample(self) -> None:
        assert set(SAMPLES) == set(AZURE_TYPES)

    @EVERY_TYPE
    def test_accepts_its_sample(self, type_: str, cloud: SimulatedCloud, world: World) -> None:
        assert cloud.check(type_, SAMPLES[type_](world)) == []

    @EVERY_TYPE
    def test_is_created_without_a_warning(self, type_: str, world: World) -> None:
        assert world[type_].warnings == ()

    @EVERY_TYPE
    def test_is_read_as_it_was_created(self, type_: str, cloud: SimulatedCloud, world: World) -> None:
        made = world[type_]

        assert cloud.read(type_, made.id, made.outputs) == made.outputs

    @EVERY_TYPE
    def test_shows_no_change_for_the_same_inputs(self, type_: str, cloud: SimulatedCloud, world: World) -> None:
        inputs = SAMPLES[type_](world)

        assert cloud.diff(type_, inputs, world[type_].outputs, inputs).changed == ()

    @EVERY_TYPE
    def test_previews_every_output(self, type_: str, cloud: SimulatedCloud, world: World) -> None:
        previewed = cloud.preview_create(type_, SAMPLES[type_](world))

        known = {name: value for name, value in previewed.items() if value is not UNKNOWN}
        assert previewed.keys() == world[type_].outputs.keys()
        assert known.items() <= world[type_].outputs.items()

    @EVERY_TYPE
    def test_keeps_its_outputs_through_an_update_without_change(
        self, type_: str, cloud: SimulatedCloud, world: World
    ) -> None:
        inputs = SAMPLES[type_](world)

        previewed = cloud.preview_update(type_, world[type_].outputs, inputs)
        updated = cloud.update(type_, world[type_].id, inputs)

        assert previewed == updated == world[type_].outputs

    @EVERY_TYPE
    def test_cannot_be_made_twice(self, type_: str, cloud: SimulatedCloud, world: World) -> None:
        with pytest.raises(CloudRefusal):
            cloud.create(type_, SAMPLES[type_](world), owner="urn:again")

    def test_all_can_be_deleted_in_reverse_order(self, cloud: SimulatedCloud, world: World) -> None:
        for type_ in reversed(world):
            cloud.delete(type_, world[type_].id, world[type_].outputs)

        assert cloud.list_resources() == []

    def test_all_go_with_their_resource_group(self, cloud: SimulatedCloud, world: World) -> None:
        group = "azure-native:resources:ResourceGroup"

        cloud.delete(group, world[group].id)

        assert cloud.list_resources() == []

    def test_all_have_the_same_ids_in_every_run(self, world: World) -> None:
        other = simulated_azure(Inventory(":memory:"), region="westeurope")
        again: World = {}

        for type_, sample in SAMPLES.items():
            again[type_] = other.create(type_, sample(again), owner=f"urn:{type_}")

        assert again == world
