"""The calendar port: when freezes begin and end, in the time zones of their configuration."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from semantest_iac.domain.environments.guardrail_sections import FreezeSection, GuardrailsSection
from semantest_iac.domain.errors import Fault


class FreezeCalendar(Protocol):
    """Knows time zones and schedules."""

    def find_faults(self, path: str, window: FreezeSection) -> Iterator[Fault]:
        """Yield what cannot be read of the times of a freeze; `path` is where it stands in the configuration."""
        ...

    def find_zone_fault(self, path: str, zone: str) -> Fault | None:
        """Return the fault of a time zone that is not known, None for a known one."""
        ...

    def find_end(self, window: FreezeSection, now: datetime) -> datetime | None:
        """Return when the freeze ends that holds at `now`, in UTC; None if none does, or it cannot be read."""
        ...


def find_freeze_faults(guardrails: GuardrailsSection, calendar: FreezeCalendar) -> Iterator[Fault]:
    """Yield what cannot be read of the times of all freezes."""
    for index, window in enumerate(guardrails.freeze or ()):
        yield from calendar.find_faults(f"guardrails.freeze[{index}]", window)
