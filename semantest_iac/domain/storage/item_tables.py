"""Tables of items."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.resource import Resource, address_variable

TABLE_VARIABLE_PREFIX = "SEMANTEST_TABLE_"
PARTITION_KEY, ROW_KEY = "PartitionKey", "RowKey"
"""The names of the two keys of every item, which are texts; one cloud knows no others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemTable(Resource):
    """A table of items with two keys, billed by use, known to its functions as `table`.

    Where the cloud can, it is restored to any moment of the last `backup_days`. A `private` table is reached from the
    network of the stack only. With `keep` it stays in the cloud, with its items, when it is no longer part of the
    stack.
    """

    table: str
    backup_days: int = 7
    private: bool = False
    keep: bool = False


def table_variable(table: str) -> str:
    """Return the name of the variable with the address of a table; that of `my-table` ends with MY_TABLE."""
    return address_variable(TABLE_VARIABLE_PREFIX, table)
