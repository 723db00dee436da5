"""Semantest's WebSocket server as a source and as a target of events.

The source reads the server's log by position: an event of a subscribed type only says that there is something new. So
nothing is lost or doubled between what was stored before, meanwhile and after, and events come in the order of the log.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from semantest_iac.application.ports.event_transports import (
    PublishedMessage,
    PublishMessage,
    ReceivedMessage,
    TakeMessage,
    TransportError,
    TransportPositions,
)
from semantest_iac.application.worker import wait_until_set
from semantest_iac.domain.errors import DeploymentError, Fault
from semantest_iac.infrastructure.nested_text import parse_json
from semantest_iac.infrastructure.transports.http.event_store_client import (
    ANSWER_TIMEOUT_S,
    AnswerTooLargeError,
    EventStoreAddress,
    EventStoreConnection,
    connect_event_store,
    require_websocket_client,
)
from semantest_iac.infrastructure.transports.ordered_delivery import MOST_HANDED_ON_BYTES, run_unless, take_in_order
from semantest_iac.infrastructure.transports.pauses import grow_pauses

if TYPE_CHECKING:
    from semantest_iac.domain.environments.event_sections import EventSourceSection, EventTargetSection

_LOG = logging.getLogger(__name__)
MOST_EVENTS_READ: Final = 100  # of the log at once; the server sends as many in one message
_CHECKPOINT_DISTANCE = 100
_MOST_CHECKPOINTS = 8
IDLE_S: Final = 5.0
"""How long the source waits for an event before it looks for itself: so it learns of a dead connection, too."""


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where the next event is in the server's log; the one before it must be `last_event`, "" where that is not known.

    A server that is killed may lose what it had not written yet, and its folder may be emptied: then the source goes
    back to the newest of `checkpoints` that is still there, or to the start. `offset` is added to the positions of
    events from then on, so that they go on growing: what is behind an event came after it.
    """

    next: int = 0
    last_event: str = ""
    offset: int = 0
    checkpoints: tuple[tuple[int, str], ...] = ()

    @classmethod
    def parse(cls, text: str | None) -> LogPosition:
        """Return a saved position; the start where nothing was saved, or by a source of another type."""
        try:
            saved = parse_json(text or "")
            checkpoints = tuple((int(position), str(event)) for position, event in saved["checkpoints"])
            return cls(int(saved["next"]), str(saved["last_event"]), int(saved["offset"]), checkpoints)
        except (KeyError, TypeError, ValueError):
            return cls()

    def encode(self) -> str:
        """Return the text that is saved."""
        return json.dumps(asdict(self))

    def after(self, event: Any) -> LogPosition:
        """Return the position behind an event."""
        return replace(self, next=self.next + 1, last_event=_find_id(event))

    def with_checkpoint(self) -> LogPosition:
        """Return it as one of the positions to go back to, if the newest of these is far enough."""
        newest = self.checkpoints[-1][0] if self.checkpoints else 0
        if not self.last_event or self.next < newest + _CHECKPOINT_DISTANCE:
            return self
        return replace(self, checkpoints=(*self.checkpoints, (self.next, self.last_event))[-_MOST_CHECKPOINTS:])

    def go_back(self) -> LogPosition:
        """Return the newest checkpoint that was not tried yet, or the start."""
        earlier = [checkpoint for checkpoint in self.checkpoints if checkpoint[0] < self.next]
        position, event = earlier[-1] if earlier else (0, "")
        return LogPosition(position, event, self.offset + self.next - position, tuple(earlier[:-1]))


class EventStoreSource:
    """Receives the events of Semantest's server; of `types` if there are any, else all."""

    def __init__(
        self,
        address: EventStoreAddress,
        types: Collection[str],
        positions: TransportPositions,
        *,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self.name = address.name
        self._address = address
        self._types = frozenset(types)
        self._positions = positions
        self._answer_timeout_s = answer_timeout_s
        self._idle_s = idle_s
        self._fault = f"'{self.name}' is not connected yet"
        self._pauses = grow_pauses()
        self._limit = MOST_EVENTS_READ

    def find_fault(self) -> str:
        """Return why nothing arrives now."""
        return self._fault

    async def receive(self, take: TakeMessage, stopped: asyncio.Event) -> None:
        """Deliver events until `stopped`; connects again as often as it must."""
        while not stopped.is_set():
            try:
                await self._receive_once(take, stopped)
            except DeploymentError as error:
                self._note_fault(error.reason)
                if isinstance(error, TransportError) and not error.retryable:
                    raise
                await wait_until_set(stopped, next(self._pauses))
        self._fault = f"'{self.name}' is stopped"

    async def _receive_once(self, take: TakeMessage, stopped: asyncio.Event) -> None:
        """Deliver events over one connection, until it ends."""
        try:
            async with AsyncExitStack() as stack:
                connecting = connect_event_store("receive from", self._address, self._answer_timeout_s)
                opening = stack.enter_async_context(connecting)
                if connection := await run_unless(stopped, opening):
                    await self._follow(connection, take, stopped)
        except AnswerTooLargeError:
            await self._read_less(take, stopped)

    async def _follow(self, connection: EventStoreConnection, take: TakeMessage, stopped: asyncio.Event) -> None:
        position, is_subscribed = await self._read_position(), False
        while not stopped.is_set():
            if not is_subscribed and self._limit > 1:  # what is too large alone must have been read, and not been sent
                await run_unless(stopped, connection.subscribe(self._types))
                is_subscribed = True
            before, position = position, await self._read_log(connection, position, take, stopped)
            if self._fault and not stopped.is_set():
                self._fault, self._pauses = "", grow_pauses()
            if position == before:
                await run_unless(stopped, connection.wait_for_events(self._idle_s))

    async def _read_log(
        self, connection: EventStoreConnection, position: LogPosition, take: TakeMessage, stopped: asyncio.Event
    ) -> LogPosition:
        """Deliver the next events of the log, and return the position behind them."""
        has_known = self._limit > 1 and bool(position.last_event)
        events = await run_unless(stopped, connection.read_events(position.next - has_known, self._limit))
        if events is None:
            return position
        if has_known:
            if not events or _find_id(events[0]) != position.last_event:
                earlier = position.go_back()
                _LOG.warning("'%s' has lost event %d; it is read from %d.", self.name, position.next - 1, earlier.next)
                return earlier
            del events[0]
        self._limit = min(2 * self._limit, MOST_EVENTS_READ)
        reached = position
        for event in events:
            if self._is_of_type(event) and not await self._take(take, event, reached, stopped):
                break
            reached = reached.after(event)
        if reached != position:
            reached = reached.with_checkpoint()
            await self._positions.save(self.name, reached.encode())
        return reached

    async def _take(self, take: TakeMessage, event: Any, position: LogPosition, stopped: asyncio.Event) -> bool:
        """Hand an event on as the server sends it while it happens: its log tells no positions."""
        if stopped.is_set():
            return False
        envelope = {"event": event, "globalPosition": position.offset + position.next}
        body = json.dumps({"type": "event", "envelope": envelope}).encode()[:MOST_HANDED_ON_BYTES]
        message = ReceivedMessage(self.name, body, place=f"position {position.next}")
        return await take_in_order(take, message, stopped, self._note_fault)

    async def _read_less(self, take: TakeMessage, stopped: asyncio.Event) -> None:
        """Read fewer events at once; one that is too large alone is handed on without its content."""
        if self._limit > 1:
            self._limit = max(1, self._limit // 10)
            return
        position = await self._read_position()
        _LOG.error("The event at position %d of source '%s' is too large to be read.", position.next, self.name)
        message = ReceivedMessage(self.name, b"", place=f"position {position.next}")
        if await take_in_order(take, message, stopped, self._note_fault):
            passed = replace(position, next=position.next + 1, last_event="")
            await self._positions.save(self.name, passed.encode())

    def _is_of_type(self, event: Any) -> bool:
        return not self._types or not isinstance(event, dict) or event.get("eventType") in self._types

    async def _read_position(self) -> LogPosition:
        return LogPosition.parse(await asyncio.to_thread(self._positions.read, self.name))

    def _note_fault(self, reason: str) -> None:
        if reason != self._fault:
            _LOG.warning("%s", reason)
        self._fault = reason


class EventStoreTarget:
    """Stores events in Semantest's server, in its own form."""

    def __init__(self, address: EventStoreAddress, *, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self.name = address.name
        self._address = address
        self._answer_timeout_s = answer_timeout_s

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[PublishMessage]:
        """Open a connection; its messages are stored one after the other."""
        async with connect_event_store("publish to", self._address, self._answer_timeout_s) as connection:
            one_at_a_time = asyncio.Lock()  # an answer names no event that the sender knows

            async def publish(message: PublishedMessage) -> None:
                event = _read_event(message)
                async with one_at_a_time:
                    await connection.store(event)

            yield publish


def open_source(name: str, section: EventSourceSection, positions: TransportPositions) -> EventStoreSource:
    """Return the source; raises TransportError for settings that are wrong, ExtraMissingError."""
    return EventStoreSource(_read_address("event_sources", name, section), section.events or (), positions)


def open_target(name: str, section: EventTargetSection) -> EventStoreTarget:
    """Return the target; raises TransportError for settings that are wrong, ExtraMissingError."""
    return EventStoreTarget(_read_address("event_targets", name, section))


def _read_address(at: str, name: str, section: EventSourceSection | EventTargetSection) -> EventStoreAddress:
    faults = list(_find_url_faults(f"{at}.{name}.url", section.url or ""))
    if faults:
        raise TransportError(f"Cannot use the WebSocket server of '{name}'.", faults=faults)
    require_websocket_client()
    return EventStoreAddress(name, section.url or "", section.token)


def _find_url_faults(at: str, url: str) -> Iterator[Fault]:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        yield Fault(at, "is no address of a WebSocket server", "Write it as ws://127.0.0.1:8082/ws-events.")


def _read_event(message: PublishedMessage) -> dict[str, Any]:
    """Return the event of a message; the server ignores what has no `eventType`, and says nothing."""
    try:
        event = parse_json(message.body)
    except ValueError:
        event = None
    if not isinstance(event, dict) or not isinstance(event.get("eventType"), str):
        raise TransportError(
            f"Cannot store the event {message.id}: it is not in Semantest's form.",
            hint="Remove the target's `form`, or set it to semantest.",
        )
    return event


def _find_id(event: Any) -> str:
    found = event.get("eventId") if isinstance(event, dict) else None
    return found if isinstance(found, str) else ""
