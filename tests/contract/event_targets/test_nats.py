"""NATS JetStream as a target of events, with its real server."""

from __future__ import annotations

import pytest

from semantest_iac.application.ports.event_transports import TransportError
from tests.broker_clients import NatsClient
from tests.brokers import BrokerServer
from tests.contract.event_sources.broker_hooks import BrokerHooks
from tests.contract.event_targets.broker_target_contract import BrokerTargetContract, message


@pytest.fixture
async def transport(nats_server: BrokerServer) -> BrokerHooks:
    client = NatsClient(nats_server)
    await client.create()
    return BrokerHooks(client)


class TestNatsTarget(BrokerTargetContract):
    async def test_stores_a_message_once(self, transport: BrokerHooks) -> None:
        async with transport.open_target().connect() as publish:
            for _ in range(3):
                await publish(message(1, b"once"))
            await publish(message(2, b"last"))

        assert [body for body, _ in await transport.client.read(2)] == [b"once", b"last"]

    async def test_finds_the_stream_of_its_subject(self, transport: BrokerHooks) -> None:
        async with transport.open_target(stream=None).connect() as publish:
            await publish(message(1, b"found"))

        assert [body for body, _ in await transport.client.read(1)] == [b"found"]

    async def test_refuses_a_subject_that_no_stream_keeps(self, transport: BrokerHooks) -> None:
        with pytest.raises(TransportError, match=r"no stream of the server keeps 'nobody\.knows'\.") as caught:
            async with transport.open_target(stream=None, subject="nobody.knows").connect():
                pass

        assert caught.value.hint == "Create one there, or set stream: then it is created."

    async def test_refuses_a_message_that_is_too_large(self, transport: BrokerHooks) -> None:
        async with transport.open_target().connect() as publish:
            with pytest.raises(TransportError, match=r"the message is larger than it takes\.") as caught:
                await publish(message(1, bytes(9 * 1024 * 1024)))

        assert not caught.value.retryable
