"""Carries events to the handlers that listen to them, one at a time for each stack."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from semantest_iac_events.event import Event

Handler = Callable[[Event], Awaitable[Sequence[Event]]]
Record = Callable[[Event], Awaitable[None]]
Observer = Callable[[Event], None]
FailureOf = Callable[[Event, Exception], Event | None]

AnyHandler = TypeVar("AnyHandler", bound=Callable[..., Awaitable[Sequence[Event]]])


def listen(*types: type[Event]) -> Callable[[AnyHandler], AnyHandler]:
    """Mark an async callable as the handler of events of exactly these classes."""

    def mark(handler: AnyHandler) -> AnyHandler:
        handler.listens_to = types  # type: ignore[attr-defined]  # functions carry attributes
        return handler

    return mark


class MessageBus:
    """Events of one stack are handled in the order in which they were published, other stacks go on meanwhile.

    An event is on record before any handler hears of it. What a handler returns is published as caused by the
    event; what it raises becomes the failure event that `failure_of` makes of it.
    """

    def __init__(self, record: Record, failure_of: FailureOf) -> None:
        self._record = record
        self._failure_of = failure_of
        self._handlers: dict[type[Event], list[Handler]] = defaultdict(list)
        self._observers: list[Observer] = []
        self._waiting: dict[str | None, deque[Event]] = {}

    def register(self, handlers: Iterable[Handler]) -> None:
        """Add handlers marked with `listen`."""
        for handler in handlers:
            for event_type in handler.listens_to:  # type: ignore[attr-defined]  # set by listen
                self._handlers[event_type].append(handler)

    def observe(self, observer: Observer) -> None:
        """Tell somebody of every recorded event; an observer answers nothing and must not raise."""
        self._observers.append(observer)

    async def record(self, event: Event) -> None:
        """Put an event on record and show it to observers; no handler hears of it."""
        await self._record(event)
        for observer in self._observers:
            observer(event)

    async def publish(self, event: Event) -> None:
        """Record an event and have it handled; returns when it was, or at once from within a handler of its stack."""
        await self.record(event)
        if event.subject in self._waiting:
            self._waiting[event.subject].append(event)
            return
        self._waiting[event.subject] = deque([event])
        try:
            await self._drain(self._waiting[event.subject])
        finally:
            del self._waiting[event.subject]

    async def _drain(self, waiting: deque[Event]) -> None:
        while waiting:
            event = waiting.popleft()
            for handler in self._handlers[type(event)]:
                for result in await self._answers(handler, event):
                    answer = result.caused_by(event)
                    await self.record(answer)
                    waiting.append(answer)

    async def _answers(self, handler: Handler, event: Event) -> Sequence[Event]:
        try:
            return await handler(event)
        except Exception as error:
            failure = self._failure_of(event, error)
            if failure is None:
                raise
            return [failure]
