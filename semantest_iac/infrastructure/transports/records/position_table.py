"""Remembers how far each source was read, and each target was published to."""

from __future__ import annotations

from semantest_iac.infrastructure.databases.database import Database, DatabaseConnection
from semantest_iac.infrastructure.transports.records.tables import RecordTables

POSITION_TABLE = """create table if not exists transport_positions (
    transport text primary key, position text not null
)"""


class TransportPositionTable:
    """The positions in the database of the ledger."""

    def __init__(self, database: Database) -> None:
        self._tables = RecordTables(database, POSITION_TABLE)

    def read(self, transport: str) -> str | None:
        """Return the position that was saved last."""
        query = "select position from transport_positions where transport = ?"
        return next((str(it) for (it,) in self._tables.select("transport_positions", query, (transport,))), None)

    async def save(self, transport: str, position: str) -> None:
        """Remember the position."""
        await self._tables.change(lambda connection: write_position(connection, transport, position))


def write_position(connection: DatabaseConnection, transport: str, position: str) -> None:
    """Remember the position, in a transaction of the caller."""
    connection.execute(
        "insert into transport_positions values (?, ?) on conflict (transport) do update set"
        " position = excluded.position",
        (transport, position),
    )
