"""Carries events to the handlers that listen to them, one at a time for each stack."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar
from weakref import WeakValueDictionary

from semantest_iac_events.event import Event

Handler = Callable[[Event], Awaitable[Sequence[Event]]]
RecordEvent = Callable[[Event], Awaitable[None]]
Observer = Callable[[Event], None]
FailureEventFor = Callable[[Event, Exception], Event | None]

HandlerT = TypeVar("HandlerT", bound=Callable[..., Awaitable[Sequence[Event]]])

_LOG = logging.getLogger(__name__)


def listen(*types: type[Event]) -> Callable[[HandlerT], HandlerT]:
    """Mark an async callable as the handler of events of exactly these classes."""

    def mark(handler: HandlerT) -> HandlerT:
        handler.listens_to = types  # type: ignore[attr-defined]  # functions carry attributes
        return handler

    return mark


@dataclass(eq=False, slots=True)
class _Chain:
    """A published event and all that its handling leads to, as long as somebody is at it."""

    waiting: deque[Event] = field(default_factory=deque)


_WITHIN: ContextVar[tuple[_Chain, ...]] = ContextVar("within", default=())


class MessageBus:
    """Events of one stack are handled in the order in which they were published, other stacks go on meanwhile.

    An event is on record before any handler hears of it. What a handler returns is published as caused by the
    event; what it raises becomes the failure event that `failure_of` makes of it.
    """

    def __init__(self, record: RecordEvent, failure_of: FailureEventFor) -> None:
        self._record = record
        self._failure_of = failure_of
        self._handlers: dict[type[Event], list[Handler]] = defaultdict(list)
        self._observers: list[Observer] = []
        self._chains: dict[str | None, _Chain] = {}
        self._turns: WeakValueDictionary[str | None, asyncio.Lock] = WeakValueDictionary()

    def register(self, handlers: Iterable[Handler]) -> None:
        """Add handlers marked with `listen`."""
        for handler in handlers:
            for event_type in handler.listens_to:  # type: ignore[attr-defined]  # set by listen
                self._handlers[event_type].append(handler)

    def observe(self, observer: Observer) -> None:
        """Tell somebody of every recorded event, until it raises: who watches does not stop what is watched."""
        self._observers.append(observer)

    async def record(self, event: Event) -> None:
        """Put an event on record and show it to observers; no handler hears of it."""
        await self._record(event)
        for observer in tuple(self._observers):
            try:
                observer(event)
            except Exception as error:
                self._observers.remove(observer)
                _LOG.warning("An observer raised %s and is told nothing more.", type(error).__name__)

    async def publish(self, event: Event) -> None:
        """Record an event and have it handled; returns when it was, or at once from within a handler of its stack."""
        await self.record(event)
        chain = self._chains.get(event.subject)
        if chain in _WITHIN.get():
            chain.waiting.append(event)
            return
        async with self._turns.setdefault(event.subject, asyncio.Lock()):
            await self._follow(event)

    async def _follow(self, event: Event) -> None:
        chain = self._chains[event.subject] = _Chain(deque([event]))
        token = _WITHIN.set((*_WITHIN.get(), chain))
        try:
            while chain.waiting:
                await self._handle(chain.waiting.popleft(), chain.waiting)
        finally:
            _WITHIN.reset(token)
            del self._chains[event.subject]

    async def _handle(self, event: Event, waiting: deque[Event]) -> None:
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
