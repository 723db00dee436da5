"""Connects to Redis, for its streams and its channels, and says what its errors mean."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache, partial
from typing import Any

from semantest_iac.application.ports.event_transports import PublishedMessage, PublishMessage
from semantest_iac.domain.environments.event_sections import EventTargetSection
from semantest_iac.infrastructure.transports.brokers.connections import (
    LOGIN_HINT,
    WRONG_LOGIN,
    BrokerAddress,
    BrokerFailure,
    BrokerTiming,
    closing_within,
    read_address,
    translate_failures,
)


@asynccontextmanager
async def connect_redis(address: BrokerAddress, timing: BrokerTiming) -> AsyncIterator[Any]:
    """Yield the client of FastStream's broker for the block; a command that fails is not repeated, the caller is."""
    from faststream.redis import RedisBroker
    from faststream.security import SASLPlaintext
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    options: dict[str, Any] = {"retry": Retry(NoBackoff(), 0), "logger": None}
    if address.username or address.password:
        options["security"] = SASLPlaintext(address.username or "default", address.password or "")
    broker = RedisBroker(
        address.url,
        socket_connect_timeout=timing.answer,
        socket_timeout=timing.answer + timing.fetch,  # a read waits for messages first
        client_name="semantest-iac",
        **options,
    )
    async with closing_within(timing.answer, broker.stop):
        client: Any = await broker.connect()
        await client.ping()
        yield client


SendToRedis = Callable[[Any, PublishedMessage], Awaitable[Any]]
"""Sends a message with the client of an open connection."""


class RedisTarget:
    """Publishes to Redis, each message with the command that `send` uses."""

    def __init__(self, name: str, section: EventTargetSection, timing: BrokerTiming, send: SendToRedis) -> None:
        self.name = name
        self._address = read_address(name, section)
        self._timing = timing
        self._send = send
        self._translating = partial(translate_failures, "publish to", self._address, list_redis_failures)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[PublishMessage]:
        """Connect for the block."""
        async with AsyncExitStack() as stack:
            with self._translating():
                client = await stack.enter_async_context(connect_redis(self._address, self._timing))
            yield partial(self._publish, client)

    async def _publish(self, client: Any, message: PublishedMessage) -> None:
        with self._translating():
            await self._send(client, message)


@cache
def list_redis_failures() -> Sequence[BrokerFailure]:
    """Return what the errors of Redis mean."""
    from redis import exceptions as redis

    return (
        BrokerFailure((redis.BusyLoadingError,), "the server is still loading its data", "It is tried again."),
        BrokerFailure(
            (redis.AuthenticationError, redis.AuthorizationError, redis.NoPermissionError),
            WRONG_LOGIN,
            LOGIN_HINT,
            is_final=True,
        ),
        BrokerFailure((redis.ReadOnlyError,), "the server is a read-only replica", "Use the primary server."),
        BrokerFailure((redis.OutOfMemoryError,), "its memory is full", "Raise maxmemory there, or remove data."),
        BrokerFailure(
            (redis.ResponseError,), "its disk cannot be written", "Free some space there, or mend its disk.", "MISCONF"
        ),
        BrokerFailure(
            (redis.ResponseError,),
            "the stream or its group is gone",
            "The group is created again.",
            "NOGROUP|UNBLOCKED",
        ),
        BrokerFailure(
            (redis.ResponseError,),
            "there is something else than a stream under that name",
            "Choose another name, or remove what is there.",
            "WRONGTYPE",
            is_final=True,
        ),
        BrokerFailure((redis.ResponseError,), "it refuses the command", "Redis 7 or newer is needed.", is_final=True),
        BrokerFailure(
            (redis.ConnectionError, redis.TimeoutError),
            "the server does not answer",
            "Check that it runs and can be reached.",
        ),
    )
