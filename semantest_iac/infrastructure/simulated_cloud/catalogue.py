"""Which clouds are simulated, by the name of their Pulumi provider."""

from __future__ import annotations

from collections.abc import Callable

from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud
from semantest_iac.infrastructure.simulated_cloud.faults import NO_FAULTS, Faults
from semantest_iac.infrastructure.simulated_cloud.inventory import Inventory


def cloud_at(package: str, inventory: Inventory, *, region: str, faults: Faults = NO_FAULTS) -> Cloud:
    """The simulated cloud of a provider package in a region; KeyError for one that is not simulated."""
    entry = CLOUDS.of_package(package)
    simulated: Callable[..., Cloud] = entry.part(entry.simulated)
    return simulated(inventory, region=region, faults=faults)
