"""Receives from a queue of RabbitMQ, and publishes to an exchange."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache, partial
from time import monotonic
from typing import Any, Final
from urllib.parse import quote, urlsplit

from semantest_iac.application.ports.event_transports import (
    EventSource,
    EventTarget,
    PublishedMessage,
    PublishMessage,
    ReceivedMessage,
    TransportPositions,
)
from semantest_iac.domain.environments.event_sections import EventSourceSection, EventTargetSection
from semantest_iac.infrastructure.transports.brokers.broker_source import BrokerSource, Delivery
from semantest_iac.infrastructure.transports.brokers.connections import (
    CONTENT_TYPE,
    DEFAULT_EVENT_CHANNEL,
    DEFAULT_TIMING,
    LOGIN_HINT,
    PREFETCHED_MESSAGES,
    WRONG_LOGIN,
    BrokerAddress,
    BrokerFailure,
    BrokerTiming,
    closing_within,
    read_address,
    require_library,
    silence_loggers,
    translate_failures,
    write_header,
)

_DELIVERY_COUNT: Final = "x-delivery-count"  # of quorum queues: how often a message was delivered before
"""What CloudEvents' binding for AMQP puts before the names of attributes."""


def open_source(
    name: str, section: EventSourceSection, positions: TransportPositions, timing: BrokerTiming = DEFAULT_TIMING
) -> EventSource:
    """Return the source of a section; the queue keeps what was not acknowledged."""
    require_library(name, "aio_pika", "rabbitmq")
    silence_loggers("aio_pika", "aiormq")
    return BrokerSource(name, partial(_open_session, read_address(name, section), section, timing), timing)


def open_target(name: str, section: EventTargetSection, timing: BrokerTiming = DEFAULT_TIMING) -> EventTarget:
    """Return the target of a section."""
    require_library(name, "aio_pika", "rabbitmq")
    silence_loggers("aio_pika", "aiormq")
    return _RabbitTarget(name, section, timing)


@asynccontextmanager
async def _connect(address: BrokerAddress, timing: BrokerTiming) -> AsyncIterator[Any]:
    """Yield a connection for the block.

    It is aio-pika's plain one: the one that FastStream has goes on connecting in the background after it was given up.
    """
    import aio_pika
    from yarl import URL

    url = _with_login(address)
    if not urlsplit(url).query:
        url = f"{url}?heartbeat={max(1, round(timing.answer))}"
    connection = aio_pika.Connection(URL(url), ssl_context=address.create_tls_context())
    async with closing_within(timing.answer, connection.close):  # also one that could not be opened
        await connection.connect(timeout=timing.answer)
        yield connection


def _with_login(address: BrokerAddress) -> str:
    """Return the URL with credentials, as the client takes them only there."""
    parts = urlsplit(address.url)
    login = ":".join(quote(it, safe="") for it in (address.username, address.password) if it)
    return parts._replace(netloc=f"{login}@{parts.netloc}" if login else parts.netloc).geturl()


async def _ensure_queue(connection: Any, queue: str, exchange: str | None, routing_key: str) -> None:
    """Create queue and exchange where they are missing, and bind them; nothing of existing ones is changed."""
    from aio_pika import Channel
    from aio_pika.exceptions import ChannelNotFoundEntity

    try:
        async with Channel(connection) as channel:
            await channel.get_queue(queue)
    except ChannelNotFoundEntity:
        async with Channel(connection) as channel:
            await channel.declare_queue(queue, durable=True, arguments=_choose_arguments(connection))
    if exchange:
        await _ensure_exchange(connection, exchange)
        async with Channel(connection) as channel:
            await (await channel.get_queue(queue)).bind(exchange, routing_key)


def _choose_arguments(connection: Any) -> dict[str, Any]:
    """Return those of a queue that outlives its server and drops nothing, however often it was delivered."""
    properties = connection.transport.connection.server_properties
    has_limit = int(write_header(properties.get("version", "3")).partition(".")[0]) >= 4
    return {"x-queue-type": "quorum", **({"x-delivery-limit": -1} if has_limit else {})}


async def _ensure_exchange(connection: Any, exchange: str) -> None:
    """Create a topic exchange where there is none of the name."""
    from aio_pika import Channel, ExchangeType
    from aio_pika.exceptions import ChannelNotFoundEntity

    try:
        async with Channel(connection) as channel:
            await channel.get_exchange(exchange)
    except ChannelNotFoundEntity:
        async with Channel(connection) as channel:
            await channel.declare_exchange(exchange, ExchangeType.TOPIC, durable=True)


@asynccontextmanager
async def _open_session(
    address: BrokerAddress, section: EventSourceSection, timing: BrokerTiming
) -> AsyncIterator[_RabbitSession]:
    from aio_pika import Channel

    name = section.queue or ""
    async with AsyncExitStack() as stack:
        with translate_failures("receive from", address, _list_failures):
            connection = await stack.enter_async_context(_connect(address, timing))
            await _ensure_queue(connection, name, section.exchange, section.routing_key or "#")
            channel = Channel(connection)
            await channel.initialize(timing.answer)
            await channel.set_qos(2 * PREFETCHED_MESSAGES)
            queue = await channel.get_queue(name)
            session = _RabbitSession(address, channel, queue, timing)
            connection.close_callbacks.add(session.lose)
            channel.close_callbacks.add(session.lose)
            await queue.consume(session.arrived.put, timeout=timing.answer)
        yield session


class _RabbitSession:
    """A consumer of a queue. Closing it gives back what was not acknowledged.

    What is put off stays with this consumer until it is due; then the server delivers it again. At most half of what it
    may hold is put off, as the rest would be held up.
    """

    def __init__(self, address: BrokerAddress, channel: Any, queue: Any, timing: BrokerTiming) -> None:
        self.arrived: asyncio.Queue[Any] = asyncio.Queue()
        self._source = address.name
        self._channel = channel
        self._queue = queue
        self._timing = timing
        self._put_off: list[tuple[float, Any]] = []
        self._is_lost = False
        self._translating = partial(translate_failures, "receive from", address, _list_failures)

    def lose(self, *_: Any) -> None:
        """Wake who waits for messages: the connection or the channel is closed."""
        self._is_lost = True
        self.arrived.put_nowait(None)

    async def receive_next(self) -> Delivery | None:
        """Return the next message that the server has sent."""
        now = monotonic()
        await self._return_due(now)
        wait_s = min((at - now for at, _ in self._put_off), default=self._timing.fetch)
        with self._translating():
            try:
                async with asyncio.timeout(max(0.0, min(wait_s, self._timing.fetch))):
                    message = await self.arrived.get()
            except TimeoutError:
                message = None
            if self._is_lost:
                raise ConnectionError
        return None if message is None else self._read(message)

    async def acknowledge(self, delivery: Delivery) -> None:
        """Send the acknowledgement; where it is lost, the message is delivered again."""
        with self._translating():
            await delivery.handle.ack()

    async def put_off(self, delivery: Delivery, pause_s: float) -> None:
        """Remember when the message is due."""
        self._put_off.append((monotonic() + pause_s, delivery.handle))
        self._put_off.sort(key=lambda each: each[0])
        if len(self._put_off) > PREFETCHED_MESSAGES:
            await self._return_due(self._put_off[0][0])

    async def extend_leases(self) -> None:
        """Do nothing: the server takes a message away only after half an hour."""

    async def check(self) -> None:
        """Wait until the server confirms that there is the queue."""
        with self._translating():
            async with asyncio.timeout(self._timing.answer):
                await self._channel.get_queue(self._queue.name)

    async def _return_due(self, now: float) -> None:
        while self._put_off and self._put_off[0][0] <= now:
            _, message = self._put_off.pop(0)
            with self._translating():
                await message.nack(requeue=True)

    def _read(self, message: Any) -> Delivery:
        headers = {name.lower(): write_header(value) for name, value in message.headers.items()}
        if message.content_type:
            headers[CONTENT_TYPE] = message.content_type
        place = f"{self._queue.name}:{message.message_id}" if message.message_id else self._queue.name
        before = message.headers.get(_DELIVERY_COUNT, int(message.redelivered or 0))
        deliveries = 1 + int(before if isinstance(before, int) else 0)
        return Delivery(ReceivedMessage(self._source, message.body, headers, place, deliveries), message)


class _RabbitTarget:
    """Publishes to an exchange; without one, to the queue that has the name of the routing key."""

    def __init__(self, name: str, section: EventTargetSection, timing: BrokerTiming) -> None:
        self.name = name
        self._address = read_address(name, section)
        self._exchange = section.exchange
        self._queue = section.queue
        self._routing_key = section.routing_key or section.queue or DEFAULT_EVENT_CHANNEL
        self._timing = timing
        self._translating = partial(translate_failures, "publish to", self._address, _list_failures)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[PublishMessage]:
        """Connect, and create exchange and queue where they are named and missing."""
        from aio_pika import Channel

        async with AsyncExitStack() as stack:
            with self._translating():
                connection = await stack.enter_async_context(_connect(self._address, self._timing))
                if self._queue:
                    await _ensure_queue(connection, self._queue, self._exchange, self._routing_key)
                elif self._exchange:
                    await _ensure_exchange(connection, self._exchange)
                channel = Channel(connection, publisher_confirms=True, on_return_raises=True)
                await channel.initialize(self._timing.answer)
                exchange = await channel.get_exchange(self._exchange) if self._exchange else channel.default_exchange
            yield partial(self._publish, exchange)

    async def _publish(self, exchange: Any, message: PublishedMessage) -> None:
        """Return once the server has confirmed that a queue has the message."""
        from aio_pika import DeliveryMode, Message

        sent = Message(
            message.body,
            headers=dict(message.headers),
            content_type=message.content_type,
            delivery_mode=DeliveryMode.PERSISTENT,
            message_id=message.id,
            type=message.type,
        )
        with self._translating():
            async with asyncio.timeout(self._timing.answer):
                await exchange.publish(sent, self._routing_key, mandatory=True)


@cache
def _list_failures() -> Sequence[BrokerFailure]:
    from aiormq import exceptions as amqp

    return (
        BrokerFailure(
            (amqp.AuthenticationError, amqp.ProbableAuthenticationError, amqp.ChannelAccessRefused),
            WRONG_LOGIN,
            LOGIN_HINT,
            is_final=True,
        ),
        BrokerFailure(  # the library only sees that the connection is closed instead of opened
            (amqp.ConnectionNotAllowed, amqp.InvalidFrameError),
            "it has no such virtual host, or not for this user",
            "Check the path of the url.",
            "NOT_ALLOWED|OpenOk",
            is_final=True,
        ),
        BrokerFailure(
            (amqp.ChannelPreconditionFailed,),
            "the queue or exchange exists with other properties",
            "Choose another name, or remove it there.",
            is_final=True,
        ),
        BrokerFailure((amqp.ChannelNotFoundEntity,), "the queue or exchange is gone", "It is created again."),
        BrokerFailure((amqp.PublishError,), "no queue takes its messages", "Bind a queue there, or set queue."),
        BrokerFailure((amqp.DeliveryError,), "the queue refuses the message", "It may be full."),
        BrokerFailure(
            (amqp.AMQPError, amqp.ChannelInvalidStateError, RuntimeError),
            "the server does not answer",
            "Check that it runs and can be reached.",
        ),
    )
