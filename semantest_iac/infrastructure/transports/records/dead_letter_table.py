"""Keeps dead letters: nothing in them is trusted, and every byte of them is kept."""

from __future__ import annotations

import json
from typing import Any

from semantest_iac.application.ports.event_transports import DeadLetter
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.infrastructure.databases.database import Database, DatabaseConnection, Row
from semantest_iac.infrastructure.transports.records.tables import RecordTables

MOST_RECEIVED, MOST_RECEIVED_BYTES = 1000, 64 * 1024 * 1024
"""Of each source so many letters are kept, and so many bytes of them: whoever can send must not fill the database."""

# The description is JSON in ASCII: PostgreSQL refuses texts with NUL characters, which a sender may well have sent.
_TABLE = """create table if not exists dead_letters (
    id text primary key, failed_at double precision not null, description text not null, body bytea not null
)"""
_DESCRIBED = ("direction", "transport", "code", "reason", "headers", "place", "is_complete")
_COLUMNS = "id, failed_at, description, body"


class DeadLetterTable:
    """The dead letters in the database of the ledger."""

    def __init__(self, database: Database) -> None:
        self._tables = RecordTables(database, _TABLE)

    async def add(self, letter: DeadLetter) -> None:
        """Keep a letter, in place of one with the same id; of a source that has too many, the oldest ones go."""
        described: dict[str, Any] = {name: getattr(letter, name) for name in _DESCRIBED}
        description = json.dumps({**described, "headers": dict(letter.headers)})

        def insert(connection: DatabaseConnection) -> None:
            connection.execute(
                "insert into dead_letters (id, failed_at, description, body) values (?, ?, ?, ?)"
                " on conflict (id) do update set"
                " failed_at = excluded.failed_at, description = excluded.description, body = excluded.body",
                (letter.id, letter.failed_at, description, letter.body),
            )
            if letter.direction == "received":
                _remove_oldest(connection, letter.transport)

        await self._tables.change(insert)

    def list(self) -> list[DeadLetter]:
        """Return all letters, oldest first."""
        query = f"select {_COLUMNS} from dead_letters order by failed_at, id"  # noqa: S608 - no input in it
        return [_parse_letter(row) for row in self._tables.select("dead_letters", query)]

    def get(self, prefix: str) -> DeadLetter:
        """Return the letter whose id begins so, or is just that."""
        ids = [id_ for (id_,) in self._tables.select("dead_letters", "select id from dead_letters order by id")]
        found = [id_ for id_ in ids if id_ == prefix] or [id_ for id_ in ids if id_.startswith(prefix)]
        name = make_printable(prefix)
        if not found:
            raise NotFoundError(f"Cannot find dead letter '{name}': there is none with this id.", hint=_LIST_HINT)
        if len(found) > 1:
            raise NotFoundError(f"Cannot find dead letter '{name}': {len(found)} ids begin so.", hint=_LIST_HINT)
        query = f"select {_COLUMNS} from dead_letters where id = ?"  # noqa: S608 - no input in it
        for row in self._tables.select("dead_letters", query, found):
            return _parse_letter(row)
        raise NotFoundError(f"Cannot find dead letter '{name}': it was removed meanwhile.")

    async def remove(self, id_: str) -> None:
        """Remove a letter, if it is there."""
        await self._tables.change(
            lambda connection: connection.execute("delete from dead_letters where id = ?", (id_,))
        )


def _remove_oldest(connection: DatabaseConnection, source: str) -> None:
    """Remove the letters of a source beyond the newest ones that are kept."""
    count, size = 0, 0
    rows = list(
        connection.execute(
            "select id, description, length(body) from dead_letters order by failed_at desc, id desc",
        )
    )
    for id_, description, length in rows:
        described = json.loads(description)
        if (described["direction"], described["transport"]) != ("received", source):
            continue
        count, size = count + 1, size + int(length)
        if count > MOST_RECEIVED or size > MOST_RECEIVED_BYTES:
            connection.execute("delete from dead_letters where id = ?", (id_,))


_LIST_HINT = "See: semantest-iac events dead-letters list"


def _parse_letter(row: Row) -> DeadLetter:
    id_, failed_at, description, body = row
    return DeadLetter(id=id_, failed_at=failed_at, body=bytes(body), **json.loads(description))
