"""Times as people type them."""

from __future__ import annotations

import re

import click

_PERIOD = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_period(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Return the seconds of `90s`, `30m`, `6h` or `1d`."""
    if value is None:
        return None
    match = _PERIOD.fullmatch(value)
    if match is None or not int(match[1]):
        raise click.BadParameter("write it as 90s, 30m, 6h or 1d.")
    return int(match[1]) * _SECONDS[match[2]]
