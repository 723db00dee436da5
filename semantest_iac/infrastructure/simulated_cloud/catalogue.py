"""Which clouds are simulated, by the name of their Pulumi provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import simulated_aws
from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud
from semantest_iac.infrastructure.simulated_cloud.inventory import Inventory

_CLOUDS: Final[dict[str, Callable[..., Cloud]]] = {"aws": simulated_aws}


def cloud_at(package: str, inventory: Inventory, *, region: str) -> Cloud:
    """The simulated cloud of a provider package in a region; KeyError for one that is not simulated."""
    return _CLOUDS[package](inventory, region=region)
