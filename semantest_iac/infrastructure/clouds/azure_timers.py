"""The timers of Azure Functions, which know no time zone but UTC on the plan that is used here.

Source: Azure's reference of app settings, TZ and WEBSITE_TIME_ZONE.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from semantest_iac.domain.compute.cron_times import CronTimes, format_cron_numbers
from semantest_iac.domain.compute.triggers import UTC_ZONE

ZONE_YEARS = range(2025, 2041)
"""The years of which an app knows the changes of a time zone; a deployment with newer data of zones corrects them."""


def describe_schedule(cron: str, time_zone: str) -> dict[str, Any]:
    """Return the timer of a schedule, an expression of six fields in UTC.

    In another zone the timer fires whenever the time may be meant: `meant` has the numbers of its fields, and `zone`
    each change of the zone as seconds since 1970 with the minutes that are added from then on.
    """
    times = CronTimes.parse(cron)
    if time_zone == UTC_ZONE:
        return {"timer": f"0 {_format_fields(times)}"}
    changes = list(_list_zone_changes(ZoneInfo(time_zone)))
    minutes = {(minute - offset) % 60 for minute in times.minutes for _, offset in changes}
    fields = ("minutes", "hours", "month_days", "months", "week_days")
    return {
        "timer": f"0 {format_cron_numbers(minutes, range(60))} * * * *",
        "meant": {name: sorted(getattr(times, name)) for name in fields},
        "zone": changes,
    }


def _format_fields(times: CronTimes) -> str:
    fields: Iterable[tuple[Iterable[int], range]] = (
        (times.minutes, range(60)),
        (times.hours, range(24)),
        (times.month_days, range(1, 32)),
        (times.months, range(1, 13)),
        (times.week_days, range(7)),
    )
    return " ".join(format_cron_numbers(numbers, full) for numbers, full in fields)


def _list_zone_changes(zone: tzinfo) -> Iterator[tuple[int, int]]:
    """Yield the start of the first year and each change after it, each with the minutes that hold from then on."""
    moment, end = datetime(ZONE_YEARS[0], 1, 1, tzinfo=UTC), datetime(ZONE_YEARS[-1] + 1, 1, 1, tzinfo=UTC)
    offset = _find_offset(moment, zone)
    yield int(moment.timestamp()), offset
    while (later := moment + timedelta(days=1)) < end:
        if _find_offset(later, zone) != offset:
            change = _find_change(moment, later, zone)
            offset = _find_offset(change, zone)
            yield int(change.timestamp()), offset
        moment = later


def _find_change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """Return the first minute that has the offset of `after`."""
    while after - before > timedelta(minutes=1):
        middle = before + timedelta(minutes=(after - before) // timedelta(minutes=2))
        before, after = (before, middle) if _find_offset(middle, zone) == _find_offset(after, zone) else (middle, after)
    return after


def _find_offset(moment: datetime, zone: tzinfo) -> int:
    return int((moment.astimezone(zone).utcoffset() or timedelta()).total_seconds() // 60)
