"""What databases, pipelines and stores of objects cost; no dated public source was found for the other sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from semantest_iac.domain.costs.estimates import HOURS_PER_MONTH, CostItem
from semantest_iac.domain.resource import Resource
from semantest_iac.domain.storage.data_pipelines import DataPipeline
from semantest_iac.domain.storage.databases import DocumentDatabase, RedisCache, SqlDatabase, SqlServer
from semantest_iac.domain.storage.object_stores import ObjectStore
from semantest_iac.infrastructure.clouds.prices.price_table import (
    ListKindItems,
    PricedUsage,
    list_hours,
    make_tested_price,
)

AZURE_DATABASE_UNIT_PRICES: Final = {  # an hour
    # S2 has 50 of the units of throughput by which the Standard tier is charged, and S12 has 3000
    "standard": make_tested_price("azure", 4415.59 / HOURS_PER_MONTH / 3000 * 50, "mssql_database_test", "2024-12-04"),
    "premium": make_tested_price("azure", 456.25 / HOURS_PER_MONTH, "sql_database_test"),  # P1
    "replicated cache": make_tested_price("azure", 94.90 / HOURS_PER_MONTH, "managed_redis_test", "2026-05-03"),
}
"""USD, by the tier of a database on Azure, and for a cache of size Balanced_B3 with its replica."""


def _list_hours(resource: Resource, _priced: PricedUsage) -> Iterator[CostItem]:
    return list_hours(resource.name, "hours of its size", None)


def _list_use(resource: Resource, priced: PricedUsage) -> Iterator[CostItem]:
    yield CostItem(resource.name, "reads and writes", priced.usage.requests / 1_000_000, "million", None)


def _list_azure_database_items(database: SqlDatabase, _priced: PricedUsage) -> Iterator[CostItem]:
    return list_hours(database.name, "hours of its size", AZURE_DATABASE_UNIT_PRICES.get(database.tier))


def _list_azure_cache_items(cache: RedisCache, _priced: PricedUsage) -> Iterator[CostItem]:
    price = AZURE_DATABASE_UNIT_PRICES["replicated cache"] if cache.high_availability else None
    return list_hours(cache.name, "hours of its size", price)


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
    RedisCache: _list_azure_cache_items,
    SqlDatabase: _list_azure_database_items,
}
