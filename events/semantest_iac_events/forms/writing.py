"""What every form writes alike: an event's own fields and its time."""

from __future__ import annotations

from typing import Any

from semantest_iac_events.event import Event
from semantest_iac_events.forms.reading import CARRIED


def own_fields(event: Event) -> dict[str, Any]:
    """The fields as JSON values, without those that a form carries itself."""
    return event.model_dump(mode="json", exclude=set(CARRIED))


def cause_ids(event: Event) -> list[str]:
    """The ids of the causes, oldest first."""
    return [str(cause) for cause in event.previous_event_ids]


def timestamp(event: Event) -> str:
    """RFC 3339 in UTC with microseconds, so that reading gives the same moment back."""
    return event.occurred_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
