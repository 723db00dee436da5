"""Receives from a topic of Kafka as a member of a consumer group, and publishes to topics."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import cache, partial
from time import monotonic
from typing import Any, Final

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
    silence_loggers,
    translate_failures,
    write_header,
)

_MOST_PUT_OFF: Final = 1000
_LONGEST_TAKE_MS: Final = 15 * 60 * 1000
_COMMIT_EVERY_S: Final = 0.1
_LARGEST_REQUEST: Final = 16 * 1024 * 1024  # the server has a limit of its own
_BINARY_PREFIX, _HTTP_PREFIX = "ce_", "ce-"  # of CloudEvents' attributes in headers, as the bindings have them


def open_source(
    name: str, section: EventSourceSection, positions: TransportPositions, timing: BrokerTiming = DEFAULT_TIMING
) -> EventSource:
    """Return the source of a section; the server keeps its position, under the name of the group."""
    _require(name)
    return BrokerSource(name, partial(_open_session, _read_address(name, section), section, timing), timing)


def open_target(name: str, section: EventTargetSection, timing: BrokerTiming = DEFAULT_TIMING) -> EventTarget:
    """Return the target of a section."""
    _require(name)
    return _KafkaTarget(name, section, timing)


def _require(name: str) -> None:
    require_library(name, "aiokafka", "kafka")
    silence_loggers("aiokafka")


def _read_address(name: str, section: EventSourceSection | EventTargetSection) -> BrokerAddress:
    url = section.url or ""
    return read_address(name, section if "://" in url else section.model_copy(update={"url": f"kafka://{url}"}))


def _choose_options(address: BrokerAddress, timing: BrokerTiming) -> dict[str, Any]:
    """Return what the clients for both directions need."""
    tls = address.create_tls_context()
    options: dict[str, Any] = {
        "bootstrap_servers": address.url.partition("://")[2].rstrip("/").split(","),
        "client_id": "semantest-iac",
        "request_timeout_ms": round(timing.answer * 1000),
        "ssl_context": tls,
        "security_protocol": f"{'SASL_' if address.username else ''}{'SSL' if tls else 'PLAINTEXT'}",
    }
    if address.username:
        options |= {
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": address.username,
            "sasl_plain_password": address.password or "",
        }
    return options


async def _reach(address: BrokerAddress, timing: BrokerTiming) -> None:
    """Return once one of the servers has let this user in; the clients would only say that they reach none."""
    from aiokafka.conn import AIOKafkaConnection

    options = _choose_options(address, timing)
    servers = options.pop("bootstrap_servers")
    for number, server in enumerate(servers, 1):
        host, _, port = server.rpartition(":")
        connection = AIOKafkaConnection(host.strip("[]"), int(port), **options)
        try:
            async with asyncio.timeout(timing.answer):
                await connection.connect()
            return
        except Exception:
            if number == len(servers):
                raise
        finally:
            connection.close()


@asynccontextmanager
async def _open_session(
    address: BrokerAddress, section: EventSourceSection, timing: BrokerTiming
) -> AsyncIterator[_KafkaSession]:
    from aiokafka import AIOKafkaConsumer

    async with AsyncExitStack() as stack:
        with translate_failures("receive from", address, _list_failures):
            await _reach(address, timing)
            consumer = AIOKafkaConsumer(
                section.topic or "",
                group_id=section.group or DEFAULT_GROUP,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=round(timing.lease * 1000),
                heartbeat_interval_ms=round(timing.lease * 100),
                max_poll_interval_ms=_LONGEST_TAKE_MS,
                **_choose_options(address, timing),
            )
            await stack.enter_async_context(closing_within(timing.answer, consumer.stop))
            async with asyncio.timeout(2 * timing.answer):
                await consumer.start()
        session = _KafkaSession(address, consumer, timing)
        try:
            yield session
        finally:
            await session.give_back()


class _KafkaSession:
    """Reads all partitions that the group gives to this worker.

    What is put off is kept in memory while later messages flow. The position that is committed stays before it, so that
    whoever reads the partition next has it, and what was taken after it once more.
    """

    def __init__(self, address: BrokerAddress, consumer: Any, timing: BrokerTiming) -> None:
        self._address = address
        self._consumer = consumer
        self._timing = timing
        self._waiting: deque[Any] = deque()
        self._put_off: list[tuple[float, Any, int]] = []
        self._positions: dict[Any, int] = {}
        self._has_uncommitted = False
        self._committed_at = monotonic()
        self._translating = partial(translate_failures, "receive from", address, _list_failures)

    async def receive_next(self) -> Delivery | None:
        """Return a message that is due again, else the next one that was fetched."""
        now = monotonic()
        for due in self._put_off:
            if due[0] <= now:
                self._put_off.remove(due)
                return self._read(due[1], due[2] + 1)
        if not self._waiting:
            await self._fetch(now)
        return self._read(self._waiting.popleft()) if self._waiting else None

    async def acknowledge(self, delivery: Delivery) -> None:
        """Note that the message was taken; positions are committed together, after a tenth of a second."""
        record = delivery.handle
        partition = _partition_of(record)
        self._positions[partition] = max(self._positions.get(partition, 0), record.offset + 1)
        self._has_uncommitted = True
        if monotonic() - self._committed_at >= _COMMIT_EVERY_S:
            await self._commit()

    async def put_off(self, delivery: Delivery, pause_s: float) -> None:
        """Keep the message in memory."""
        self._put_off.append((monotonic() + pause_s, delivery.handle, delivery.message.deliveries))

    async def extend_leases(self) -> None:
        """Do nothing: the client tells the server by itself that this worker lives."""

    async def check(self) -> None:
        """Wait until a server has let this user in, on a connection of its own: the client hides what it lost."""
        with self._translating():
            await _reach(self._address, self._timing)

    async def give_back(self) -> None:
        """Commit, so that another worker goes on where this one ended."""
        with ignoring_failures():  # then some messages are delivered once more
            await self._commit()

    async def _fetch(self, now: float) -> None:
        if self._has_uncommitted:
            await self._commit()
        wait_s = min((at - now for at, _, _ in self._put_off), default=self._timing.fetch)
        wait_s = max(0.0, min(wait_s, self._timing.fetch))
        if len(self._put_off) >= _MOST_PUT_OFF:
            await asyncio.sleep(wait_s)
            return
        with self._translating():
            found = await self._consumer.getmany(timeout_ms=round(wait_s * 1000), max_records=PREFETCHED_MESSAGES)
        for records in found.values():
            self._waiting.extend(records)

    async def _commit(self) -> None:
        """Commit positions of the partitions that are still this worker's; others are read elsewhere from now on."""
        from aiokafka.errors import CommitFailedError, IllegalStateError

        mine = self._consumer.assignment()
        self._put_off = [each for each in self._put_off if _partition_of(each[1]) in mine]
        self._positions = {partition: at for partition, at in self._positions.items() if partition in mine}
        offsets = dict(self._positions)
        for _, record, _ in self._put_off:
            partition = _partition_of(record)
            offsets[partition] = min(offsets.get(partition, record.offset), record.offset)
        self._has_uncommitted, self._committed_at = False, monotonic()
        if offsets:
            with self._translating(), suppress(CommitFailedError, IllegalStateError):
                async with asyncio.timeout(self._timing.answer):
                    await self._consumer.commit(offsets)

    def _read(self, record: Any, deliveries: int = 1) -> Delivery:
        headers = {name.lower(): write_header(value or b"") for name, value in record.headers}
        place = f"{record.topic}:{record.partition}:{record.offset}"
        received = ReceivedMessage(self._address.name, record.value or b"", headers, place, deliveries)
        return Delivery(received, record)


def _partition_of(record: Any) -> Any:
    from aiokafka import TopicPartition

    return TopicPartition(record.topic, record.partition)


class _KafkaTarget:
    """Publishes to a topic; messages of a stack are in one partition, as its name is their key."""

    def __init__(self, name: str, section: EventTargetSection, timing: BrokerTiming) -> None:
        self.name = name
        self._address = _read_address(name, section)
        self._topic = section.topic or DEFAULT_EVENT_CHANNEL
        self._timing = timing
        self._translating = partial(translate_failures, "publish to", self._address, _list_failures)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[PublishMessage]:
        """Connect for the block."""
        from aiokafka import AIOKafkaProducer

        async with AsyncExitStack() as stack:
            with self._translating():
                await _reach(self._address, self._timing)
                producer = AIOKafkaProducer(
                    acks="all",
                    enable_idempotence=True,
                    max_request_size=_LARGEST_REQUEST,
                    **_choose_options(self._address, self._timing),
                )
                await stack.enter_async_context(closing_within(self._timing.answer, producer.stop))
                async with asyncio.timeout(2 * self._timing.answer):
                    await producer.start()
            yield partial(self._publish, producer)

    async def _publish(self, producer: Any, message: PublishedMessage) -> None:
        """Return once all replicas that are in sync have the message."""
        headers = {**message.headers, CONTENT_TYPE: message.content_type, "id": message.id}
        named = [(name.replace(_HTTP_PREFIX, _BINARY_PREFIX, 1), value.encode()) for name, value in headers.items()]
        with self._translating():
            async with asyncio.timeout(self._timing.answer):
                await producer.send_and_wait(self._topic, message.body, key=message.key.encode(), headers=named)


@cache
def _list_failures() -> Sequence[BrokerFailure]:
    from aiokafka import errors as kafka

    return (
        BrokerFailure(
            (
                kafka.AuthenticationFailedError,
                kafka.SaslAuthenticationFailed,
                kafka.TopicAuthorizationFailedError,
                kafka.GroupAuthorizationFailedError,
                kafka.ClusterAuthorizationFailedError,
            ),
            WRONG_LOGIN,
            LOGIN_HINT,
            is_final=True,
        ),
        BrokerFailure(
            (kafka.AuthenticationMethodNotSupported, kafka.UnsupportedSaslMechanismError),
            "it does not take a password as plain text",
            "Enable SASL/PLAIN there.",
            is_final=True,
        ),
        BrokerFailure(
            (kafka.MessageSizeTooLargeError, kafka.RecordListTooLargeError, kafka.RecordTooLargeError),
            "the message is larger than it takes",
            "Raise message.max.bytes there.",
            is_final=True,
        ),
        BrokerFailure(
            (kafka.InvalidTopicError, kafka.InvalidGroupIdError),
            "it refuses the name of topic or group",
            "Choose another one.",
            is_final=True,
        ),
        BrokerFailure((kafka.UnknownTopicOrPartitionError,), "it has no such topic", "Create it there."),
        BrokerFailure((kafka.KafkaError,), "the server does not answer", "Check that it runs and can be reached."),
    )
