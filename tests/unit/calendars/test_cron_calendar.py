"""When freezes hold: cron expressions, local times, and the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from semantest_iac.domain.environments.guardrail_sections import FreezeSection
from semantest_iac.infrastructure.calendars.cron_calendar import CronFreezeCalendar

CALENDAR = CronFreezeCalendar()
BERLIN = {"timezone": "Europe/Berlin"}
WEEKEND: dict[str, Any] = {"cron": "0 16 * * 5", "hours": 64, **BERLIN}
HOLIDAYS = {"start": "2026-12-20T18:00", "end": "2027-01-04T08:00"}


def at(text: str) -> datetime:
    """Return a time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def find_end(now: str, **window: Any) -> str | None:
    """Return when a freeze ends that holds at a time in UTC, without seconds."""
    end = CALENDAR.find_end(FreezeSection(**window), at(now))
    return end.strftime("%Y-%m-%dT%H:%M") if end else None


class TestRepeatedFreezes:
    @pytest.mark.parametrize(
        ("now", "end"),
        [
            ("2026-11-27T14:59:59", None),  # Friday
            ("2026-11-27T15:00:00", "2026-11-30T07:00"),
            ("2026-11-28T12:00:00", "2026-11-30T07:00"),
            ("2026-11-30T06:59:59", "2026-11-30T07:00"),
            ("2026-11-30T07:00:00", None),  # Monday at 8 in Berlin
        ],
    )
    def test_last_from_each_time_on(self, now: str, end: str | None) -> None:
        assert find_end(now, **WEEKEND) == end

    @pytest.mark.parametrize(
        ("expression", "now", "is_frozen"),
        [
            ("* * * * *", "2026-11-30T10:30", True),
            ("*/15 9-17 * * mon-fri", "2026-11-30T10:20", True),
            ("*/15 9-17 * * mon-fri", "2026-11-29T10:20", False),
            ("0 10 30 nov *", "2026-11-30T10:10", True),
            ("0 10 1,30 * *", "2026-11-30T10:10", True),
            ("0 10 1 * 1", "2026-11-30T10:10", True),  # the first of a month, or a Monday
            ("0 10 1 * 2", "2026-11-30T10:10", False),
            ("0 10 * * 7", "2026-11-29T10:10", True),  # Sunday
            ("5/20 10 * * *", "2026-11-30T10:46", True),
        ],
    )
    def test_read_every_form_of_a_field(self, expression: str, now: str, *, is_frozen: bool) -> None:
        assert (find_end(now, cron=expression, hours=0.25) is not None) is is_frozen

    def test_outlast_their_repetition(self) -> None:
        assert find_end("2026-11-30T10:30", cron="0 10 * * *", hours=72) == "2026-12-03T10:00"

    def test_count_a_local_hour_that_occurs_twice_both_times(self) -> None:
        window: dict[str, Any] = {"cron": "30 2 * * *", "hours": 0.5, **BERLIN}
        ends = [find_end(f"2026-10-25T{time}", **window) for time in ("00:30", "00:59", "01:15", "01:30", "02:00")]

        assert ends == ["2026-10-25T01:00", "2026-10-25T01:00", None, "2026-10-25T02:00", None]

    def test_begin_later_where_their_local_time_is_skipped(self) -> None:
        window: dict[str, Any] = {
            "cron": "30 2 * * *",
            "hours": 1,
            **BERLIN,
        }  # 01:30 UTC, as if clocks had not changed yet
        ends = [find_end(f"2026-03-29T{time}", **window) for time in ("00:45", "01:29", "01:30", "02:29", "02:30")]

        assert ends == [None, None, "2026-03-29T02:30", "2026-03-29T02:30", None]

    def test_are_as_long_when_clocks_change(self) -> None:
        assert find_end("2026-03-29T12:00", cron="0 0 * * 6", hours=48, **BERLIN) == "2026-03-29T23:00"


class TestSingleFreezes:
    @pytest.mark.parametrize(
        ("now", "zone", "end"),
        [
            ("2026-12-20T17:59", {}, None),
            ("2026-12-20T18:00", {}, "2027-01-04T08:00"),
            ("2027-01-04T08:00", {}, None),
            ("2026-12-20T17:00", BERLIN, "2027-01-04T07:00"),
            ("2026-12-20T16:59", BERLIN, None),
        ],
    )
    def test_hold_from_start_to_end(self, now: str, zone: dict[str, str], end: str | None) -> None:
        assert find_end(now, **HOLIDAYS, **zone) == end

    def test_may_say_their_own_offset(self) -> None:
        assert find_end("2026-12-20T17:00", start="2026-12-20T12:00-05:00", end="2026-12-21") == "2026-12-21T00:00"

    def test_end_after_the_second_of_two_equal_hours(self) -> None:
        assert find_end("2026-10-25T01:10", start="2026-10-25", end="2026-10-25T02:30", **BERLIN) == "2026-10-25T01:30"

    def test_end_later_where_their_local_time_is_skipped(self) -> None:
        window: dict[str, Any] = {"start": "2026-03-28", "end": "2026-03-29T02:30"}
        ends = [find_end(f"2026-03-29T{time}", **window, **BERLIN) for time in ("00:29", "00:31", "01:29", "01:30")]

        assert ends == [*["2026-03-29T01:30"] * 3, None]

    @pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC"])
    def test_may_hold_for_ever(self, zone: str) -> None:
        window: dict[str, Any] = {"start": "0001-01-01", "end": "9999-12-31T23:59", "timezone": zone}

        assert list(CALENDAR.find_faults("f", FreezeSection(**window))) == []
        assert (find_end("2026-11-30T10:00", **window) or "") > "9999-12-30"


class TestFaults:
    @pytest.mark.parametrize(
        ("window", "path", "reason"),
        [
            ({"cron": "0 16 * *"}, "f.cron", "it has 4 fields, and needs 5"),
            ({"cron": "61 * * * *"}, "f.cron", "the minute '61' is not 0 to 59"),
            ({"cron": "0 9-5 * * *"}, "f.cron", "the hour '9-5' ends before it begins"),
            ({"cron": "*/0 * * * *"}, "f.cron", "the minute '*/0' has no step"),
            ({"cron": "a? * * * *"}, "f.cron", "the minute 'a?' is not understood"),
            ({"cron": "0 0 31 feb *"}, "f.cron", "no month has that day"),
            ({"start": "Christmas", "end": "2027-01-01"}, "f.start", "'Christmas' is not a time"),
            ({"start": "2027-01-01", "end": "2026-01-01"}, "f.end", "is not after start"),
            ({"timezone": "Europe/Berln"}, "f.timezone", "'Europe/Berln' is not a time zone of this machine"),
            ({"timezone": "../zone"}, "f.timezone", "'../zone' is not a time zone of this machine"),
        ],
    )
    def test_name_the_place(self, window: dict[str, Any], path: str, reason: str) -> None:
        (fault,) = CALENDAR.find_faults("f", FreezeSection(**window))

        assert fault.path == path
        assert reason in fault.message

    def test_are_found_in_no_usable_window(self) -> None:
        assert list(CALENDAR.find_faults("f", FreezeSection(**WEEKEND))) == []

    def test_hold_nothing_up(self) -> None:
        windows: list[dict[str, Any]] = [
            {"cron": "x", "hours": 1},
            {"start": "x", "end": "y"},
            {"timezone": "x", "cron": "* * * * *"},
        ]

        assert [find_end("2026-11-30T10:00", **window) for window in windows] == [None, None, None]
