"""Which clouds are simulated, by the name of their Pulumi provider."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud
from semantest_iac.infrastructure.simulated_cloud.faults import NO_FAULTS, Faults
from semantest_iac.infrastructure.simulated_cloud.inventory import Inventory

_HERE: Final = __name__.rpartition(".")[0]

# By name, because the tables of a cloud are read only by those who use it.
_CLOUDS: Final = {
    "aws": (f"{_HERE}.aws.catalogue", "simulated_aws"),
    "azure-native": (f"{_HERE}.azure.catalogue", "simulated_azure"),
}

PLACES: Final = ("region", "location")
"""What Pulumi's providers call the setting that says where they work; one that works elsewhere is another provider."""


def cloud_at(package: str, inventory: Inventory, *, region: str, faults: Faults = NO_FAULTS) -> Cloud:
    """The simulated cloud of a provider package in a region; KeyError for one that is not simulated."""
    module, name = _CLOUDS[package]
    simulated: Callable[..., Cloud] = getattr(import_module(module), name)
    return simulated(inventory, region=region, faults=faults)
