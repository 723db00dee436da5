"""RabbitMQ as a source of events, with its real server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from semantest_iac.application.ports.event_transports import TransportError
from tests.broker_clients import RabbitClient
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
async def transport(rabbitmq_server: BrokerServer) -> BrokerHooks:
    client = RabbitClient(rabbitmq_server)
    await client.create()
    return BrokerHooks(client, numbers_messages=False)


async def _publish(hooks: BrokerHooks, exchange: str, routing_key: str, **message: Any) -> None:
    from aio_pika import Message

    assert isinstance(hooks.client, RabbitClient)
    async with hooks.client.connect() as connection, connection.channel() as channel:
        await (await channel.get_exchange(exchange)).publish(Message(**message), routing_key)


class TestRabbitSource(BrokerSourceContract):
    async def test_creates_its_queue_and_exchange(self, rabbitmq_server: BrokerServer) -> None:
        client, taker = RabbitClient(rabbitmq_server), Taker()
        hooks = BrokerHooks(client)
        source = hooks.open_source(exchange=f"{client.name}-events", routing_key="iac.*")

        async with receiving(source, taker):
            await _publish(hooks, f"{client.name}-events", "iac.needed", body=b"1", message_id="7")
            await taker.wait_for(b"1")
            await hooks.send(plain([b"2"]))
            await taker.wait_for(b"2")

        assert taker.taken[0].place == f"{client.name}:7"

    async def test_uses_a_queue_of_another_kind_as_it_is(self, rabbitmq_server: BrokerServer) -> None:
        client, bodies = RabbitClient(rabbitmq_server), numbered(1, 3)
        taker = Taker(lambda message: message.deliveries == 1)
        async with client.connect() as connection, connection.channel() as channel:
            await channel.declare_queue(client.name, durable=True, arguments={"x-max-length": 100})

        async with receiving(BrokerHooks(client).open_source(), taker):
            await client.send(plain(bodies))
            await taker.wait_for(*bodies)

        assert {message.deliveries for message in taker.taken} == {2}  # a classic queue counts no further

    async def test_leaves_names_of_attributes_to_who_reads_the_message(self, transport: BrokerHooks) -> None:
        taker, headers = Taker(), {"cloudEvents:type": "One", "cloudEvents_id": "7", "x-number": "8"}

        async with receiving(transport.open_source(), taker):
            await transport.send([(b"{}", headers)])
            await taker.wait_for(b"{}")

        received = {"cloudevents:type": "One", "cloudevents_id": "7", "x-number": "8"}
        assert received.items() <= taker.taken[0].headers.items()

    async def test_goes_on_after_its_queue_was_removed(self, transport: BrokerHooks) -> None:
        taker, source = Taker(), transport.open_source()
        assert isinstance(transport.client, RabbitClient)
        async with receiving(source, taker):
            async with transport.client.connect() as connection, connection.channel() as channel:
                await channel.queue_delete(transport.client.name)
            await wait_for_fault(source)
            await wait_until_connected(source)
            await transport.send(plain([b"after"]))
            await taker.wait_for(b"after")

    async def test_puts_off_many_while_others_flow(self, transport: BrokerHooks) -> None:
        is_mended = asyncio.Event()
        bad, good = [f"bad-{number}".encode() for number in range(100)], numbered(1, 20)
        taker = Taker(lambda message: message.body.startswith(b"bad") and not is_mended.is_set())

        async with receiving(transport.open_source(), taker):
            await transport.send(plain([*bad, *good]))
            await taker.wait_for(*good)
            is_mended.set()
            await taker.wait_for(*bad)

    async def test_names_a_virtual_host_that_is_missing(self, transport: BrokerHooks) -> None:
        source = transport.open_source(url=f"{transport.client.server.url}nowhere")

        with pytest.raises(TransportError, match="it has no such virtual host"):
            async with asyncio.timeout(60):
                await source.receive(Taker(), asyncio.Event())
