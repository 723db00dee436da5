"""Cron expressions of five fields, the newest of their times and the next one.

Written here because what is asked is which time was the newest: libraries search forwards, and backwards they take the
second of two equal local hours for the first one.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_LEAP_YEAR = 2024
_LONGEST_GAP_DAYS = 8 * 366  # between two 29ths of February around the turn of a century


@dataclass(frozen=True, slots=True)
class _Field:
    """The name of a field, its least and largest number, and words for its numbers from the least on."""

    name: str
    least: int
    most: int
    words: Sequence[str] = ()

    def parse(self, text: str) -> frozenset[int]:
        """Return the numbers of `*`, `5`, `1-5`, `*/15`, `8-18/2` and lists of these; raises ValueError."""
        return frozenset(number for term in text.split(",") for number in self._parse_term(term))

    def _parse_term(self, term: str) -> range:
        match = re.fullmatch(r"(?P<all>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?", term.partition("/")[0])
        step = self._parse_step(term)
        if match is None:
            raise ValueError(f"{self.name} '{term}' is not understood")
        if match["all"]:
            return range(self.least, self.most + 1, step)
        first = self._parse_number(match["first"])
        has_end = match["last"] is not None or "/" not in term
        last = self._parse_number(match["last"] or match["first"]) if has_end else self.most
        if last < first:
            raise ValueError(f"{self.name} '{term}' ends before it begins")
        return range(first, last + 1, step)

    def _parse_step(self, term: str) -> int:
        _, slash, step = term.partition("/")
        if slash and not (step.isascii() and step.isdecimal() and int(step)):
            raise ValueError(f"{self.name} '{term}' has no step")
        return int(step) if slash else 1

    def _parse_number(self, text: str) -> int:
        if text.upper() in self.words:
            return self.words.index(text.upper()) + self.least
        if not (text.isascii() and text.isdecimal() and self.least <= int(text) <= self.most):
            raise ValueError(f"{self.name} '{text}' is not {self.least} to {self.most}")
        return int(text)


_FIELDS = (
    _Field("the minute", 0, 59),
    _Field("the hour", 0, 23),
    _Field("the day of the month", 1, 31),
    _Field("the month", 1, 12, _MONTHS),
    _Field("the day of the week", 0, 7, _DAYS),
)


@dataclass(frozen=True, slots=True)
class CronTimes:
    """The times of a cron expression; if both days are restricted, either is enough, as cron has it."""

    minutes: frozenset[int]
    hours: frozenset[int]
    month_days: frozenset[int]
    months: frozenset[int]
    week_days: frozenset[int]
    needs_both_days: bool

    @classmethod
    def parse(cls, expression: str) -> CronTimes:
        """Read minute, hour, day of the month, month and day of the week; raises ValueError with what is wrong."""
        words = expression.split()
        if len(words) != len(_FIELDS):
            raise ValueError(f"it has {len(words)} fields, and needs {len(_FIELDS)}")
        minutes, hours, month_days, months, week_days = (f.parse(w) for f, w in zip(_FIELDS, words, strict=True))
        both = words[2].startswith("*") or words[4].startswith("*")
        times = cls(minutes, hours, month_days, months, frozenset(day % 7 for day in week_days), both)
        if both and min(month_days) > max(monthrange(_LEAP_YEAR, month)[1] for month in months):
            raise ValueError("no month has that day")
        return times

    @property
    def restricts_both_days(self) -> bool:
        """Whether days of the month and days of the week are both chosen, which some schedulers cannot express."""
        return len(self.month_days) < 31 and len(self.week_days) < 7

    def find_newest(self, now: datetime, zone: tzinfo, since: datetime) -> datetime | None:
        """Return the newest time that is not after `now` and not before `since`, in UTC; None without one.

        A local time that occurs twice counts twice; one that is skipped counts as that much later.
        """
        for moment in self._list_backwards(now.astimezone(zone).date(), since.astimezone(zone).date(), zone):
            if moment <= now:
                return moment if moment >= since else None
        return None

    def find_next(self, after: datetime, zone: tzinfo) -> datetime | None:
        """Return the first time after a moment, in UTC; None without one in the next years.

        A local time that the clocks skip is left out, and one that occurs twice is meant the first time.
        """
        day = after.astimezone(zone).date()
        for _ in range(_LONGEST_GAP_DAYS):
            if self._fits(day):
                times = sorted(time(hour, minute) for hour in self.hours for minute in self.minutes)
                for moment in (_find_first_moment(day, each, zone) for each in times):
                    if moment is not None and moment > after:
                        return moment
            day += timedelta(days=1)
        return None

    def _list_backwards(self, last: date, first: date, zone: tzinfo) -> Iterator[datetime]:
        day = last
        while day >= first:
            if self._fits(day):
                times = (time(hour, minute) for hour in self.hours for minute in self.minutes)
                moments = {moment for each in times for moment in _find_moments(day, each, zone)}
                yield from sorted(moments, reverse=True)
            day -= timedelta(days=1)

    def _fits(self, day: date) -> bool:
        in_month, in_week = day.day in self.month_days, day.isoweekday() % 7 in self.week_days
        return day.month in self.months and (in_month and in_week if self.needs_both_days else in_month or in_week)


def format_cron_numbers(numbers: Iterable[int], full: range) -> str:
    """Return the numbers of a field as every notation of cron takes them: `*` for all, else such as `1-5,30`."""
    wanted = sorted(numbers)
    if wanted == [*full]:
        return "*"
    runs: list[list[int]] = []
    for number in wanted:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)


def _find_moments(day: date, local: time, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return a local time in UTC: the first and the last time that it occurs."""
    first, second = (datetime.combine(day, local, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, max(first, second)


def _find_first_moment(day: date, local: time, zone: tzinfo) -> datetime | None:
    """Return a local time in UTC, the first time that it occurs; None for one that is skipped."""
    wanted = datetime.combine(day, local)
    moment = wanted.replace(tzinfo=zone).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == wanted else None
