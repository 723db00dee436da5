"""Carries events to their handlers."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from semantest_iac_events.event import Event

EventT = TypeVar("EventT", bound=Event)
RecordEvent = Callable[..., Awaitable[None]]
"""Records an event, given by position, and optionally only at an `expected_version` of its stream."""
Observer = Callable[[Event], None]
FailureEventFor = Callable[[Event, Exception], Event | None]

_LOG = logging.getLogger(__name__)


class EventObservers:
    """Shows recorded events to all observers, to each until it raises: an observer never stops a run."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = list(observers)

    def add(self, observer: Observer) -> None:
        """Show it every event from now on."""
        self._observers.append(observer)

    def show(self, event: Event) -> None:
        """Show a recorded event."""
        for observer in tuple(self._observers):
            try:
                observer(event)
            except Exception as error:
                self._observers.remove(observer)
                _LOG.warning("An observer raised %s and is not called again.", type(error).__name__)


class MessageBus:
    """Records each event of a run, then calls its handlers one after the other.

    Events that a handler returns are published as caused by its event. An exception of a handler becomes the failure
    event that `failure_event_for` returns, and is raised where that is None; the handlers after it are not called. One
    run per stack is up to the stack locks.
    """

    def __init__(
        self, record: RecordEvent, failure_event_for: FailureEventFor, observers: EventObservers | None = None
    ) -> None:
        self._record = record
        self._failure_event_for = failure_event_for
        self._handlers: dict[type[Event], list[Callable[[Any], Awaitable[Sequence[Event]]]]] = defaultdict(list)
        self._observers = observers or EventObservers()
        self._recording = asyncio.Lock()
        self._is_sealed = False

    def register(self, event_type: type[EventT], handler: Callable[[EventT], Awaitable[Sequence[Event]]]) -> None:
        """Call the handler for events of exactly this class."""
        self._handlers[event_type].append(handler)

    async def record(self, event: Event, *, expected_version: int | None = None) -> None:
        """Record an event and show it to the observers; no handler is called.

        Raises LedgerConflictError where the event's stream is not at the expected version.
        """
        async with self._recording:
            if self._is_sealed:
                raise asyncio.CancelledError
            await (self._record(event) if expected_version is None else self._record(event, expected_version))
        self._observers.show(event)

    def seal(self) -> None:
        """Record no event any more: whoever records one is cancelled."""
        self._is_sealed = True

    async def record_last(self, build_event: Callable[[], Event | None]) -> None:
        """Record the event that is built after all others, if there is one; whoever records another is cancelled."""
        async with self._recording:
            self.seal()
            event = build_event()
            if event:
                await self._record(event)
        if event:
            self._observers.show(event)

    async def publish(self, event: Event, *, expected_version: int | None = None) -> None:
        """Record an event, and return when its handlers and those of the events they returned are done."""
        await self.record(event, expected_version=expected_version)
        await self.handle(event)

    async def handle(self, event: Event) -> None:
        """Return when the handlers of a recorded event and those of the events they returned are done."""
        for handler in self._handlers[type(event)]:
            try:
                results = await handler(event)
            except Exception as error:
                failure = self._failure_event_for(event, error)
                if failure is None:
                    raise
                await self.publish(failure.caused_by(event))
                return
            for result in results:
                await self.publish(result.caused_by(event))
