"""Kafka as a source of events, with its real server."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator

import pytest

from tests.broker_clients import KafkaClient
from tests.brokers import BrokerServer
from tests.contract.event_sources.broker_hooks import BrokerHooks
from tests.contract.event_sources.broker_source_contract import BrokerSourceContract
from tests.contract.event_sources.event_source_contract import Taker, numbered, plain, receiving


@pytest.fixture
async def transport(kafka_server: BrokerServer) -> AsyncIterator[BrokerHooks]:
    client = KafkaClient(kafka_server)
    await client.create()
    yield BrokerHooks(client, acknowledges_each=False, attribute_prefix="ce_")
    gc.collect()


# aiokafka leaves connections on which a frozen server never answered to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
class TestKafkaSource(BrokerSourceContract):
    async def test_takes_its_address_as_kafka_s_own_programs_do(self, transport: BrokerHooks) -> None:
        taker, bodies = Taker(), numbered(1, 3)
        url = f"127.0.0.1:{transport.client.server.port}"

        async with receiving(transport.open_source(url=url), taker):
            await transport.send(plain(bodies))
            await taker.wait_for(*bodies)

        assert taker.bodies == bodies
