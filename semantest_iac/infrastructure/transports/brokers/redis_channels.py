"""Receives what is published on channels of Redis, and publishes there; what nobody receives at once is lost."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
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
    DEFAULT_TIMING,
    BrokerAddress,
    BrokerTiming,
    read_address,
    require_library,
    translate_failures,
    write_header,
)
from semantest_iac.infrastructure.transports.brokers.redis_connections import (
    RedisTarget,
    connect_redis,
    list_redis_failures,
)

_LOG = logging.getLogger(__name__)
_MOST_PUT_OFF: Final = 1000
_LOSES: Final = "What is published on the channel meanwhile is lost."


def open_source(
    name: str, section: EventSourceSection, positions: TransportPositions, timing: BrokerTiming = DEFAULT_TIMING
) -> EventSource:
    """Return the source of a section; nobody keeps what is published while it is not connected."""
    require_library(name, "redis", "redis")
    put_off: deque[_PutOff] = deque()
    opening = partial(_open_session, read_address(name, section), section, timing, put_off)
    return BrokerSource(name, opening, timing, while_away=_LOSES)


def open_target(name: str, section: EventTargetSection, timing: BrokerTiming = DEFAULT_TIMING) -> EventTarget:
    """Return the target of a section."""
    require_library(name, "redis", "redis")
    return RedisTarget(name, section, timing, partial(_send_to_channel, section.channel or DEFAULT_EVENT_CHANNEL))


_PutOff = tuple[float, ReceivedMessage]
"""When a message is due again."""


@asynccontextmanager
async def _open_session(
    address: BrokerAddress, section: EventSourceSection, timing: BrokerTiming, put_off: deque[_PutOff]
) -> AsyncIterator[_RedisChannelSession]:
    channel = section.channel or ""
    async with AsyncExitStack() as stack:
        with translate_failures("receive from", address, list_redis_failures):
            client = await stack.enter_async_context(connect_redis(address, timing))
            subscription = await stack.enter_async_context(client.pubsub())
            is_pattern = any(it in channel for it in "*?[")
            await (subscription.psubscribe if is_pattern else subscription.subscribe)(channel)
            await subscription.get_message(timeout=timing.answer)  # the server confirms
        yield _RedisChannelSession(address, client, subscription, timing, put_off)


class _RedisChannelSession:
    """A subscription. What could not be taken is kept in the memory of this process, and delivered again from there."""

    def __init__(
        self, address: BrokerAddress, client: Any, subscription: Any, timing: BrokerTiming, put_off: deque[_PutOff]
    ) -> None:
        self._source = address.name
        self._client = client
        self._subscription = subscription
        self._timing = timing
        self._put_off = put_off
        self._translating = partial(translate_failures, "receive from", address, list_redis_failures)

    async def receive_next(self) -> Delivery | None:
        """Return a message that is due again, else the next one of the channel."""
        now = monotonic()
        for each in self._put_off:
            at, message = each
            if at <= now:
                self._put_off.remove(each)
                return Delivery(message, None)
        wait_s = min((at - now for at, _ in self._put_off), default=self._timing.fetch)
        with self._translating():
            found = await self._subscription.get_message(True, min(wait_s, self._timing.fetch))
        if found is None:
            return None
        return Delivery(ReceivedMessage(self._source, found["data"], {}, write_header(found["channel"])), None)

    async def acknowledge(self, delivery: Delivery) -> None:
        """Do nothing: the server has forgotten the message."""

    async def put_off(self, delivery: Delivery, pause_s: float) -> None:
        """Keep the message; the oldest one is lost where there are too many."""
        message = delivery.message
        again = ReceivedMessage(message.source, message.body, {}, message.place, message.deliveries + 1)
        if len(self._put_off) >= _MOST_PUT_OFF:
            self._put_off.popleft()
            _LOG.error("'%s' has lost a message: %d others could not be taken either.", self._source, _MOST_PUT_OFF)
        self._put_off.append((monotonic() + pause_s, again))

    async def extend_leases(self) -> None:
        """Do nothing: nobody else has the messages."""

    async def check(self) -> None:
        """Wait for the answer to a ping, on a connection of its own."""
        with self._translating():
            await self._client.ping()


async def _send_to_channel(channel: str, client: Any, message: PublishedMessage) -> None:
    """Return once the server has passed the body on to whoever listens, maybe nobody; channels have no headers."""
    await client.publish(channel, message.body)
