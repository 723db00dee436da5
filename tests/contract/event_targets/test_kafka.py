"""Kafka as a target of events, with its real server."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator

import pytest

from semantest_iac.application.ports.event_transports import TransportError
from tests.broker_clients import KafkaClient
from tests.brokers import BrokerServer
from tests.contract.event_sources.broker_hooks import BrokerHooks
from tests.contract.event_targets.broker_target_contract import BrokerTargetContract, message


@pytest.fixture
async def transport(kafka_server: BrokerServer) -> AsyncIterator[BrokerHooks]:
    client = KafkaClient(kafka_server)
    await client.create()
    yield BrokerHooks(client)
    gc.collect()


# aiokafka leaves connections on which a frozen server never answered to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
class TestKafkaTarget(BrokerTargetContract):
    async def test_refuses_a_message_that_is_too_large(self, transport: BrokerHooks) -> None:
        async with transport.open_target().connect() as publish:
            with pytest.raises(TransportError, match=r"the message is larger than it takes\.") as caught:
                await publish(message(1, bytes(9 * 1024 * 1024)))

        assert not caught.value.retryable
