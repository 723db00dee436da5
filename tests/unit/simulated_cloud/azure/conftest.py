"""One simulated Azure subscription in memory, with a resource of every type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import pytest

from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import simulated_azure
from semantest_iac.infrastructure.simulated_cloud.runtime.clock import VirtualClock
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource
from tests.filled_clouds import FilledCloud, fill_cloud
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import Sample, World

Make: TypeAlias = Callable[..., CreatedResource]


@pytest.fixture
def samples() -> Mapping[str, Sample]:
    return SAMPLES


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def cloud(inventory: Inventory, clock: VirtualClock) -> SimulatedCloud:
    """Open an empty subscription in westeurope."""
    return simulated_azure(inventory, region="westeurope", clock=clock)


@pytest.fixture(scope="session")
def filled_azure() -> FilledCloud:
    return fill_cloud(partial(simulated_azure, region="westeurope"), SAMPLES)


@pytest.fixture
def world(inventory: Inventory, clock: VirtualClock, filled_azure: FilledCloud) -> World:
    """One resource of every type, at the time when the last one was there."""
    made = filled_azure.copy_to(inventory)
    with inventory.read_without_transaction() as reader:
        clock.catch_up(reader.virtual_seconds())
    return made


@pytest.fixture
def make(cloud: SimulatedCloud, world: World) -> Make:
    """Create one more resource of a type, changed from its sample; None omits a property."""

    def make_one(type_: str, owner: str = "urn:another", **changes: Any) -> CreatedResource:
        inputs = {**SAMPLES[type_](world), **changes}
        return cloud.create(type_, {name: value for name, value in inputs.items() if value is not None}, owner=owner)

    return make_one


@pytest.fixture
def refused(make: Make) -> Callable[..., CloudRefusal]:
    """Return the refusal of one more resource of a type."""

    def refusal_of(type_: str, **changes: Any) -> CloudRefusal:
        with pytest.raises(CloudRefusal) as caught:
            make(type_, **changes)
        return caught.value

    return refusal_of
