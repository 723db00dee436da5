"""Translates the schedules of EventBridge into cron expressions of five fields."""

from __future__ import annotations

import re

from semantest_iac.domain.compute.cron_times import CronTimes

_RATE = re.compile(r"rate\(\s*(\d{1,5})\s+(minute|hour|day)s?\s*\)")
_CRON = re.compile(r"cron\(\s*(.+?)\s*\)")
_EVERY = {
    ("minute", 1): "* * * * *",
    ("hour", 1): "0 * * * *",
    ("hour", 24): "0 0 * * *",
    ("day", 1): "0 0 * * *",
    ("day", 7): "0 0 * * 0",
}
_DAY_NUMBER = re.compile(r"(?<![/\d])[1-7](?!\d)")


def translate_schedule(expression: str) -> str:
    """Return the expression of five fields; raises ValueError with the reason why there is none."""
    if rate := _RATE.fullmatch(expression.strip()):
        return _translate_rate(int(rate[1]), rate[2])
    if cron := _CRON.fullmatch(expression.strip()):
        return _translate_cron(cron[1].split())
    raise ValueError("is neither rate(…) nor cron(…)")


def _translate_rate(count: int, unit: str) -> str:
    if unit == "minute" and count >= 60 and count % 60 == 0:
        count, unit = count // 60, "hour"
    if (unit, count) in _EVERY:
        return _EVERY[unit, count]
    if unit == "minute" and count and 60 % count == 0:
        return f"*/{count} * * * *"
    if unit == "hour" and count and 24 % count == 0:
        return f"0 */{count} * * *"
    raise ValueError("does not divide an hour or a day evenly, and cron cannot say it")


def _translate_cron(fields: list[str]) -> str:
    if len(fields) != 6:
        raise ValueError(f"has {len(fields)} fields, and cron of EventBridge has 6")
    *five, year = (field.replace("?", "*") for field in fields)
    if year != "*":
        raise ValueError("is for certain years")
    five[4] = _DAY_NUMBER.sub(lambda day: str(int(day[0]) - 1), five[4])  # Sunday is 1 there, and 0 here
    translated = " ".join(five)
    CronTimes.parse(translated)
    return translated
