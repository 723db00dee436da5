"""The port of a cloud's price list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.costs.estimates import CostItem, UsageAssumptions


class PriceList(Protocol):
    """The published prices of one cloud in one region, and what of a blueprint they apply to."""

    @property
    def region(self) -> str:
        """Return the region whose prices these are."""
        ...

    def list_items(self, blueprint: Blueprint, usage: UsageAssumptions, /) -> Iterator[CostItem]:
        """Yield what the resources of the blueprint cost a month; an item without a published price has none."""
        ...


FindPrices = Callable[[str], PriceList | None]
"""Returns the price list of a cloud, None for one without."""

AdaptBlueprint = Callable[[Blueprint], Blueprint]
"""Returns a blueprint with the resources as its cloud arranges them."""
