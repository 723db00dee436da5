"""Channels of Redis as a source of events, with the real server: at most once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.broker_clients import RedisChannelClient
from tests.brokers import BrokerServer
from tests.contract.event_sources.broker_hooks import BrokerHooks
from tests.contract.event_sources.broker_source_contract import BrokerSourceContract
from tests.contract.event_sources.event_source_contract import Taker, receiving


@pytest.fixture
async def transport(redis_server: BrokerServer) -> AsyncIterator[BrokerHooks]:
    yield BrokerHooks(RedisChannelClient(redis_server), keeps=False, carries_headers=False, numbers_messages=False)


class TestRedisChannelSource(BrokerSourceContract):
    async def test_receives_from_all_channels_of_a_pattern(self, transport: BrokerHooks) -> None:
        taker, name = Taker(), transport.client.name
        assert isinstance(transport.client, RedisChannelClient)

        async with receiving(transport.open_source(channel=f"{name}:*"), taker), transport.client.connect() as client:
            for channel in ("ServiceDeploymentNeeded", "Other"):
                await client.publish(f"{name}:{channel}", channel)
            await taker.wait_for(b"ServiceDeploymentNeeded", b"Other")

        assert [message.place for message in taker.taken] == [f"{name}:ServiceDeploymentNeeded", f"{name}:Other"]

    async def test_keeps_what_could_not_be_taken_over_a_lost_connection(self, transport: BrokerHooks) -> None:
        is_ready = asyncio.Event()
        taker = Taker(lambda _: not is_ready.is_set())
        server = transport.client.server

        async with receiving(transport.open_source(), taker):
            await transport.send([(b"1", {})])
            await taker.wait_until(lambda: taker.refused != [])
            server.kill()
            await asyncio.to_thread(server.start)
            is_ready.set()
            await taker.wait_for(b"1")
