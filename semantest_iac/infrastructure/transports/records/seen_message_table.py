"""Remembers which messages were taken from sources that have no order."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection

from semantest_iac.infrastructure.databases.database import Database, DatabaseConnection
from semantest_iac.infrastructure.transports.records.tables import RecordTables

_TABLES = (
    """create table if not exists seen_messages (
        transport text not null, digest text not null, forget_at double precision, primary key (transport, digest)
    )""",
    "create index if not exists forgotten_messages on seen_messages (forget_at) where forget_at is not null",
)


class SeenMessageTable:
    """The digests of keys in the database of the ledger: senders choose keys, and digests have one length."""

    def __init__(self, database: Database) -> None:
        self._tables = RecordTables(database, *_TABLES)

    async def has_any(self, transport: str, keys: Collection[str]) -> bool:
        """Whether one of the keys is remembered; one whose time is over may still be."""
        digests = [_digest(key) for key in keys]
        marks = ", ".join("?" * len(digests))
        query = f"select 1 from seen_messages where transport = ? and digest in ({marks})"  # noqa: S608 - marks alone
        return bool(await asyncio.to_thread(self._tables.select, "seen_messages", query, (transport, *digests)))

    async def add(self, transport: str, keys: Collection[str], kept_s: float | None) -> None:
        """Remember the keys, and forget those whose time is over."""
        digests = [_digest(key) for key in keys]

        def insert(connection: DatabaseConnection) -> None:
            now = connection.read_clock()
            connection.execute("delete from seen_messages where forget_at < ?", (now,))
            for digest in digests:
                connection.execute(
                    "insert into seen_messages values (?, ?, ?) on conflict (transport, digest) do nothing",
                    (transport, digest, None if kept_s is None else now + kept_s),
                )

        await self._tables.change(insert)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
