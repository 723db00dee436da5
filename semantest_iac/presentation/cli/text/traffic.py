"""Says how the traffic is divided between two versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from semantest_iac.presentation.cli.formatting import format_moment
from semantest_iac_events.deployments import TrafficShifted

if TYPE_CHECKING:
    from semantest_iac.application.operators.shared_traffic import SharedTraffic

_ALL = {0: "all back to the version before", 100: "all to the new version"}


def list_traffic_notes(shared: Iterable[SharedTraffic]) -> Iterator[str]:
    """Yield which share each new version has, until when, and the commands."""
    for one in shared:
        about = one.as_dict()
        share = f"gives its new version {about['weight']} % of the traffic until {about['until']}"
        yield f"Note: deployment {one.deployment} of {one.stack} {share}."
        yield f"  Run `semantest-iac promote {one.deployment}` or `return` in its place, or wait."


def format_shift(shifted: TrafficShifted) -> str:
    """Return a line such as `Traffic: 10 % to the new version until 2026-01-05T10:05:00Z (120 requests, …).`"""
    share = _ALL.get(shifted.weight, f"{shifted.weight} % to the new version")
    until = f" until {format_moment(shifted.until.timestamp())}" if shifted.until else ""
    why = f" ({'; '.join(shifted.reasons)})" if shifted.reasons else ""
    return f"Traffic: {share}{until}{why}."
