"""What databases, pipelines and stores of objects cost; no dated public source was found for these sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from semantest_iac.domain.costs.estimates import CostItem
from semantest_iac.domain.resource import Resource
from semantest_iac.domain.storage.data_pipelines import DataPipeline
from semantest_iac.domain.storage.databases import DocumentDatabase, RedisCache, SqlDatabase, SqlServer
from semantest_iac.domain.storage.object_stores import ObjectStore
from semantest_iac.infrastructure.clouds.prices.price_table import ListKindItems, PricedUsage, list_hours


def _list_hours(resource: Resource, _priced: PricedUsage) -> Iterator[CostItem]:
    return list_hours(resource.name, "hours of its size", None)


def _list_use(resource: Resource, priced: PricedUsage) -> Iterator[CostItem]:
    yield CostItem(resource.name, "reads and writes", priced.usage.requests / 1_000_000, "million", None)


AWS_DATABASE_PRICES: Final[Mapping[type[Resource], ListKindItems]] = {
    DataPipeline: _list_use,
    DocumentDatabase: _list_use,
    ObjectStore: _list_use,
    RedisCache: _list_use,
    SqlServer: _list_hours,
}
AZURE_DATABASE_PRICES: Final[Mapping[type[Resource], ListKindItems]] = {
    DataPipeline: _list_use,
    DocumentDatabase: _list_use,
    ObjectStore: _list_use,
    RedisCache: _list_hours,
    SqlDatabase: _list_hours,
}
