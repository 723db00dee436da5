"""Keeps when each schedule is due next, and the ticks that were due and are not handled yet."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from semantest_iac.domain.compute.cron_times import CronTimes
from semantest_iac.domain.compute.scheduled_calls import DueTick, KeptSchedule
from semantest_iac.infrastructure.message_store.message_database import MessageDatabase

_NEVER: Final = 1e15  # seconds since 1970: an expression without a further time


class TickStore:
    """The ticks of one home, in the file of its messages."""

    def __init__(self, database: MessageDatabase, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def take_due(self, schedule: KeptSchedule) -> list[DueTick]:
        """Lock and return the ticks that are due now; of a schedule that is new or was changed, none before now."""
        now = self._clock()
        with self._database.transaction() as connection:
            known = _find_known(connection, schedule)
            due = _start_again(connection, schedule, now) if known is None else known
            while due <= now:
                due = _add_tick(connection, schedule, due, now)
            if due != known:  # a change wakes every loop, this one too
                connection.execute(
                    "insert or replace into schedules values (?,?,?,?,?)",
                    (schedule.key, schedule.stack, schedule.expression, schedule.zone, due),
                )
            taken = connection.execute(
                "update ticks set visible = ?, attempts = attempts + 1 where key = ? and visible <= ?"
                " returning planned, attempts",
                (now + schedule.lock_s, schedule.key, now),
            ).fetchall()
        return [DueTick(datetime.fromtimestamp(planned, UTC), attempt) for planned, attempt in sorted(taken)]

    def finish(self, schedule: KeptSchedule, tick: DueTick, *, has_failed: bool) -> float | None:
        """Remove a tick that was handled; one that failed is repeated as its schedule says.

        Returns the pause before that, None where there is none.
        """
        pauses = schedule.retry_pauses_s
        pause_s = pauses[tick.attempt - 1] if has_failed and tick.attempt <= len(pauses) else None
        place = (schedule.key, tick.planned.timestamp())
        with self._database.transaction() as connection:
            if pause_s is None:
                connection.execute("delete from ticks where key = ? and planned = ?", place)
            else:
                again = (self._clock() + pause_s, *place)
                connection.execute("update ticks set visible = ? where key = ? and planned = ?", again)
        return pause_s

    def find_next_time(self, schedule: KeptSchedule) -> float:
        """Return when the next tick is to be handled, in seconds since 1970."""
        with self._database.read() as connection:
            (found,) = connection.execute(
                "select min(moment) from (select next as moment from schedules where key = ?"
                " union all select visible from ticks where key = ?)",
                (schedule.key, schedule.key),
            ).fetchone()
        return _NEVER if found is None else float(found)


def _find_known(connection: sqlite3.Connection, schedule: KeptSchedule) -> float | None:
    """Return when the schedule is due next, None for one that is new or was changed."""
    row = connection.execute(
        "select next from schedules where key = ? and expression = ? and zone = ?",
        (schedule.key, schedule.expression, schedule.zone),
    ).fetchone()
    return None if row is None else float(row[0])


def _start_again(connection: sqlite3.Connection, schedule: KeptSchedule, now: float) -> float:
    """Forget the ticks of a schedule that was changed, and return when it is due next."""
    connection.execute("delete from ticks where key = ?", (schedule.key,))
    return _compute_next(schedule, now)


def _add_tick(connection: sqlite3.Connection, schedule: KeptSchedule, due: float, now: float) -> float:
    """Keep the tick that is due, unless it is too old or the one before is still handled; return the next time."""
    if not schedule.runs_alone:
        if due < now - schedule.catch_up_s:
            return _compute_next(schedule, now - schedule.catch_up_s)
        connection.execute("insert or ignore into ticks values (?,?,?,0,?)", (schedule.key, due, schedule.stack, due))
        return _compute_next(schedule, due)
    connection.execute(
        "insert into ticks select ?, ?, ?, 0, ? where not exists (select 1 from ticks where key = ?)",
        (schedule.key, due, schedule.stack, due, schedule.key),
    )
    return _compute_next(schedule, now)


def _compute_next(schedule: KeptSchedule, after: float) -> float:
    found = CronTimes.parse(schedule.expression).find_next(datetime.fromtimestamp(after, UTC), ZoneInfo(schedule.zone))
    return _NEVER if found is None else found.timestamp()
