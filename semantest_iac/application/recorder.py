"""Events on their way into the ledger and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from semantest_iac.application.ports.ledger import Ledger, NewEvent, Recorded
from semantest_iac.domain.deployment.journal import JOURNAL_TYPES
from semantest_iac_events.catalogue import EVENT_TYPES
from semantest_iac_events.event import Event
from semantest_iac_events.forms.cloudevents import from_cloudevent, to_cloudevent

ELSEWHERE = "-"  # the stream of events that are about no single stack
_TYPES = {**EVENT_TYPES, **JOURNAL_TYPES}


class Recorder:
    """Writes events in their CloudEvents form, one stream per stack, nothing secret left in them."""

    def __init__(self, ledger: Ledger, redact: Callable[[str], str]) -> None:
        self._ledger = ledger
        self._redact = redact

    async def record(self, event: Event) -> None:
        """Append one event; durable when it returns."""
        text = self._redact(json.dumps(to_cloudevent(event), ensure_ascii=False, separators=(",", ":")))
        await self._ledger.append(event.subject or ELSEWHERE, None, [NewEvent(event.type_name, text)])


def revived(recorded: Recorded) -> Event:
    """The event of a ledger row."""
    form: dict[str, Any] = recorded.event
    return from_cloudevent(form, _TYPES)
