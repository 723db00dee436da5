"""RabbitMQ as a target of events, with its real server."""

from __future__ import annotations

import pytest

from semantest_iac.application.ports.event_transports import UnreachableTransportError
from tests.broker_clients import RabbitClient
from tests.brokers import BrokerServer
from tests.contract.event_sources.broker_hooks import BrokerHooks
from tests.contract.event_targets.broker_target_contract import BrokerTargetContract, message


@pytest.fixture
async def transport(rabbitmq_server: BrokerServer) -> BrokerHooks:
    client = RabbitClient(rabbitmq_server)
    await client.create()
    return BrokerHooks(client)


class TestRabbitTarget(BrokerTargetContract):
    async def test_creates_its_queue_and_exchange(self, rabbitmq_server: BrokerServer) -> None:
        client = RabbitClient(rabbitmq_server)

        async with BrokerHooks(client).open_target(exchange=f"{client.name}-events").connect() as publish:
            await publish(message(1, b"1"))

        assert [body for body, _ in await client.read(1)] == [b"1"]

    async def test_says_that_no_queue_takes_its_messages(self, transport: BrokerHooks) -> None:
        changes = {"exchange": f"{transport.client.name}-events", "queue": None, "routing_key": "nobody"}

        async with transport.open_target(**changes).connect() as publish:
            for _ in range(2):
                with pytest.raises(UnreachableTransportError, match=r"no queue takes its messages\.$"):
                    await publish(message(1))
