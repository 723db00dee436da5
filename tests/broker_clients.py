"""What tests do to brokers besides the transports under test: the plain clients of each send and read messages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote
from uuid import uuid4

from semantest_iac.domain.environments.event_sections import EventSourceSection, EventTargetSection
from tests.brokers import PASSWORD, USERNAME, BrokerServer, KafkaServer, NatsServer, RabbitServer, RedisServer

Sent = tuple[bytes, Mapping[str, str]]
"""Body and headers."""


@dataclass
class BrokerClient:
    """One stream, queue or topic of a server, which nobody else uses."""

    server: BrokerServer
    name: str = field(default_factory=lambda: f"T{uuid4().hex[:12]}")
    kind: ClassVar[type[BrokerServer]]
    opener: ClassVar[str]
    """The module of the transport."""

    @property
    def source_section(self) -> EventSourceSection:
        """The section of a source that receives what is sent."""
        return EventSourceSection(**self._login(), **self._place())

    @property
    def target_section(self) -> EventTargetSection:
        """The section of a target whose messages are read."""
        return EventTargetSection(**self._login(), **self._place())

    async def create(self) -> None:
        """Create what messages are sent to."""

    async def close(self) -> None:
        """Give up what `create` opened."""

    async def send(self, messages: Sequence[Sent]) -> None:
        """Send messages, each once the one before is stored."""
        async with self.sending() as send:
            for body, headers in messages:
                await send(body, headers)

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[Any]:
        """Yield what sends one message over an open connection."""
        raise NotImplementedError
        yield

    async def read(self, count: int) -> list[Sent]:
        """Return the next messages, with lower-case names of headers."""
        raise NotImplementedError

    async def count_waiting(self) -> int:
        """Return how many messages the source's group has not acknowledged yet."""
        raise NotImplementedError

    def _login(self) -> dict[str, Any]:
        return {"url": self.server.url, "username": USERNAME, "password": PASSWORD}

    def _place(self) -> dict[str, Any]:
        raise NotImplementedError


class NatsClient(BrokerClient):
    """nats-py."""

    kind = NatsServer
    opener = "nats"

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        """Yield a client."""
        import nats

        client = await nats.connect(self.server.url, user=USERNAME, password=PASSWORD)
        try:
            yield client
        finally:
            await client.close()

    async def create(self) -> None:
        async with self.connect() as client:
            await client.jetstream().add_stream(name=self.name, subjects=[f"{self.name}.>"])

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[Any]:
        async with self.connect() as client:
            jetstream = client.jetstream()

            async def send(body: bytes, headers: Mapping[str, str]) -> None:
                await jetstream.publish(f"{self.name}.events", body, headers=dict(headers) or None)

            yield send

    async def read(self, count: int) -> list[Sent]:
        async with self.connect() as client:
            subscription = await client.jetstream().pull_subscribe("", durable="reader", stream=self.name)
            found: list[Any] = []
            while len(found) < count:
                for message in await subscription.fetch(count - len(found), timeout=30):
                    await message.ack()
                    found.append(message)
        return [(each.data, {key.lower(): value for key, value in (each.headers or {}).items()}) for each in found]

    async def count_waiting(self) -> int:
        async with self.connect() as client:
            found = await client.jetstream().consumer_info(self.name, "semantest-iac")
        return int(found.num_pending or 0) + int(found.num_ack_pending or 0)

    def _place(self) -> dict[str, Any]:
        return {"type": "nats", "stream": self.name, "subject": f"{self.name}.events"}


class RabbitClient(BrokerClient):
    """aio-pika."""

    kind = RabbitServer
    opener = "rabbitmq"

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        """Yield a connection."""
        import aio_pika

        url = self.server.url.replace("//", f"//{quote(USERNAME, '')}:{quote(PASSWORD, '')}@")
        async with await aio_pika.connect(url) as connection:
            yield connection

    async def create(self) -> None:
        async with self.connect() as connection, connection.channel() as channel:
            await channel.declare_queue(self.name, durable=True, arguments={"x-queue-type": "quorum"})
        async with asyncio.timeout(30):
            # Half a second later: a server that is killed before finds no leader for it.
            while not self._is_on_disk():  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    def _is_on_disk(self) -> bool:
        files = self.server.folder.glob("mnesia/*/quorum/*/names.dets")
        return any(self.name.encode() in file.read_bytes() for file in files)

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[Any]:
        from aio_pika import DeliveryMode, Message

        async with self.connect() as connection, connection.channel() as channel:

            async def send(body: bytes, headers: Mapping[str, str]) -> None:
                rest: dict[str, Any] = {name: value for name, value in headers.items() if name != "content-type"}
                kind, mode = headers.get("content-type"), DeliveryMode.PERSISTENT
                message = Message(body, headers=rest, content_type=kind, delivery_mode=mode)
                await channel.default_exchange.publish(message, self.name)

            yield send

    async def read(self, count: int) -> list[Sent]:
        found: list[Sent] = []
        async with self.connect() as connection, connection.channel() as channel:
            queue = await channel.get_queue(self.name)
            async with queue.iterator() as messages:
                async for each in messages:
                    headers = {name.lower(): str(value) for name, value in each.headers.items()}
                    found.append((each.body, {**headers, "content-type": each.content_type}))
                    await each.ack()
                    if len(found) == count:
                        break
        return found

    async def count_waiting(self) -> int:
        """Those that a consumer has count as taken for the server, so ask once nobody consumes."""
        async with self.connect() as connection, connection.channel() as channel:
            return int((await channel.get_queue(self.name)).declaration_result.message_count or 0)

    def _place(self) -> dict[str, Any]:
        return {"type": "rabbitmq", "queue": self.name}


class _RedisClient(BrokerClient):
    """redis-py."""

    kind = RedisServer

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        """Yield a client."""
        from redis.asyncio import Redis

        async with Redis.from_url(self.server.url, username=USERNAME, password=PASSWORD, protocol=2) as client:
            yield client


class RedisStreamClient(_RedisClient):
    """A stream, with our form of entries."""

    opener = "redis_streams"

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[Any]:
        async with self.connect() as client:

            async def send(body: bytes, headers: Mapping[str, str]) -> None:
                await client.xadd(self.name, {**headers, "body": body})

            yield send

    async def read(self, count: int) -> list[Sent]:
        async with self.connect() as client:
            entries = await client.xrange(self.name, count=count)
        assert len(entries) == count
        found = [{name.decode(): value for name, value in fields.items()} for _, fields in entries]
        return [(each.pop("body"), {name: value.decode() for name, value in each.items()}) for each in found]

    async def count_waiting(self) -> int:
        async with self.connect() as client:
            (group,) = await client.xinfo_groups(self.name)
        return int(group["pending"]) + int(group["lag"] or 0)

    def _place(self) -> dict[str, Any]:
        return {"type": "redis-stream", "stream": self.name}


class RedisChannelClient(_RedisClient):
    """A channel, on which somebody listens from `create` on."""

    opener = "redis_channels"

    async def create(self) -> None:
        self._stack = AsyncExitStack()
        client = await self._stack.enter_async_context(self.connect())
        self._subscription = await self._stack.enter_async_context(client.pubsub())
        await self._subscription.subscribe(self.name)
        await self._subscription.get_message(timeout=30)

    async def close(self) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[Any]:
        async with self.connect() as client:

            async def send(body: bytes, headers: Mapping[str, str]) -> None:
                await client.publish(self.name, body)

            yield send

    async def read(self, count: int) -> list[Sent]:
        return [((await self._subscription.get_message(True, timeout=30))["data"], {}) for _ in range(count)]

    def _place(self) -> dict[str, Any]:
        return {"type": "redis-channel", "channel": self.name}


class KafkaClient(BrokerClient):
    """aiokafka; the topic has one partition."""

    kind = KafkaServer
    opener = "kafka"

    def _options(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.server.url.partition("://")[2],
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": USERNAME,
            "sasl_plain_password": PASSWORD,
        }

    async def create(self) -> None:
        from aiokafka.admin import AIOKafkaAdminClient, NewTopic

        admin = AIOKafkaAdminClient(**self._options())
        try:
            await admin.start()
            await admin.create_topics([NewTopic(self.name, 1, 1)])
        finally:
            await admin.close()

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[Any]:
        from aiokafka import AIOKafkaProducer

        async with AIOKafkaProducer(acks="all", max_request_size=1 << 24, **self._options()) as producer:

            async def send(body: bytes, headers: Mapping[str, str]) -> None:
                named = [
                    (re.sub("^(ce)-", r"\1_", name, flags=re.I), value.encode()) for name, value in headers.items()
                ]
                await producer.send_and_wait(self.name, body, headers=named)

            yield send

    async def read(self, count: int) -> list[Sent]:
        from aiokafka import AIOKafkaConsumer

        found: list[Sent] = []
        async with AIOKafkaConsumer(self.name, auto_offset_reset="earliest", **self._options()) as consumer:
            while len(found) < count:
                record = await consumer.getone()
                headers = {name.replace("ce_", "ce-"): value.decode() for name, value in record.headers}
                found.append((record.value or b"", headers))
        return found

    async def count_waiting(self) -> int:
        from aiokafka import AIOKafkaConsumer, TopicPartition

        partition = TopicPartition(self.name, 0)
        async with AIOKafkaConsumer(group_id="semantest-iac", enable_auto_commit=False, **self._options()) as consumer:
            consumer.assign([partition])
            committed = await consumer.committed(partition) or 0
            return int((await consumer.end_offsets([partition]))[partition]) - committed

    def _place(self) -> dict[str, Any]:
        return {"type": "kafka", "topic": self.name}


BROKER_CLIENTS: Sequence[type[BrokerClient]] = (NatsClient, RabbitClient, RedisStreamClient, KafkaClient)
"""Those whose messages outlive their worker and their server."""
