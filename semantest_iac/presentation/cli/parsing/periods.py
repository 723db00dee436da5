"""Times as people type them."""

from __future__ import annotations

import click

from semantest_iac.domain.environments.durations import parse_duration


def parse_period(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Return the seconds of `90s`, `30m`, `6h` or `1d`."""
    if value is None:
        return None
    seconds = parse_duration(value)
    if seconds is None:
        raise click.BadParameter("write it as 90s, 30m, 6h or 1d.")
    return float(seconds)
