"""One simulated Azure subscription in memory, with a resource of every type."""

from __future__ import annotations

import pytest

from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import simulated_azure
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import World


@pytest.fixture
def cloud() -> SimulatedCloud:
    """Open an empty subscription in westeurope."""
    return simulated_azure(Inventory(":memory:"), region="westeurope")


@pytest.fixture
def world(cloud: SimulatedCloud) -> World:
    """Create one resource of every type."""
    made: World = {}
    for type_, sample in SAMPLES.items():
        made[type_] = cloud.create(type_, sample(made), owner=f"urn:{type_}")
    return made
