"""Takes, hands out and gives up the messages of queues and subscriptions, in the order in which they were sent."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.messaging.messages import (
    DeliveredMessage,
    MessageCounts,
    MessageHolder,
    MessageLimits,
    MessageRoute,
    SentMessage,
)
from semantest_iac.infrastructure.message_store.message_database import MESSAGES_FILE, MessageDatabase

_COLUMNS: Final = "number, id, body, attributes, grouping, sent, deliveries, receipt, size"
_POLL_S: Final = 0.1
_FOR_EVER: Final = 1e15  # seconds since 1970
_DEAD: Final = "update messages set holder = ?, visible = ?, expires = ?, receipt = '' where number = ?"


class MessagesFullError(DeploymentError):
    """The home has as many messages as it keeps, and takes no more."""

    code = "MESSAGES_FULL"


class MessageStore:
    """The messages of one home; any number of threads and processes use it, and a kill loses none that was taken."""

    def __init__(self, home: Path, clock: Callable[[], float] = time.time, limits: MessageLimits | None = None) -> None:
        self.database = MessageDatabase(home / MESSAGES_FILE)
        self.clock = clock
        self._limits = limits or MessageLimits()

    def send(self, route: MessageRoute, messages: Sequence[SentMessage]) -> list[str]:
        """Keep messages for every holder that takes them, all or none, and return the id of each.

        One that repeats another has the id of that one. Raises MessagesFullError.
        """
        now = self.clock()
        with self.database.transaction() as connection:
            ids = [_send_one(connection, route, message, now) for message in messages]
            self._require_room(connection)
        return ids

    def receive(
        self, holder: MessageHolder, most: int, *, lock_s: float | None = None, most_bytes: int | None = None
    ) -> list[DeliveredMessage]:
        """Lock and return the oldest messages that nobody has; those that were tried too often become dead letters."""
        if not self.database.exists:
            return []
        now = self.clock()
        with self.database.transaction() as connection:
            _remove_old(connection, holder, now)
            taken = list(_choose(connection, holder, most, most_bytes, now))
            until = now + (holder.rules.lock_s if lock_s is None else lock_s)
            return [_lock(connection, row, until) for row in taken]

    def peek(self, holder: MessageHolder, most: int) -> list[DeliveredMessage]:
        """Return the oldest messages that could be received now, and leave them as they are."""
        if not self.database.exists:
            return []
        now = self.clock()
        with self.database.read() as connection:
            rows = connection.execute(
                f"select {_COLUMNS} from messages where holder = ? and visible <= ? and expires > ?"  # noqa: S608 - no input in it
                " order by number limit ?",
                (holder.key, now, now, most),
            )
            return [_to_message(row) for row in rows]

    def delete(self, holder: MessageHolder, receipts: Collection[str]) -> int:
        """Remove handled messages and return how many; a receipt of one that was received again since is ignored."""
        with self.database.transaction() as connection:
            removed = [
                connection.execute("delete from messages where receipt = ? and holder = ?", (receipt, holder.key))
                for receipt in receipts
                if receipt
            ]
            return sum(it.rowcount for it in removed)

    def change_lock(self, holder: MessageHolder, receipts: Collection[str], seconds: float) -> int:
        """Lock received messages for so long from now, 0 to give them back, and return how many.

        Those that were tried often enough become dead letters when they are given back.
        """
        now = self.clock()
        with self.database.transaction() as connection:
            changed = [
                connection.execute(
                    "update messages set visible = ?, receipt = case when ? > 0 then receipt else '' end"
                    " where receipt = ? and holder = ?",
                    (now + seconds, seconds, receipt, holder.key),
                ).rowcount
                for receipt in receipts
                if receipt
            ]
            if seconds <= 0:
                _bury(connection, holder, now)
            return sum(changed)

    def count(self, holder: MessageHolder) -> MessageCounts:
        """Count the messages of a holder, those left out whose time is over."""
        if not self.database.exists:
            return MessageCounts()
        now = self.clock()
        with self.database.read() as connection:
            found = connection.execute(
                "select count(*) filter (where visible <= ?), count(*) filter (where visible > ? and receipt <> ''),"
                " count(*) filter (where visible > ? and receipt = '') from messages where holder = ? and expires > ?",
                (now, now, now, holder.key, now),
            ).fetchone()
        return MessageCounts(*found)

    def find_next_time(self, holder: MessageHolder) -> float | None:
        """Return when the next message can be received, which may be in the past; None without any."""
        if not self.database.exists:
            return None
        with self.database.read() as connection:
            found = connection.execute("select min(visible) from messages where holder = ?", (holder.key,)).fetchone()
        return None if found[0] is None else float(found[0])

    def purge(self, holder: MessageHolder) -> int:
        """Remove all messages of a holder, locked ones too, and return how many."""
        with self.database.transaction() as connection:
            return connection.execute("delete from messages where holder = ?", (holder.key,)).rowcount

    def list_stacks(self) -> set[str]:
        """Return the stacks of which anything is kept."""
        if not self.database.exists:
            return set()
        with self.database.read() as connection:
            return {
                stack
                for (stack,) in connection.execute(
                    "select stack from messages union select stack from schedules union select stack from ticks"
                    " union select stack from identifiers"
                )
            }

    def forget(self, stack: str, kept: Collection[str] = ()) -> None:
        """Remove what is kept of a stack, except that of holders, routes and schedules with these keys."""
        if not self.database.exists:
            return
        keys = json.dumps([*kept])
        with self.database.transaction() as connection:
            for table, column in (
                ("messages", "holder"),
                ("identifiers", "route"),
                ("schedules", "key"),
                ("ticks", "key"),
            ):
                connection.execute(
                    f"delete from {table} where stack = ? and {column} not in (select value from json_each(?))",  # noqa: S608 - the names are those above
                    (stack, keys),
                )

    def read_version(self) -> tuple[int, int]:
        """Return what differs once anything was changed, by this or by another process."""
        if not self.database.exists:
            return 0, 0
        with self.database.read() as connection:
            return int(connection.execute("pragma data_version").fetchone()[0]), connection.total_changes

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        self.database.close()

    def _require_room(self, connection: sqlite3.Connection) -> None:
        messages, size = connection.execute("select messages, bytes from totals").fetchone()
        most = self._limits
        if messages > most.messages or size > most.bytes:
            where = f"'{self.database.path}' keeps {most.messages} messages or {most.bytes // 1024**2} MB at most"
            hint = "Receive or purge some (`semantest-iac receive`), or destroy stacks that are no longer needed."
            raise MessagesFullError(f"Cannot send: {where}.", hint=hint)


async def take_first(take: Callable[[], list[DeliveredMessage]], wait_s: float) -> list[DeliveredMessage]:
    """Take messages as soon as there are some, for so long at most."""
    end = time.monotonic() + wait_s
    while True:
        messages = await asyncio.to_thread(take)
        if messages or time.monotonic() >= end:
            return messages
        await asyncio.sleep(_POLL_S)


def _send_one(connection: sqlite3.Connection, route: MessageRoute, message: SentMessage, now: float) -> str:
    identifier = message.identifier
    id_ = identifier if route.keeps_identifiers and identifier else str(uuid.uuid4())
    if route.duplicate_window_s and identifier:
        connection.execute("delete from identifiers where route = ? and until <= ?", (route.key, now))
        known = connection.execute(
            "select id from identifiers where route = ? and identifier = ?", (route.key, identifier)
        ).fetchone()
        if known:
            return str(known[0])
        connection.execute(
            "insert into identifiers values (?,?,?,?,?)",
            (route.key, identifier, route.stack, id_, now + route.duplicate_window_s),
        )
    for holder, message_filter in route.holders:
        if message_filter.accepts(message.attributes):
            _insert(connection, holder, message, id_, now)
    return id_


def _insert(connection: sqlite3.Connection, holder: MessageHolder, message: SentMessage, id_: str, now: float) -> None:
    rules = holder.rules
    delay_s = rules.delay_s if message.delay_s is None else message.delay_s
    expires = _FOR_EVER if rules.lifetime_s is None else now + rules.lifetime_s
    connection.execute(
        "insert into messages(stack, holder, id, body, attributes, grouping, sent, visible, expires, deliveries,"
        " receipt, size) values (?,?,?,?,?,?,?,?,?,0,'',?)",
        (
            *(holder.stack, holder.key, id_, message.body, json.dumps(dict(message.attributes))),
            *(message.group, now, now + delay_s, expires, message.size),
        ),
    )


def _remove_old(connection: sqlite3.Connection, holder: MessageHolder, now: float) -> None:
    """Remove the messages whose time is over, and move to the dead letters what nobody could handle."""
    connection.execute(
        "delete from messages where holder = ? and visible <= ? and expires <= ?", (holder.key, now, now)
    )
    _bury(connection, holder, now)


def _bury(connection: sqlite3.Connection, holder: MessageHolder, now: float) -> None:
    """Move the messages to the dead letters that were tried often enough and that nobody has."""
    rules = holder.rules
    if not rules.max_deliveries:
        return
    tried = connection.execute(
        "select number, sent from messages where holder = ? and visible <= ? and deliveries >= ?",
        (holder.key, now, rules.max_deliveries),
    ).fetchall()
    for number, sent in tried:
        expires = _FOR_EVER if rules.dead_lifetime_s is None else sent + rules.dead_lifetime_s
        connection.execute(_DEAD, (rules.dead_letters, now, expires, number))


def _choose(
    connection: sqlite3.Connection, holder: MessageHolder, most: int, most_bytes: int | None, now: float
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of the oldest messages that may be taken, at least one whatever its size."""
    free_groups = (
        " and (grouping = '' or grouping not in"
        " (select grouping from messages where holder = ? and visible > ? and grouping <> ''))"
        if holder.rules.ordered
        else ""
    )
    blocked_by = (holder.key, now) if holder.rules.ordered else ()
    rows = connection.execute(
        f"select {_COLUMNS} from messages where holder = ? and visible <= ?{free_groups} order by number limit ?",  # noqa: S608 - no input in it
        (holder.key, now, *blocked_by, most),
    ).fetchall()
    taken_bytes = 0
    for row in rows:
        taken_bytes += row[-1]
        if most_bytes is not None and taken_bytes > most_bytes and row is not rows[0]:
            return
        yield row


def _lock(connection: sqlite3.Connection, row: Sequence[Any], until: float) -> DeliveredMessage:
    receipt = str(uuid.uuid4())
    number, *_ = row
    connection.execute(
        "update messages set visible = ?, receipt = ?, deliveries = deliveries + 1 where number = ?",
        (until, receipt, number),
    )
    return _to_message((*row[:6], row[6] + 1, receipt, row[8]))


def _to_message(row: Sequence[Any]) -> DeliveredMessage:
    _, id_, body, attributes, group, sent, deliveries, receipt, _ = row
    moment = datetime.fromtimestamp(sent, UTC)
    return DeliveredMessage(id_, body, moment, json.loads(attributes), deliveries, group, receipt)
