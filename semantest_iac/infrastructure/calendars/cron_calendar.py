"""Freezes as cron expressions and local times in time zones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from semantest_iac.domain.compute.cron_times import CronTimes
from semantest_iac.domain.environments.guardrail_sections import FreezeSection
from semantest_iac.domain.environments.names import make_printable, suggest_known
from semantest_iac.domain.errors import Fault


class CronFreezeCalendar:
    """Implements the port FreezeCalendar with the time zones of this machine."""

    def find_faults(self, path: str, window: FreezeSection) -> Iterator[Fault]:
        """Yield an unknown zone, times that cannot be read or end before they start, and unusable expressions."""
        zone = _find_zone(window.timezone)
        if window.timezone and (fault := self.find_zone_fault(f"{path}.timezone", window.timezone)):
            yield fault
        if window.cron is not None and (problem := _find_cron_problem(window.cron)):
            reason = f"'{make_printable(window.cron)}' is no cron expression: {make_printable(problem)}"
            yield Fault(f"{path}.cron", reason, "Such as 0 16 * * 5, Fridays at 16:00.")
        start, end = (_parse_moment(text, zone or UTC) for text in (window.start, window.end))
        for key, text, moment in (("start", window.start, start), ("end", window.end, end)):
            if text is not None and moment is None:
                yield Fault(f"{path}.{key}", f"'{make_printable(text)}' is not a time", "Such as 2026-12-20T18:00.")
        if start and end and start >= end:
            yield Fault(f"{path}.end", "is not after start")

    def find_zone_fault(self, path: str, zone: str) -> Fault | None:
        """Return the fault of a time zone that this machine does not know, with the nearest that it does."""
        if _find_zone(zone) is not None:
            return None
        hint = suggest_known(zone, sorted(available_timezones()))
        return Fault(path, f"'{make_printable(zone)}' is not a time zone of this machine", hint)

    def find_end(self, window: FreezeSection, now: datetime) -> datetime | None:
        """Return when the freeze ends that holds at `now`, in UTC; None if none does, or it cannot be read."""
        zone = _find_zone(window.timezone)
        if zone is None:
            return None
        if window.cron is not None and window.hours is not None:
            return _find_repeated_end(window.cron, timedelta(hours=window.hours), zone, now)
        start, end = _parse_moment(window.start, zone), _parse_moment(window.end, zone, is_end=True)
        return end if start and end and start <= now < end else None


def _find_zone(name: str | None) -> tzinfo | None:
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _find_cron_problem(expression: str) -> str:
    try:
        CronTimes.parse(expression)
    except ValueError as error:
        return str(error)
    return ""


def _parse_moment(text: str | None, zone: tzinfo, *, is_end: bool = False) -> datetime | None:
    """Return the time in UTC; an end that occurs twice is the second one, a time that is skipped that much later."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    if moment.tzinfo:
        return _to_utc(moment)
    first, second = (_to_utc(moment.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    return max(first, second) if is_end else first


def _to_utc(moment: datetime) -> datetime:
    """Return a moment in UTC; one that no calendar reaches there is the first or the last that there is."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return (datetime.max if moment.year > 1 else datetime.min).replace(tzinfo=UTC)


def _find_repeated_end(expression: str, length: timedelta, zone: tzinfo, now: datetime) -> datetime | None:
    try:
        start = CronTimes.parse(expression).find_newest(now, zone, now - length)
    except ValueError:  # what validation refuses
        return None
    return start + length if start and now < start + length else None
