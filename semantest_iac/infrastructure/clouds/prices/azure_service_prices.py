"""What Azure charges in eastus for services that run containers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from semantest_iac.domain.compute.containers import ContainerEnvironment, ContainerService, ImageRegistry
from semantest_iac.domain.costs.estimates import DAYS_PER_MONTH, SECONDS_PER_MONTH, CostItem
from semantest_iac.infrastructure.clouds.plan.azure_container_sizes import DEDICATED_TIERS, choose_container_size
from semantest_iac.infrastructure.clouds.prices.price_table import (
    ListKindItems,
    PricedUsage,
    make_catalogued_price,
    make_tested_price,
)

_tested = partial(make_tested_price, "azure", test="container_registry_test")
_catalogued = partial(make_catalogued_price, path="azure/azurerm_container_app", dated="2026-06-22")

AZURE_SERVICE_UNIT_PRICES: Final = {
    "Basic registry": _tested(5.00 / 30),  # a day
    "Premium registry": _tested(50.00 / 30),  # a day
    "processors": _catalogued(0.000024),  # one of them for a second
    "memory": _catalogued(0.000003),  # a GiB for a second
}
"""USD, by what is charged. No dated public source was found for the machines of Container Apps."""


def _list_environment_items(environment: ContainerEnvironment, _priced: PricedUsage) -> Iterator[CostItem]:
    """An environment costs nothing, but for the machines of the higher tiers."""
    if environment.tier in DEDICATED_TIERS:
        yield CostItem(environment.name, "dedicated machine", SECONDS_PER_MONTH / 3600, "hour", None, is_fixed=True)


def _list_registry_items(registry: ImageRegistry, _priced: PricedUsage) -> Iterator[CostItem]:
    what = "Premium registry" if registry.private else "Basic registry"
    price = AZURE_SERVICE_UNIT_PRICES[what]
    yield CostItem(registry.name, what, DAYS_PER_MONTH, "day", price, is_fixed=True)


def _list_service_items(service: ContainerService, priced: PricedUsage) -> Iterator[CostItem]:
    """The fewest instances run all the time, as if they were never idle; more of them cost more, and requests too.

    On the machines of a higher tier they cost nothing besides the machines.
    """
    environments = [it for it in priced.blueprint.resources if isinstance(it, ContainerEnvironment)]
    if any(it.name == service.runs_in and it.tier in DEDICATED_TIERS for it in environments):
        return
    cpu, memory = choose_container_size(service.cpu, service.memory_mb)
    seconds = SECONDS_PER_MONTH * service.scaling.minimum
    gibibytes = float(memory.removesuffix("Gi"))
    for what, amount, unit in (("processors", cpu, "vCPU-second"), ("memory", gibibytes, "GiB-second")):
        yield CostItem(service.name, what, amount * seconds, unit, AZURE_SERVICE_UNIT_PRICES[what], is_fixed=True)


AZURE_SERVICE_PRICES: Final[dict[type, ListKindItems]] = {
    ContainerEnvironment: _list_environment_items,
    ContainerService: _list_service_items,
    ImageRegistry: _list_registry_items,
}
