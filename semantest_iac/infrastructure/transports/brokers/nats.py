"""Receives from a stream of NATS JetStream through a durable consumer, and publishes to streams."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import cache, partial
from typing import Any

from semantest_iac.application.ports.event_transports import (
    EventSource,
    EventTarget,
    PublishedMessage,
    PublishMessage,
    ReceivedMessage,
    TransportError,
    TransportPositions,
)
from semantest_iac.domain.environments.event_sections import EventSourceSection, EventTargetSection
from semantest_iac.infrastructure.transports.brokers.broker_source import BrokerSource, Delivery
from semantest_iac.infrastructure.transports.brokers.connections import (
    CONTENT_TYPE,
    DEFAULT_EVENT_CHANNEL,
    DEFAULT_GROUP,
    DEFAULT_TIMING,
    LOGIN_HINT,
    PREFETCHED_MESSAGES,
    WRONG_LOGIN,
    BrokerAddress,
    BrokerFailure,
    BrokerTiming,
    closing_within,
    ignoring_failures,
    read_address,
    require_library,
    translate_failures,
)

_MESSAGE_ID = "Nats-Msg-Id"  # JetStream stores a message only once within two minutes, unless the stream says otherwise
_MOST_PUT_OFF = 1000
"""Messages that may be put off at once, by all workers of a group; then the server waits with further ones."""


def open_source(
    name: str, section: EventSourceSection, positions: TransportPositions, timing: BrokerTiming = DEFAULT_TIMING
) -> EventSource:
    """Return the source of a section; the server keeps its position, under the name of the group."""
    require_library(name, "nats", "nats")
    return BrokerSource(name, partial(_open_session, read_address(name, section), section, timing), timing)


def open_target(name: str, section: EventTargetSection, timing: BrokerTiming = DEFAULT_TIMING) -> EventTarget:
    """Return the target of a section."""
    require_library(name, "nats", "nats")
    return _NatsTarget(name, section, timing)


@asynccontextmanager
async def _connect(address: BrokerAddress, timing: BrokerTiming) -> AsyncIterator[tuple[Any, Any]]:
    """Yield FastStream's broker and its client for the block; what is lost stays lost, the caller connects again."""
    from faststream.nats import NatsSecurity, NatsToken, NatsUserPassword

    tls = address.create_tls_context()
    security: NatsSecurity = NatsSecurity(ssl_context=tls)
    if address.token:
        security = NatsToken(address.token, ssl_context=tls)
    elif address.username:
        security = NatsUserPassword(address.username, address.password or "", ssl_context=tls)
    broker = _define_broker()(
        address.url.split(","),
        name="semantest-iac",
        allow_reconnect=False,
        max_reconnect_attempts=1,  # of the first connection, which would be tried for minutes otherwise
        reconnect_time_wait=0,
        connect_timeout=max(1, round(timing.answer)),
        security=security,
        logger=None,
        id_generator=str,  # no correlation id is made up
    )
    async with closing_within(timing.answer, broker.stop):
        yield broker, await broker.connect()


@cache
def _define_broker() -> Any:
    """Return the class of FastStream's broker that also closes what could not be connected."""
    from faststream.nats import NatsBroker
    from nats.aio.client import Client

    class Broker(NatsBroker):
        async def _connect(self) -> Client:
            self._client = Client()
            await self._client.connect(**self._connection_kwargs)
            self.config.connect(self._client)
            return self._client

        async def stop(self, *error: Any) -> None:
            self._connection = None
            await self._client.close()  # draining would wait for what was fetched and is given back
            self.config.disconnect()

    return Broker


async def _ensure_stream(jetstream: Any, address: BrokerAddress, stream: str, subject: str | None) -> None:
    """Create the stream where the server has none of the name; nothing of an existing one is changed."""
    from nats.js.errors import NotFoundError

    try:
        await jetstream.stream_info(stream)
    except NotFoundError as error:
        if subject is None:
            message = f"Cannot use '{address.name}' ({address.url}): the server has no stream '{stream}'."
            raise TransportError(message, hint="Create it there, or set subject: then it is created.") from error
        await jetstream.add_stream(name=stream, subjects=[subject])


@asynccontextmanager
async def _open_session(
    address: BrokerAddress, section: EventSourceSection, timing: BrokerTiming
) -> AsyncIterator[_NatsSession]:
    stream, group = section.stream or "", section.group or DEFAULT_GROUP
    async with AsyncExitStack() as stack:
        with translate_failures("receive from", address, _list_failures):
            _, client = await stack.enter_async_context(_connect(address, timing))
            jetstream = client.jetstream(timeout=timing.answer)
            await _ensure_stream(jetstream, address, stream, section.subject)
            await _ensure_consumer(jetstream, stream, group, section.subject, timing)
            subscription = await jetstream.pull_subscribe_bind(durable=group, stream=stream)
        session = _NatsSession(address, client, subscription, timing)
        try:
            yield session
        finally:
            await session.give_back()


async def _ensure_consumer(jetstream: Any, stream: str, group: str, subject: str | None, timing: BrokerTiming) -> None:
    """Create the durable consumer, or change its subject; one that fits is used as it is."""
    from nats.js.api import AckPolicy, ConsumerConfig
    from nats.js.errors import NotFoundError

    with suppress(NotFoundError):
        found = (await jetstream.consumer_info(stream, group)).config
        if found.ack_policy == AckPolicy.EXPLICIT and (found.filter_subject or None) == subject:
            return
    await jetstream.add_consumer(
        stream,
        ConsumerConfig(
            durable_name=group,
            filter_subject=subject,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=timing.lease,
            max_ack_pending=_MOST_PUT_OFF,
        ),
    )


class _NatsSession:
    """A pull subscription; the server delivers again what is not acknowledged in time."""

    def __init__(self, address: BrokerAddress, client: Any, subscription: Any, timing: BrokerTiming) -> None:
        self._address = address
        self._client = client
        self._subscription = subscription
        self._timing = timing
        self._waiting: deque[Any] = deque()
        self._taking: Any = None
        self._translating = partial(translate_failures, "receive from", address, _list_failures)

    async def receive_next(self) -> Delivery | None:
        """Return the next message of those that were fetched together."""
        if not self._waiting:
            with self._translating(), suppress(TimeoutError):  # nothing there
                self._waiting.extend(await self._subscription.fetch(PREFETCHED_MESSAGES, timeout=self._timing.fetch))
        if not self._waiting:
            return None
        self._taking = self._waiting.popleft()
        return self._read(self._taking)

    async def acknowledge(self, delivery: Delivery) -> None:
        """Send the acknowledgement; where it is lost, the message is delivered again."""
        with self._translating():
            await delivery.handle.ack()
        self._taking = None

    async def put_off(self, delivery: Delivery, pause_s: float) -> None:
        """Have the server wait."""
        with self._translating():
            await delivery.handle.nak(delay=pause_s)
        self._taking = None

    async def extend_leases(self) -> None:
        """Start the time of each message anew."""
        with self._translating():
            for message in (*([self._taking] if self._taking else ()), *self._waiting):
                await message.in_progress()

    async def check(self) -> None:
        """Wait for the answer to a ping."""
        with self._translating():
            await self._client.flush(timeout=max(1, round(self._timing.answer)))

    async def give_back(self) -> None:
        """Have what was fetched delivered to another worker."""
        with ignoring_failures():  # the server does so itself, too
            for message in self._waiting:
                await message.nak()
            await self._client.flush(timeout=1)

    def _read(self, message: Any) -> Delivery:
        metadata = message.metadata
        headers = {name.lower(): value for name, value in (message.headers or {}).items()}
        place = f"{metadata.stream}:{metadata.sequence.stream}"
        received = ReceivedMessage(self._address.name, message.data, headers, place, metadata.num_delivered)
        return Delivery(received, message)


class _NatsTarget:
    """Publishes to the stream that keeps the subject."""

    def __init__(self, name: str, section: EventTargetSection, timing: BrokerTiming) -> None:
        self.name = name
        self._address = read_address(name, section)
        self._subject = section.subject or DEFAULT_EVENT_CHANNEL
        self._stream = section.stream
        self._timing = timing
        self._translating = partial(translate_failures, "publish to", self._address, _list_failures)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[PublishMessage]:
        """Connect, and create the stream if it is named and missing."""
        async with AsyncExitStack() as stack:
            with self._translating():
                broker, client = await stack.enter_async_context(_connect(self._address, self._timing))
                jetstream = client.jetstream(timeout=self._timing.answer)
                if self._stream:
                    await _ensure_stream(jetstream, self._address, self._stream, self._subject)
                stream = self._stream or await self._find_stream(jetstream)
            yield partial(self._publish, broker, stream)

    async def _find_stream(self, jetstream: Any) -> str:
        from nats.js.errors import NotFoundError

        try:
            return str(await jetstream.find_stream_name_by_subject(self._subject))
        except NotFoundError as error:
            cause = f"no stream of the server keeps '{self._subject}'"
            message = f"Cannot publish to '{self.name}' ({self._address.url}): {cause}."
            raise TransportError(message, hint="Create one there, or set stream: then it is created.") from error

    async def _publish(self, broker: Any, stream: str, message: PublishedMessage) -> None:
        """Return once JetStream has stored the message."""
        headers = {**message.headers, CONTENT_TYPE: message.content_type, _MESSAGE_ID: message.id}
        with self._translating():
            await broker.publish(message.body, self._subject, headers, stream=stream, timeout=self._timing.answer)


@cache
def _list_failures() -> Sequence[BrokerFailure]:
    from nats import errors
    from nats.js.errors import APIError, NoStreamResponseError, ServiceUnavailableError

    no_jetstream = "it has no JetStream, or none that answers"
    return (
        BrokerFailure((errors.AuthorizationError,), WRONG_LOGIN, LOGIN_HINT, is_final=True),
        BrokerFailure((errors.Error,), WRONG_LOGIN, LOGIN_HINT, "authorization|permissions violation", is_final=True),
        BrokerFailure(
            (errors.MaxPayloadError,), "the message is larger than it takes", "Raise max_payload there.", is_final=True
        ),
        BrokerFailure((ServiceUnavailableError, NoStreamResponseError), no_jetstream, "Check jetstream there."),
        BrokerFailure(
            (APIError,), "it is short of memory or disk", "Free some there.", "insufficient|resource|storage"
        ),
        BrokerFailure((APIError,), "the consumer or stream is gone", "It is looked for again.", "deleted|leadership"),
        BrokerFailure(
            (APIError,), "it refuses stream, subject or group", "Check them, and what exists there.", is_final=True
        ),
        BrokerFailure((errors.Error,), "the server does not answer", "Check that it runs and can be reached."),
    )
