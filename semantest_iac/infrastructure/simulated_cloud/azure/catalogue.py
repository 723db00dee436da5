"""All Azure types and data sources together, and an Azure subscription to try them in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.azure import (
    alerts,
    compute,
    gateways,
    identities,
    messaging,
    networks,
    questions,
    resource_groups,
    storage,
    telemetry,
    vaults,
)
from semantest_iac.infrastructure.simulated_cloud.clock import Clock
from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud
from semantest_iac.infrastructure.simulated_cloud.faults import NO_FAULTS, Faults
from semantest_iac.infrastructure.simulated_cloud.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.rules import TypeRule

SUBSCRIPTION: Final = "00000000-0000-4000-8000-5e3a17e57002"
"""The id of the simulated subscription; it belongs to nobody."""

TYPES: Final[Mapping[str, TypeRule]] = {
    **resource_groups.TYPES,
    **telemetry.TYPES,
    **storage.TYPES,
    **identities.TYPES,
    **networks.TYPES,
    **compute.TYPES,
    **vaults.TYPES,
    **alerts.TYPES,
    **gateways.TYPES,
    **messaging.TYPES,
}


def simulated_azure(
    inventory: Inventory,
    *,
    region: str,
    account: str = SUBSCRIPTION,
    faults: Faults = NO_FAULTS,
    clock: Clock | None = None,
) -> Cloud:
    """One Azure subscription, seen from one region."""
    return Cloud(
        TYPES, inventory, account=account, region=region, faults=faults, clock=clock, invokes=questions.INVOKES
    )
