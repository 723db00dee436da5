"""A simulated cloud with a resource of every type, which is filled once; each test has a copy of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CreatedResource

World = dict[str, CreatedResource]


@dataclass(frozen=True)
class FilledCloud:
    """What one sample of every type became, in an inventory in memory."""

    inventory: Inventory
    world: World

    def copy_to(self, inventory: Inventory) -> World:
        """Replace everything in another inventory in memory, its key and its time too, and return the resources."""
        self.inventory._connection.backup(inventory._connection)
        inventory.masking_key = self.inventory.masking_key
        return dict(self.world)


def fill_cloud(
    open_cloud: Callable[[Inventory], SimulatedCloud], samples: Mapping[str, Callable[[World], dict[str, Any]]]
) -> FilledCloud:
    """Create one resource of every type, each from those before it."""
    inventory, made = Inventory(":memory:"), World()
    cloud = open_cloud(inventory)
    for type_, sample in samples.items():
        made[type_] = cloud.create(type_, sample(made), owner=f"urn:{type_}")
    return FilledCloud(inventory, made)
