"""NATS JetStream as a source of events, with its real server."""

from __future__ import annotations

import asyncio

import pytest

from semantest_iac.application.ports.event_transports import TransportError
from tests.broker_clients import NatsClient
from tests.brokers import BrokerServer
from tests.contract.event_sources.broker_hooks import BrokerHooks
from tests.contract.event_sources.broker_source_contract import BrokerSourceContract
from tests.contract.event_sources.event_source_contract import Taker, numbered, plain, receiving


@pytest.fixture
async def transport(nats_server: BrokerServer) -> BrokerHooks:
    client = NatsClient(nats_server)
    await client.create()
    return BrokerHooks(client)


class TestNatsSource(BrokerSourceContract):
    async def test_creates_a_stream_whose_subject_it_knows(self, nats_server: BrokerServer) -> None:
        hooks, taker, bodies = BrokerHooks(NatsClient(nats_server)), Taker(), numbered(1, 3)

        async with receiving(hooks.open_source(), taker):
            await hooks.send(plain(bodies))
            await taker.wait_for(*bodies)

        assert taker.bodies == bodies

    async def test_refuses_a_stream_that_is_missing(self, nats_server: BrokerServer) -> None:
        hooks = BrokerHooks(NatsClient(nats_server))

        with pytest.raises(TransportError, match=r"the server has no stream 'T\w+'\.") as caught:
            await hooks.open_source(subject=None).receive(Taker(), asyncio.Event())

        assert caught.value.hint == "Create it there, or set subject: then it is created."

    @pytest.mark.parametrize("before", ["other", None])
    async def test_follows_a_changed_subject(self, transport: BrokerHooks, before: str | None) -> None:
        taker, bodies = Taker(), numbered(1, 3)
        async with receiving(transport.open_source(subject=before and f"{transport.client.name}.{before}"), Taker()):
            pass

        async with receiving(transport.open_source(), taker):
            assert isinstance(transport.client, NatsClient)
            async with transport.client.connect() as client:
                await client.jetstream().publish(f"{transport.client.name}.third", b"not for this source")
            await transport.send(plain(bodies))
            await taker.wait_for(*bodies)

        assert taker.bodies == bodies

    async def test_keeps_a_slow_message(self, transport: BrokerHooks) -> None:
        hooks, taker = transport.with_timing(lease=0.6), Taker()

        async def take_slowly(message: object) -> None:
            await asyncio.sleep(2.0)
            await taker(message)  # type: ignore[arg-type]

        async with receiving(hooks.open_source(), take_slowly), receiving(hooks.open_source(), taker):
            await hooks.send(plain(numbered(1, 2)))
            await taker.wait_for(*numbered(1, 2))

        assert [message.deliveries for message in taker.taken] == [1, 1]
