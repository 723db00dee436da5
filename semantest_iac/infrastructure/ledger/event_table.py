"""The table of events, and how it is read page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter

from semantest_iac.application.ports.ledger import RecordedEvent
from semantest_iac.infrastructure.databases.database import DatabaseConnection

LOG_PAGE_SIZE = 1000
EVENT_COLUMNS = "position, stream, version, type, json, hash"
_EVENT_VALUES = attrgetter(*EVENT_COLUMNS.split(", "))
_CREATE = """create table if not exists events (
    position integer primary key, stream text not null, version integer not null,
    type text not null, json text not null, hash text not null, unique (stream, version)
)"""


def create_events_table(connection: DatabaseConnection) -> None:
    """Create the table unless it exists."""
    if not connection.has_table("events"):
        connection.execute(_CREATE)


def select_events(connection: DatabaseConnection, condition: str, *parameters: object) -> list[RecordedEvent]:
    """Return the events that meet a condition, which is a literal of the caller's."""
    query = f"select {EVENT_COLUMNS} from events {condition}"  # noqa: S608 - no input in it
    return [RecordedEvent(*row) for row in connection.execute(query, parameters)]


def insert_events(connection: DatabaseConnection, events: Sequence[RecordedEvent]) -> None:
    """Insert events."""
    connection.insert("events", list(map(_EVENT_VALUES, events)))


def read_log(
    read_page: Callable[[int, int], list[RecordedEvent]], after: int = 0, limit: int | None = None
) -> Iterator[RecordedEvent]:
    """Yield events in the order of their positions; `read_page` returns up to so many after a position."""
    while page := read_page(after, LOG_PAGE_SIZE if limit is None else min(LOG_PAGE_SIZE, limit)):
        yield from page
        after = page[-1].position
        limit = None if limit is None else limit - len(page)
