"""Says how the traffic is divided between two versions."""

from __future__ import annotations

from semantest_iac.presentation.cli.formatting import format_moment
from semantest_iac_events.deployments import TrafficShifted

_ALL = {0: "all back to the version before", 100: "all to the new version"}


def format_shift(shifted: TrafficShifted) -> str:
    """Return a line such as `Traffic: 10 % to the new version until 2026-01-05T10:05:00Z (120 requests, …).`"""
    share = _ALL.get(shifted.weight, f"{shifted.weight} % to the new version")
    until = f" until {format_moment(shifted.until.timestamp())}" if shifted.until else ""
    why = f" ({'; '.join(shifted.reasons)})" if shifted.reasons else ""
    return f"Traffic: {share}{until}{why}."
