"""Events on their way into the ledger and back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from semantest_iac.application.ports.ledger import Ledger, NewEvent, Recorded
from semantest_iac.domain.deployment.journal import JOURNAL_TYPES
from semantest_iac.domain.errors import LedgerError
from semantest_iac_events.catalogue import EVENT_TYPES
from semantest_iac_events.event import Event
from semantest_iac_events.forms.cloudevents import from_cloudevent, to_cloudevent
from semantest_iac_events.forms.reading import EventFormError
from semantest_iac_events.stack_event import StackEvent

ELSEWHERE = "-"  # the stream of events that are about no single stack
_OPEN = frozenset(StackEvent.model_fields) | {"step"}  # what the ledger finds events by; a secret may be called so
_TYPES = {**EVENT_TYPES, **JOURNAL_TYPES}


class Recorder:
    """Writes events in their CloudEvents form, one stream per stack, nothing secret left in them."""

    def __init__(self, ledger: Ledger, redact: Callable[[str], str]) -> None:
        self._ledger = ledger
        self._redact = redact

    async def record(self, event: Event) -> None:
        """Append one event; durable when it returns, and known to be in or out when it raises.

        A cancelled caller waits all the same: an event that came late would follow the deployment's last one.
        """
        form = to_cloudevent(event)
        form["data"] = {name: value if name in _OPEN else self._bare(value) for name, value in form["data"].items()}
        new = NewEvent(event.type_name, json.dumps(form, ensure_ascii=False, separators=(",", ":")))
        appending = asyncio.ensure_future(self._ledger.append(event.subject or ELSEWHERE, None, [new]))
        try:
            await asyncio.shield(appending)
        except asyncio.CancelledError:
            with suppress(Exception):
                await appending
            raise

    def _bare(self, value: Any) -> Any:
        """Text by text: a secret such as `true` or `1234` must not break what holds numbers and names of ours."""
        if isinstance(value, str):
            return self._redact(value)
        if isinstance(value, dict):
            return {name: self._bare(held) for name, held in value.items()}
        return [self._bare(held) for held in value] if isinstance(value, list | tuple) else value


def revived(recorded: Recorded) -> Event:
    """The event of a ledger row; raises LedgerError for one that holds none of ours."""
    try:
        return from_cloudevent(recorded.event, _TYPES)
    except EventFormError as error:
        raise LedgerError(f"Cannot read event {recorded.position} of the ledger: {error}") from error
