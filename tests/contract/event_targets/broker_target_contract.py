"""What the targets of brokers guarantee; a subclass gives its hooks in the fixture `transport`."""

from __future__ import annotations

import asyncio

import pytest

from semantest_iac.application.ports.event_transports import (
    PublishedMessage,
    TransportError,
    UnreachableTransportError,
)
from tests.brokers import PASSWORD, find_free_port
from tests.contract.event_sources.broker_hooks import BrokerHooks
from tests.contract.event_sources.event_source_contract import LIMIT_S, NAME


def message(number: int, body: bytes = b"{}", **headers: str) -> PublishedMessage:
    """A message with a number for an id."""
    return PublishedMessage(
        str(number), "infrastructure.deployment.completed", f"stack-{number % 3}", body, "application/json", headers
    )


class BrokerTargetContract:
    """A subclass provides the `transport` to test."""

    async def test_publishes_in_order(self, transport: BrokerHooks) -> None:
        bodies = [f'{{"number": {number}}}'.encode() for number in range(50)]

        async with transport.open_target().connect() as publish:
            for number, body in enumerate(bodies):
                await publish(message(number, body))

        assert [body for body, _ in await transport.client.read(50)] == bodies

    async def test_publishes_bytes_and_headers_as_they_are(self, transport: BrokerHooks) -> None:
        headers = {"ce-type": "infrastructure.deployment.completed", "ce-subject": "über 100 %"}

        async with transport.open_target().connect() as publish:
            for number, body in enumerate(transport.bodies):
                await publish(message(number, body, **headers))
        found = await transport.client.read(len(transport.bodies))

        assert [body for body, _ in found] == list(transport.bodies)
        if transport.carries_headers:
            expected = {**headers, "content-type": "application/json"}
            assert all(expected.items() <= got.items() for _, got in found)
            assert all("correlation_id" not in got for _, got in found)

    async def test_says_that_its_server_is_gone_and_publishes_again(self, transport: BrokerHooks) -> None:
        target = transport.open_target()
        text = f"Cannot publish to '{NAME}' ({transport.client.server.url}): the server does not answer."

        try:
            async with target.connect() as publish:
                await publish(message(1, b"1"))
                transport.client.server.kill()
                with pytest.raises(UnreachableTransportError) as lost:
                    await publish(message(2, b"2"))
            with pytest.raises(UnreachableTransportError) as away:
                async with target.connect():
                    pass
        finally:  # the next test needs it too
            transport.client.server.kill()
            await asyncio.to_thread(transport.client.server.start)
        async with target.connect() as publish:
            await publish(message(2, b"2"))

        assert (lost.value.reason, away.value.reason) == (text, text)
        if transport.keeps:
            assert [body for body, _ in await transport.client.read(2)] == [b"1", b"2"]

    async def test_says_that_its_server_is_frozen(self, transport: BrokerHooks) -> None:
        async with asyncio.timeout(LIMIT_S), transport.open_target().connect() as publish:
            with transport.client.server.freeze(), pytest.raises(UnreachableTransportError):
                await publish(message(1))

    async def test_hides_credentials(self, transport: BrokerHooks, caplog: pytest.LogCaptureFixture) -> None:
        url = transport.client.server.url.replace("//", "//somebody:s3cret@")
        for changes in ({"password": "wr0ng"}, {"url": url, "username": None, "password": None}):
            with pytest.raises(TransportError) as caught:
                async with transport.open_target(**changes).connect():
                    pass
            assert caught.value.code == "TRANSPORT_ERROR"
            assert caught.value.reason == (
                f"Cannot publish to '{NAME}' ({transport.client.server.url}): it refuses user, password or token."
            )
        assert not any(secret in caplog.text for secret in (PASSWORD, "s3cret", "wr0ng"))

    async def test_says_that_nobody_listens(self, transport: BrokerHooks) -> None:
        server = transport.client.server
        url = server.url.replace(str(server.port), str(find_free_port()))

        with pytest.raises(UnreachableTransportError, match=r"the server does not answer\.$"):
            async with asyncio.timeout(LIMIT_S), transport.open_target(url=url).connect():
                pass
