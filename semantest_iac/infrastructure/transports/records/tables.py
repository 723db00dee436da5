"""Tables in the database of the ledger, which the first write makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from semantest_iac.infrastructure.databases.database import Database, DatabaseConnection, Result, Row


class RecordTables:
    """Changes and reads tables of its own; reading finds nothing until they are made."""

    def __init__(self, database: Database, *statements: str) -> None:
        self._database = database
        self._statements = statements
        self._has_tables = False

    async def change(self, change: Callable[[DatabaseConnection], Result]) -> Result:
        """Return what `change` returns, once it is committed; raises LedgerError."""

        def change_tables(connection: DatabaseConnection) -> Result:
            if not self._has_tables:
                for statement in self._statements:
                    connection.execute(statement)
            return change(connection)

        result = await self._database.commit("write to", change_tables)
        self._has_tables = True
        return result

    def select(self, table: str, query: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return the rows of a query, none where the table is not made yet."""
        with self._database.read("read") as connection:
            if connection is None or not connection.has_table(table):
                return []
            return connection.execute(query, parameters)
