"""What the sources of brokers guarantee besides: their server may be killed, frozen and started again."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from semantest_iac.application.ports.event_transports import TransportError
from tests.brokers import PASSWORD, find_free_port
from tests.contract.event_sources.broker_hooks import BrokerHooks
from tests.contract.event_sources.event_source_contract import (
    LIMIT_S,
    NAME,
    EventSourceContract,
    Taker,
    numbered,
    plain,
    receiving,
    wait_for_fault,
    wait_until_connected,
)

_ROOT = Path(__file__).parents[3]


class BrokerSourceContract(EventSourceContract):
    """A subclass provides the `transport` to test."""

    async def test_survives_the_death_of_its_server(self, transport: BrokerHooks) -> None:
        taker, source = Taker(), transport.open_source()
        before, after = numbered(1, 20), numbered(21, 40)

        async with receiving(source, taker):
            await transport.send(plain(before))
            await taker.wait_for(*before)
            transport.client.server.kill()
            try:
                fault = await wait_for_fault(source)
            finally:  # the next test needs it too
                await asyncio.to_thread(transport.client.server.start)
            await wait_until_connected(source)
            await transport.send(plain(after))
            await taker.wait_for(*after)

        assert fault == _describe_silence(transport.client.server.url, transport)
        first_times = list(dict.fromkeys(taker.bodies))
        assert first_times == [*before, *after]

    async def test_receives_what_was_sent_before_the_death_of_its_server(self, transport: BrokerHooks) -> None:
        if not transport.keeps:
            return
        async with receiving(transport.open_source(), Taker()):
            pass
        bodies, taker = numbered(1, 20), Taker()
        await transport.send(plain(bodies))
        transport.client.server.kill()
        await asyncio.to_thread(transport.client.server.start)

        async with receiving(transport.open_source(), taker):
            await taker.wait_for(*bodies)

        assert taker.bodies == bodies

    async def test_notices_that_its_server_is_frozen(self, transport: BrokerHooks) -> None:
        taker, source = Taker(), transport.open_source()
        before, after = numbered(1, 5), numbered(6, 10)

        async with receiving(source, taker):
            await transport.send(plain(before))
            await taker.wait_for(*before)
            with transport.client.server.freeze():
                fault = await wait_for_fault(source)
            await wait_until_connected(source)
            await transport.send(plain(after))
            await taker.wait_for(*after)

        assert fault == _describe_silence(transport.client.server.url, transport)
        assert list(dict.fromkeys(taker.bodies)) == [*before, *after]

    async def test_stays_connected_while_nothing_arrives(
        self, transport: BrokerHooks, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with receiving(transport.open_source(), Taker()):
            await asyncio.sleep(transport.timing.idle_check * 3)

        assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == []

    async def test_stops_while_its_server_is_frozen(self, transport: BrokerHooks) -> None:
        source, stopped = transport.open_source(), asyncio.Event()
        task = asyncio.create_task(source.receive(Taker(), stopped))
        await wait_until_connected(source)

        with transport.client.server.freeze():
            stopped.set()
            async with asyncio.timeout(LIMIT_S):
                await task

        assert source.find_fault() != ""

    async def test_says_that_nobody_listens(self, transport: BrokerHooks) -> None:
        port, stopped = find_free_port(), asyncio.Event()
        url = transport.client.server.url.replace(str(transport.client.server.port), str(port))
        secret = url.replace("//", "//somebody:s3cret@")
        source = transport.open_source(url=secret, username=None, password=None)

        task = asyncio.create_task(source.receive(Taker(), stopped))
        async with asyncio.timeout(LIMIT_S):
            while "Cannot" not in (fault := source.find_fault()):  # noqa: ASYNC110  # it tells nobody
                await asyncio.sleep(0.01)
            stopped.set()
            await task

        assert fault == _describe_silence(url, transport)
        assert source.find_fault() == f"'{NAME}' is stopped"

    async def test_hides_credentials(self, transport: BrokerHooks, caplog: pytest.LogCaptureFixture) -> None:
        source = transport.open_source(password=f"{PASSWORD}-wrong")

        with pytest.raises(TransportError) as caught:
            async with asyncio.timeout(LIMIT_S):
                await source.receive(Taker(), asyncio.Event())

        assert caught.value.code == "TRANSPORT_ERROR"
        assert caught.value.reason == (
            f"Cannot receive from '{NAME}' ({transport.client.server.url}): it refuses user, password or token."
        )
        assert source.find_fault() == caught.value.reason
        assert PASSWORD not in caplog.text

    async def test_delivers_again_what_a_killed_worker_had(self, transport: BrokerHooks) -> None:
        if not transport.keeps:
            return
        bodies, taker = numbered(1, 60), Taker()
        command = [sys.executable, "-m", "tests.contract.event_sources.worker_process", transport.client.opener]
        path = os.pathsep.join((str(_ROOT), str(_ROOT / "events")))
        section = transport.client.source_section.model_dump(exclude_unset=True)
        process = await asyncio.create_subprocess_exec(
            *command, cwd=_ROOT, env={**os.environ, "PYTHONPATH": path}, stdin=PIPE, stdout=PIPE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(section).encode() + b"\n")
        assert await process.stdout.readline() == b"connected\n"
        await transport.send(plain(bodies))
        taken = [(await process.stdout.readline()).rstrip(b"\n") for _ in range(20)]
        process.kill()
        await process.wait()

        async with receiving(transport.open_source(), taker):
            await taker.wait_for(*bodies[19:])

        assert taken == bodies[:20]
        if transport.acknowledges_each:
            assert not {*taker.bodies} & {*bodies[:18]}  # the acknowledgement before the last one may be on its way


def _describe_silence(url: str, transport: BrokerHooks) -> str:
    fault = f"Cannot receive from '{NAME}' ({url}): the server does not answer."
    return fault if transport.keeps else f"{fault} What is published on the channel meanwhile is lost."
