"""One simulated Azure subscription in memory, with a resource of every type."""

from __future__ import annotations

from functools import partial

import pytest

from semantest_iac.infrastructure.simulated_cloud.azure.catalogue import simulated_azure
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from tests.filled_clouds import FilledCloud, fill_cloud
from tests.unit.simulated_cloud.azure.samples import SAMPLES
from tests.unit.simulated_cloud.azure.tokens import World


@pytest.fixture
def inventory() -> Inventory:
    return Inventory(":memory:")


@pytest.fixture
def cloud(inventory: Inventory) -> SimulatedCloud:
    """Open an empty subscription in westeurope."""
    return simulated_azure(inventory, region="westeurope")


@pytest.fixture(scope="session")
def filled_azure() -> FilledCloud:
    return fill_cloud(partial(simulated_azure, region="westeurope"), SAMPLES)


@pytest.fixture
def world(inventory: Inventory, filled_azure: FilledCloud) -> World:
    """One resource of every type."""
    return filled_azure.copy_to(inventory)
