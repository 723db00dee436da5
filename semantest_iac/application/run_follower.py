"""Shows the events of a deployment that another process carries out."""

from __future__ import annotations

from uuid import UUID

from semantest_iac.application.deployment.recorder import decode_event
from semantest_iac.application.message_bus import EventObservers
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.queries.history import is_event_of
from semantest_iac.domain.errors import LedgerError


class RunFollower:
    """Reads what others have recorded of one deployment since the last look; `shown` of its first events are known."""

    def __init__(self, ledger: LedgerReader, observers: EventObservers, deployment: str, shown: int) -> None:
        self._ledger = ledger
        self._observers = observers
        self._deployment = deployment
        self._shown = shown
        self._version: int | None = None
        self._seen = set[UUID]()  # what this process has recorded itself, and shown then
        observers.add(lambda event: self._seen.add(event.id))

    def show_new_events(self) -> None:
        """Show the events that were recorded since the last call."""
        row = self._ledger.deployment(self._deployment)
        if row is None:
            return
        if self._version is None:
            opened = next(self._ledger.log(row.position - 1, limit=1))
            self._version = opened.version + self._shown - 1
        for recorded in self._ledger.stream(row.stack, self._version):
            self._version = recorded.version
            if not is_event_of(recorded, self._deployment):
                continue
            try:
                event = decode_event(recorded)
                if event.id not in self._seen:
                    self._observers.show(event)
            except LedgerError:  # an event of a newer version, which the worker has
                continue
