"""What Azure charges in eastus for services that run containers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from semantest_iac.domain.compute.containers import ContainerEnvironment, ContainerService, ImageRegistry
from semantest_iac.domain.costs.estimates import DAYS_PER_MONTH, SECONDS_PER_MONTH, CostItem
from semantest_iac.infrastructure.clouds.plan.azure_container_sizes import DEDICATED_TIERS, choose_container_size
from semantest_iac.infrastructure.clouds.prices.price_table import ListKindItems, PricedUsage, make_tested_price

_tested = partial(make_tested_price, "azure", test="container_registry_test")

AZURE_SERVICE_UNIT_PRICES: Final = {
    "Basic registry": _tested(5.00 / 30),  # a day
    "Premium registry": _tested(50.00 / 30),  # a day
}
"""USD, by what is charged.

No dated public source was found for the processors and memory of Container Apps, nor for its machines.
"""


def _list_environment_items(environment: ContainerEnvironment, _priced: PricedUsage) -> Iterator[CostItem]:
    """An environment costs nothing, but for the machines of the higher tiers."""
    if environment.tier in DEDICATED_TIERS:
        yield CostItem(environment.name, "dedicated machine", SECONDS_PER_MONTH / 3600, "hour", None, is_fixed=True)


def _list_registry_items(registry: ImageRegistry, _priced: PricedUsage) -> Iterator[CostItem]:
    what = "Premium registry" if registry.private else "Basic registry"
    price = AZURE_SERVICE_UNIT_PRICES[what]
    yield CostItem(registry.name, what, DAYS_PER_MONTH, "day", price, is_fixed=True)


def _list_service_items(service: ContainerService, _priced: PricedUsage) -> Iterator[CostItem]:
    """The fewest instances run all the time; more of them cost more, and requests beside them."""
    cpu, memory = choose_container_size(service.cpu, service.memory_mb)
    seconds = SECONDS_PER_MONTH * service.scaling.minimum
    yield CostItem(service.name, "processors", cpu * seconds, "vCPU-second", None, is_fixed=True)
    yield CostItem(
        service.name, "memory", float(memory.removesuffix("Gi")) * seconds, "GiB-second", None, is_fixed=True
    )


AZURE_SERVICE_PRICES: Final[dict[type, ListKindItems]] = {
    ContainerEnvironment: _list_environment_items,
    ContainerService: _list_service_items,
    ImageRegistry: _list_registry_items,
}
