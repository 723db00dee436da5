"""Timers in a time zone: the app is woken whenever the time may be meant, and the package knows when it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from semantest_iac.infrastructure.clouds.azure_timers import describe_schedule
from tests.contract.websocket_service.payload import import_payload


@pytest.fixture
def payload() -> Any:
    return import_payload("functions_python", "semantest_events")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestDescribeSchedule:
    def test_in_utc_is_the_expression_with_seconds(self) -> None:
        assert describe_schedule("*/30 3 * * MON-FRI", "UTC") == {"timer": "0 0,30 3 * * 1-5"}

    @pytest.mark.parametrize(
        ("zone", "minutes"),
        [("Europe/Berlin", "15"), ("Asia/Kathmandu", "30"), ("Australia/Lord_Howe", "15,45")],
    )
    def test_in_a_zone_fires_at_each_minute_that_may_be_meant(self, zone: str, minutes: str) -> None:
        assert describe_schedule("15 3 * * *", zone)["timer"] == f"0 {minutes} * * * *"


class TestDueTime:
    @pytest.mark.parametrize(
        ("now", "due"),
        [
            ("2026-01-15T02:00:00", "2026-01-15T02:00:00"),  # winter: 3:00 in Berlin
            ("2026-01-15T01:00:00", None),
            ("2026-07-15T01:00:00", "2026-07-15T01:00:00"),  # summer
            ("2026-07-15T02:00:00", None),
            ("2026-01-15T01:59:58", "2026-01-15T02:00:00"),  # a timer may be early
        ],
    )
    def test_follows_the_zone(self, payload: Any, now: str, due: str | None) -> None:
        trigger = describe_schedule("0 3 * * *", "Europe/Berlin")

        assert payload.find_due_time(trigger, None, _at(now)) == (due and _at(due))

    def test_of_a_time_that_occurs_twice_is_the_first(self, payload: Any) -> None:
        trigger = describe_schedule("30 2 * * *", "Europe/Berlin")
        hours = [_at("2026-10-25T00:30:00") + timedelta(hours=number) for number in range(3)]

        assert [payload.find_due_time(trigger, None, hour) for hour in hours] == [hours[0], None, None]

    def test_of_a_time_that_is_skipped_is_none(self, payload: Any) -> None:
        trigger = describe_schedule("30 2 * * *", "Europe/Berlin")
        day = [_at("2026-03-29T00:30:00") + timedelta(hours=number) for number in range(-3, 4)]

        assert [payload.find_due_time(trigger, None, hour) for hour in day] == [None] * 7

    def test_that_was_missed_is_made_up_for_once(self, payload: Any) -> None:
        trigger = describe_schedule("0 3 * * *", "Europe/Berlin")

        late = payload.find_due_time(trigger, _at("2026-01-15T01:00:00"), _at("2026-01-15T05:20:00"))

        assert late == _at("2026-01-15T02:00:00")
