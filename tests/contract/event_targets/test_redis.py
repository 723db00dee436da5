"""Streams and channels of Redis as targets of events, with the real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from semantest_iac.application.ports.event_transports import TransportError
from tests.broker_clients import RedisChannelClient, RedisStreamClient
from tests.brokers import BrokerServer
from tests.contract.event_sources.broker_hooks import BrokerHooks
from tests.contract.event_targets.broker_target_contract import BrokerTargetContract, message


class TestRedisStreamTarget(BrokerTargetContract):
    @pytest.fixture
    def transport(self, redis_server: BrokerServer) -> BrokerHooks:
        return BrokerHooks(RedisStreamClient(redis_server))

    async def test_refuses_another_type_of_value(self, transport: BrokerHooks) -> None:
        assert isinstance(transport.client, RedisStreamClient)
        async with transport.client.connect() as client:
            await client.set(transport.client.name, "text")

        async with transport.open_target().connect() as publish:
            with pytest.raises(TransportError, match="something else than a stream") as caught:
                await publish(message(1))

        assert not caught.value.retryable


class TestRedisChannelTarget(BrokerTargetContract):
    @pytest.fixture
    async def transport(self, redis_server: BrokerServer) -> AsyncIterator[BrokerHooks]:
        client = RedisChannelClient(redis_server)
        await client.create()
        yield BrokerHooks(client, keeps=False, carries_headers=False)
        await client.close()
