"""Redis Streams as a source of events, with the real server."""

from __future__ import annotations

import asyncio
import json

import pytest

from semantest_iac.application.ports.event_transports import ReceivedMessage, TransportError
from tests.broker_clients import RedisStreamClient
from tests.brokers import BrokerServer
from tests.contract.event_sources.broker_hooks import BrokerHooks
from tests.contract.event_sources.broker_source_contract import BrokerSourceContract
from tests.contract.event_sources.event_source_contract import (
    Taker,
    numbered,
    plain,
    receiving,
    wait_for_fault,
    wait_until_connected,
)


@pytest.fixture
def transport(redis_server: BrokerServer) -> BrokerHooks:
    return BrokerHooks(RedisStreamClient(redis_server))


async def _add(hooks: BrokerHooks, fields: dict[str, bytes | str]) -> None:
    assert isinstance(hooks.client, RedisStreamClient)
    async with hooks.client.connect() as client:
        await client.xadd(hooks.client.name, fields)


class TestRedisStreamSource(BrokerSourceContract):
    async def test_reads_entries_that_others_write(self, transport: BrokerHooks) -> None:
        taker = Taker()
        await _add(transport, {"event": b'{"type": "one"}'})
        await _add(transport, {"type": "Two", "payload": '{"a": 1}', "note": "{not json"})

        async with receiving(transport.open_source(), taker):
            await taker.wait_until(lambda: len(taker.taken) == 2)

        one, two = taker.bodies
        assert one == b'{"type": "one"}'
        assert json.loads(two) == {"type": "Two", "payload": {"a": 1}, "note": "{not json"}

    async def test_reads_messages_of_faststream(self, transport: BrokerHooks) -> None:
        from faststream.redis import RedisBroker
        from faststream.security import SASLPlaintext

        taker, section = Taker(), transport.client.source_section
        security = SASLPlaintext(section.username or "", section.password or "")
        async with RedisBroker(section.url or "", security=security) as broker:
            await broker.publish(b'{"data": "x"}', stream=section.stream, headers={"Ce-Id": "7"})

        async with receiving(transport.open_source(), taker):
            await taker.wait_for(b'{"data": "x"}')

        assert taker.taken[0].headers["ce-id"] == "7"

    async def test_goes_on_after_its_stream_was_removed(self, transport: BrokerHooks) -> None:
        taker, source = Taker(), transport.open_source()
        assert isinstance(transport.client, RedisStreamClient)
        async with receiving(source, taker):
            async with transport.client.connect() as client:
                await client.delete(transport.client.name)
            assert "the stream or its group is gone" in await wait_for_fault(source)
            await wait_until_connected(source)
            await transport.send(plain([b"after"]))
            await taker.wait_for(b"after")

    async def test_refuses_another_type_of_value(self, transport: BrokerHooks) -> None:
        assert isinstance(transport.client, RedisStreamClient)
        async with transport.client.connect() as client:
            await client.set(transport.client.name, "text")

        with pytest.raises(TransportError, match="something else than a stream"):
            await transport.open_source().receive(Taker(), asyncio.Event())

    async def test_keeps_a_slow_message(self, transport: BrokerHooks) -> None:
        hooks, taker = transport.with_timing(lease=0.6), Taker()

        async def take_slowly(message: ReceivedMessage) -> None:
            await asyncio.sleep(2.0)
            await taker(message)

        async with receiving(hooks.open_source(), take_slowly), receiving(hooks.open_source(), taker):
            await hooks.send(plain(numbered(1, 2)))
            await taker.wait_for(*numbered(1, 2))

        assert [message.deliveries for message in taker.taken] == [1, 1]

    async def test_leaves_no_consumer_behind(self, transport: BrokerHooks) -> None:
        taker = Taker()
        async with receiving(transport.open_source(), taker):
            await transport.send(plain([b"1"]))
            await taker.wait_for(b"1")

        assert isinstance(transport.client, RedisStreamClient)
        async with transport.client.connect() as client:
            (group,) = await client.xinfo_groups(transport.client.name)
        assert (group["consumers"], group["pending"]) == (0, 0)
