"""When the ticks of schedules are due, through pauses, changes and failures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from semantest_iac.domain.compute.scheduled_calls import KeptSchedule
from semantest_iac.infrastructure.message_store.message_database import MessageDatabase
from semantest_iac.infrastructure.message_store.messages import MessageStore
from semantest_iac.infrastructure.message_store.ticks import TickStore

_START = datetime(2026, 3, 28, 12, 0, 30, tzinfo=UTC)
_EVERY_MINUTE = KeptSchedule("minutely", "stack", "* * * * *", "UTC", lock_s=60, retry_pauses_s=(60, 120))
_ALONE = replace(_EVERY_MINUTE, runs_alone=True, retry_pauses_s=())


class _Clock:
    """The time that a test sets."""

    def __init__(self) -> None:
        self.now = _START

    def __call__(self) -> float:
        return self.now.timestamp()

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def ticks(tmp_path: Path, clock: _Clock) -> TickStore:
    return TickStore(MessageDatabase(tmp_path / "messages.db"), clock)


def _planned(ticks: TickStore, schedule: KeptSchedule) -> list[str]:
    """Take what is due, handle it, and return the times for which it was planned."""
    due = ticks.take_due(schedule)
    for tick in due:
        ticks.finish(schedule, tick, has_failed=False)
    return [f"{tick.planned:%d %H:%M}" for tick in due]


class TestTicks:
    @pytest.mark.parametrize("schedule", [_EVERY_MINUTE, _ALONE], ids=["together", "alone"])
    def test_are_due_once(self, ticks: TickStore, clock: _Clock, schedule: KeptSchedule) -> None:
        assert _planned(ticks, schedule) == []
        assert ticks.find_next_time(schedule) == _START.timestamp() + 30
        clock.move(seconds=30)
        assert _planned(ticks, schedule) == ["28 12:01"]
        assert _planned(ticks, schedule) == []
        clock.move(minutes=1)
        assert _planned(ticks, schedule) == ["28 12:02"]

    @pytest.mark.parametrize("schedule", [_EVERY_MINUTE, _ALONE], ids=["together", "alone"])
    def test_that_are_not_due_change_nothing(
        self, ticks: TickStore, clock: _Clock, tmp_path: Path, schedule: KeptSchedule
    ) -> None:
        assert _planned(ticks, schedule) == []
        store = MessageStore(tmp_path)
        before = store.read_version()
        clock.move(seconds=29)

        assert _planned(ticks, schedule) == []
        assert store.read_version() == before
        clock.move(seconds=1)
        assert _planned(ticks, schedule) == ["28 12:01"]
        assert store.read_version() != before

    def test_follow_the_clocks_of_their_zone(self, ticks: TickStore, clock: _Clock) -> None:
        skipped = replace(_EVERY_MINUTE, expression="30 2 * * *", zone="Europe/Berlin")  # not on 29 March 2026
        seen = list[str]()
        for _ in range(5 * 24):
            seen += _planned(ticks, skipped)
            clock.move(hours=1)

        assert seen == ["30 00:30", "31 00:30", "01 00:30", "02 00:30"]

    def test_that_were_missed_are_made_up_for(self, ticks: TickStore, clock: _Clock) -> None:
        hourly = replace(_EVERY_MINUTE, expression="*/20 * * * *")
        alone = replace(hourly, key="alone", runs_alone=True)
        assert _planned(ticks, hourly) + _planned(ticks, alone) == []
        clock.move(hours=5)

        assert _planned(ticks, hourly) == ["28 16:20", "28 16:40", "28 17:00"]
        assert _planned(ticks, alone) == ["28 12:20"]
        clock.move(minutes=20)
        assert (_planned(ticks, hourly), _planned(ticks, alone)) == (["28 17:20"], ["28 17:20"])

    def test_that_failed_are_repeated_where_the_cloud_does(self, ticks: TickStore, clock: _Clock) -> None:
        hourly = replace(_EVERY_MINUTE, expression="1 * * * *")
        ticks.take_due(hourly)
        clock.move(minutes=1)
        pauses = []
        for attempt in (1, 2, 3):
            (tick,) = ticks.take_due(hourly)
            assert (tick.attempt, f"{tick.planned:%H:%M}") == (attempt, "12:01")
            pause_s = ticks.finish(hourly, tick, has_failed=True)
            pauses.append(pause_s)
            clock.move(seconds=pause_s or 0)

        assert pauses == [60, 120, None]
        assert ticks.take_due(hourly) == []

    def test_that_failed_are_left_out_elsewhere(self, ticks: TickStore, clock: _Clock) -> None:
        ticks.take_due(_ALONE)
        clock.move(minutes=1)
        (tick,) = ticks.take_due(_ALONE)

        assert ticks.finish(_ALONE, tick, has_failed=True) is None
        assert ticks.take_due(_ALONE) == []

    def test_of_a_killed_process_come_again(self, ticks: TickStore, clock: _Clock) -> None:
        hourly = replace(_EVERY_MINUTE, expression="1 * * * *")
        ticks.take_due(hourly)
        clock.move(minutes=1)
        (tick,) = ticks.take_due(hourly)

        assert ticks.take_due(hourly) == []
        clock.move(seconds=61)
        assert [it.planned for it in ticks.take_due(hourly)] == [tick.planned]

    def test_are_left_out_while_one_is_handled_alone(self, ticks: TickStore, clock: _Clock) -> None:
        slow = replace(_ALONE, lock_s=600)
        ticks.take_due(slow)
        clock.move(minutes=1)
        (tick,) = ticks.take_due(slow)
        clock.move(minutes=3)
        assert ticks.take_due(slow) == []
        ticks.finish(slow, tick, has_failed=False)

        assert ticks.take_due(slow) == []
        clock.move(minutes=1)
        assert _planned(ticks, slow) == ["28 12:05"]

    def test_of_a_changed_schedule_begin_anew(self, ticks: TickStore, clock: _Clock) -> None:
        ticks.take_due(_EVERY_MINUTE)
        clock.move(minutes=10)
        hourly = replace(_EVERY_MINUTE, expression="0 * * * *")

        assert _planned(ticks, hourly) == []
        clock.move(hours=1)
        assert _planned(ticks, hourly) == ["28 13:00"]
