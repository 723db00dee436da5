"""Finds events by their ids and correlation ids, through a table beside the log that can be dropped at any time.

Journal entries are not in it: they are never published, so nothing names them as its cause. Where an earlier version
appended events, or made the database, the next append adds what is missing; until then readers look through the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from semantest_iac.application.ports.ledger import RecordedEvent
from semantest_iac.application.queries.history import JOURNAL_PREFIX
from semantest_iac.infrastructure.databases.database import DatabaseConnection
from semantest_iac.infrastructure.ledger.event_table import EVENT_COLUMNS, LOG_PAGE_SIZE, select_events

_TABLE = """create table if not exists event_links (
    position integer primary key, event_id text not null, correlation text not null, stream text not null
)"""
_INDEXES = (
    "create index if not exists event_links_by_id on event_links (event_id)",
    "create index if not exists event_links_by_correlation on event_links (correlation, position)",
    "create index if not exists event_links_by_stream on event_links (correlation, stream, position)",
)
_QUALIFIED_COLUMNS = ", ".join(f"events.{column}" for column in EVENT_COLUMNS.split(", "))
_SELECT = f"select {_QUALIFIED_COLUMNS} from event_links join events on events.position = event_links.position"  # noqa: S608 - no input in it
_UNLINKED = "where position > ? and position <= ? and type not like ?"
_FIND_LINKED = f"""select linked, exists
    (select 1 from events {_UNLINKED.replace("?", "linked", 1)})
    from (select coalesce(max(position), 0) as linked from event_links) as links"""  # noqa: S608 - no input in it
_AS_JOURNAL = f"{JOURNAL_PREFIX}%"


def add_event_links(connection: DatabaseConnection, from_position: int, recorded: Collection[RecordedEvent]) -> None:
    """Add the recorded events, which follow `from_position`, and those before it that are missing."""
    if not connection.has_table("event_links"):
        create_event_links(connection)
    ((linked, lacks_links),) = connection.execute(_FIND_LINKED, (from_position, _AS_JOURNAL))
    if linked > from_position:  # the log was cut
        connection.execute("delete from event_links where position > ?", (from_position,))
    elif lacks_links:
        condition = "where position > ? and position <= ? order by position limit ?"
        while page := select_events(connection, condition, linked, from_position, LOG_PAGE_SIZE):
            _insert(connection, page)
            linked = page[-1].position
    _insert(connection, recorded)


def create_event_links(connection: DatabaseConnection) -> None:
    """Make the table anew, empty."""
    connection.execute("drop table if exists event_links")
    for statement in (_TABLE, *_INDEXES):
        connection.execute(statement)


def find_events_by_id(connection: DatabaseConnection, ids: Collection[str]) -> list[RecordedEvent]:
    """Return the published events that have one of these ids, in the order of the log."""
    marks = ", ".join("?" * len(ids))
    condition = f"event_links.event_id in ({marks}) order by events.position"
    return _find(connection, condition, tuple(ids), lambda event: str(event.event.get("id")) in ids) if ids else []


def find_correlated_events(
    connection: DatabaseConnection, correlation: str, stream: str | None, limit: int
) -> list[RecordedEvent]:
    """Return the newest published events of a correlation id, of one stream or all, in the order of the log."""
    of_stream = "" if stream is None else "and event_links.stream = ? "
    condition = f"event_links.correlation = ? {of_stream}order by event_links.position desc limit ?"
    parameters = (correlation, limit) if stream is None else (correlation, stream, limit)

    def is_correlated(event: RecordedEvent) -> bool:
        return event.event.get("correlationid") == correlation and stream in (None, event.stream)

    found = _find(connection, condition, parameters, is_correlated)
    return sorted(found, key=lambda event: event.position)[-limit:]


def _find(
    connection: DatabaseConnection,
    condition: str,
    parameters: tuple[object, ...],
    matches: Callable[[RecordedEvent], bool],
) -> list[RecordedEvent]:
    """Return what the table knows of, then what is in the log after its newest row."""
    found, linked = [], 0
    if connection.has_table("event_links"):
        found = [RecordedEvent(*row) for row in connection.execute(f"{_SELECT} where {condition}", parameters)]
        linked = _linked_position(connection)
    rest = select_events(connection, f"{_UNLINKED} order by position", linked, 1 << 62, _AS_JOURNAL)
    return [*found, *filter(matches, rest)]


def _linked_position(connection: DatabaseConnection) -> int:
    [(position,)] = connection.execute("select coalesce(max(position), 0) from event_links")
    return int(position)


def _insert(connection: DatabaseConnection, recorded: Iterable[RecordedEvent]) -> None:
    rows = [_link_values(row) for row in recorded if not row.type.startswith(JOURNAL_PREFIX)]
    connection.insert("event_links", rows)


def _link_values(row: RecordedEvent) -> tuple[int, str, str, str]:
    event = row.event
    return row.position, str(event.get("id", "")), str(event.get("correlationid", "")), row.stream
