"""Receives from a Redis stream as a consumer of a group, and publishes to streams."""

from __future__ import annotations

import os
import secrets
import socket
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Final

from semantest_iac.application.ports.event_transports import (
    EventSource,
    EventTarget,
    PublishedMessage,
    ReceivedMessage,
    TransportPositions,
)
from semantest_iac.domain.environments.event_sections import EventSourceSection, EventTargetSection
from semantest_iac.infrastructure.transports.brokers.broker_source import BrokerSource, Delivery
from semantest_iac.infrastructure.transports.brokers.connections import (
    DEFAULT_EVENT_CHANNEL,
    DEFAULT_GROUP,
    DEFAULT_TIMING,
    PREFETCHED_MESSAGES,
    BrokerAddress,
    BrokerTiming,
    ignoring_failures,
    read_address,
    require_library,
    translate_failures,
)
from semantest_iac.infrastructure.transports.brokers.redis_connections import (
    RedisTarget,
    connect_redis,
    list_redis_failures,
)
from semantest_iac.infrastructure.transports.brokers.redis_entries import read_entry, write_entry

_MOST_ENTRIES: Final = 100_000
"""About how many entries a stream keeps to which a target publishes; older ones are removed."""
_LONG_AGO_MS: Final = 24 * 3600 * 1000
_Entry = tuple[bytes, Mapping[bytes, bytes]]


def open_source(
    name: str, section: EventSourceSection, positions: TransportPositions, timing: BrokerTiming = DEFAULT_TIMING
) -> EventSource:
    """Return the source of a section; the server keeps its position, under the name of the group."""
    require_library(name, "redis", "redis")
    return BrokerSource(name, partial(_open_session, read_address(name, section), section, timing), timing)


def open_target(name: str, section: EventTargetSection, timing: BrokerTiming = DEFAULT_TIMING) -> EventTarget:
    """Return the target of a section."""
    require_library(name, "redis", "redis")
    return RedisTarget(name, section, timing, partial(_add_entry, section.stream or DEFAULT_EVENT_CHANNEL))


@dataclass(frozen=True, slots=True)
class _Group:
    """A consumer of a group of a stream. Its name is that of this process: nobody else may acknowledge for it."""

    stream: str
    name: str
    consumer: str


@asynccontextmanager
async def _open_session(
    address: BrokerAddress, section: EventSourceSection, timing: BrokerTiming
) -> AsyncIterator[_RedisStreamSession]:
    consumer = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    group = _Group(section.stream or "", section.group or DEFAULT_GROUP, consumer)
    async with AsyncExitStack() as stack:
        with translate_failures("receive from", address, list_redis_failures):
            client = await stack.enter_async_context(connect_redis(address, timing))
            await _ensure_group(client, group)
        session = _RedisStreamSession(address, client, group, timing)
        try:
            yield session
        finally:
            await session.give_back()


async def _ensure_group(client: Any, group: _Group) -> None:
    """Create the group, and the stream if it is missing; a new group begins with the oldest entry."""
    from redis.exceptions import ResponseError

    try:
        await client.xgroup_create(group.stream, group.name, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


class _RedisStreamSession:
    """Reads new entries, and takes over those of consumers that say nothing of them any more.

    An entry that is put off stays pending here, and its time with this consumer is extended until it is due.
    """

    def __init__(self, address: BrokerAddress, client: Any, group: _Group, timing: BrokerTiming) -> None:
        self._client = client
        self._source = address.name
        self._group = group
        self._timing = timing
        self._lease_ms = round(timing.lease * 1000)
        self._waiting: deque[tuple[_Entry, int]] = deque()
        self._held: set[bytes] = set()
        self._put_off: dict[bytes, tuple[float, int]] = {}
        self._look_at = monotonic()
        self._translating = partial(translate_failures, "receive from", address, list_redis_failures)

    async def receive_next(self) -> Delivery | None:
        """Return the next entry: one that is due again, one of a lost consumer, or a new one."""
        if not self._waiting:
            with self._translating():
                await self._fetch()
        if not self._waiting:
            return None
        (id_, fields), deliveries = self._waiting.popleft()
        body, headers = read_entry(fields)
        place = f"{self._group.stream}:{id_.decode()}"
        return Delivery(ReceivedMessage(self._source, body, headers, place, deliveries), id_)

    async def acknowledge(self, delivery: Delivery) -> None:
        """Remove the entry from what is pending."""
        with self._translating():
            await self._client.xack(self._group.stream, self._group.name, delivery.handle)
        self._held.discard(delivery.handle)

    async def put_off(self, delivery: Delivery, pause_s: float) -> None:
        """Leave the entry pending, and remember when it is due."""
        self._put_off[delivery.handle] = (monotonic() + pause_s, delivery.message.deliveries)

    async def extend_leases(self) -> None:
        """Tell that nobody needs to take over what this consumer holds."""
        if self._held:
            with self._translating():
                await self._claim(list(self._held), justid=True)

    async def check(self) -> None:
        """Wait for the answer to a ping."""
        with self._translating():
            await self._client.ping()

    async def give_back(self) -> None:
        """Let other consumers take over at once what was not taken here; a consumer that holds nothing is removed."""
        with ignoring_failures():  # they take over when the lease has ended, too
            if not self._held:
                await self._client.xgroup_delconsumer(*_names(self._group))
            waiting = {id_: deliveries - 1 for (id_, _), deliveries in self._waiting}
            for id_ in self._held:
                count = waiting.get(id_, self._put_off.get(id_, (0.0, 1))[1])
                await self._claim([id_], justid=True, idle=_LONG_AGO_MS, retrycount=count)

    async def _fetch(self) -> None:
        now = monotonic()
        due = [id_ for id_, (at, _) in self._put_off.items() if at <= now]
        if due:
            await self._take_back(due)
        elif now >= self._look_at:
            self._look_at = now + self._timing.lease / 3
            await self._take_over()
        if not self._waiting:
            next_due = min((at for at, _ in self._put_off.values()), default=now + self._timing.fetch)
            await self._read_new(min(self._timing.fetch, next_due - now))

    async def _take_back(self, due: Sequence[bytes]) -> None:
        """Deliver again what was put off; entries that were deleted meanwhile are left out by the server."""
        deliveries = {id_: self._put_off.pop(id_)[1] + 1 for id_ in due}
        found = await self._claim(due)
        self._held -= {*due} - {id_ for id_, _ in found}
        self._waiting.extend((entry, deliveries[entry[0]]) for entry in found)

    async def _take_over(self) -> None:
        """Claim what has been with other consumers for longer than a lease; of two that do so, one gets it."""
        pending = await self._client.xpending_range(
            self._group.stream, self._group.name, "-", "+", PREFETCHED_MESSAGES, idle=self._lease_ms
        )
        deliveries = {it["message_id"]: it["times_delivered"] for it in pending if it["message_id"] not in self._held}
        if deliveries:
            found = await self._claim(list(deliveries), min_idle_ms=self._lease_ms)
            self._hold(found, {id_: count + 1 for id_, count in deliveries.items()})

    async def _read_new(self, longest_s: float) -> None:
        reply = await self._client.xreadgroup(
            self._group.name,
            self._group.consumer,
            {self._group.stream: ">"},
            count=PREFETCHED_MESSAGES,
            block=max(1, round(longest_s * 1000)),
        )
        for _, entries in reply.items() if isinstance(reply, dict) else reply or ():
            self._hold(_flatten(entries), {})

    def _hold(self, entries: Sequence[_Entry], deliveries: Mapping[bytes, int]) -> None:
        self._held.update(id_ for id_, _ in entries)
        self._waiting.extend((entry, deliveries.get(entry[0], 1)) for entry in entries)

    async def _claim(self, ids: Sequence[bytes], min_idle_ms: int = 0, **options: Any) -> list[Any]:
        claimed: list[Any] = await self._client.xclaim(*_names(self._group), min_idle_ms, list(ids), **options)
        return claimed


def _flatten(entries: Any) -> list[_Entry]:
    """Return entries that the client may have wrapped once more, as it does with the third version of the protocol."""
    return [each for entry in entries for each in (entry if isinstance(entry, list) else [entry])]


def _names(group: _Group) -> tuple[str, str, str]:
    return group.stream, group.name, group.consumer


async def _add_entry(stream: str, client: Any, message: PublishedMessage) -> None:
    """Return once the server has added the entry; how soon it is on its disk is set there (appendfsync).

    The oldest entries are removed where there are too many.
    """
    await client.xadd(stream, write_entry(message), maxlen=_MOST_ENTRIES, approximate=True)
