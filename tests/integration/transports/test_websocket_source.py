"""Semantest's WebSocket server as a source: nothing is lost, doubled or out of order, whatever ends in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from semantest_iac.application.ports.event_transports import ReceivedMessage, TransportError
from semantest_iac.domain.environments.event_sections import EventSourceSection
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.transports.http.event_store_client import LARGEST_ANSWER_BYTES, EventStoreAddress
from semantest_iac.infrastructure.transports.http.websocket import EventStoreSource, open_source
from semantest_iac.infrastructure.transports.ordered_delivery import MOST_HANDED_ON_BYTES
from tests.contract.event_sources.event_source_contract import wait_until_connected
from tests.fakes.event_store_server import FakeEventStoreServer
from tests.fakes.transport_positions import MemoryTransportPositions
from tests.webhooks import Receiver

_TYPE = "ServiceDeploymentNeeded"
_TOKEN = "token-of-the-tests"


def _make_source(
    server: FakeEventStoreServer,
    positions: MemoryTransportPositions,
    *,
    types: Sequence[str] = (_TYPE,),
    idle_s: float = 30.0,
    answer_timeout_s: float = 30.0,
) -> EventStoreSource:
    address = EventStoreAddress("core", server.url, _TOKEN)
    return EventStoreSource(address, types, positions, idle_s=idle_s, answer_timeout_s=answer_timeout_s)


@asynccontextmanager
async def _receiving(source: EventStoreSource, receiver: Receiver) -> AsyncIterator[None]:
    stopped = asyncio.Event()
    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        group.create_task(source.receive(receiver.take, stopped))
        try:
            yield
        finally:
            stopped.set()


async def _wait_for_fault(source: EventStoreSource, text: str) -> str:
    async with asyncio.timeout(60):
        while text not in source.find_fault():  # noqa: ASYNC110 - a fault announces itself to nobody
            await asyncio.sleep(0.01)
    return source.find_fault()


def _payloads(taken: Sequence[ReceivedMessage]) -> list[Any]:
    return [json.loads(message.body)["envelope"]["event"]["payload"] for message in taken]


def _positions(taken: Sequence[ReceivedMessage]) -> list[int]:
    return [json.loads(message.body)["envelope"]["globalPosition"] for message in taken]


def _has_taken(last: int) -> Callable[[Receiver], bool]:
    return lambda receiver: _payloads(receiver.taken[-1:]) == [last]


async def _store(server: FakeEventStoreServer, first: int, last: int) -> None:
    for number in range(first, last + 1):
        await server.store(_TYPE, number)


class TestEvents:
    async def test_from_before_are_delivered_in_their_order_and_those_of_other_types_are_not(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        for number in range(250):
            await server.store(_TYPE if number % 2 else "ImageGenerated", number)
        receiver = Receiver()

        async with _receiving(_make_source(server, positions), receiver):
            await receiver.wait_for(125)

        assert _payloads(receiver.taken) == _positions(receiver.taken) == list(range(1, 250, 2))
        assert [message.place for message in receiver.taken[:2]] == ["position 1", "position 3"]
        assert {message.source for message in receiver.taken} == {"core"}

    async def test_are_delivered_as_they_happen(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        receiver = Receiver()
        async with _receiving(_make_source(server, positions), receiver):
            for number in range(1, 21):
                await server.store("ImageGenerated", number)
                await server.store(_TYPE, number)
                await receiver.wait_for(number)

        assert _payloads(receiver.taken) == list(range(1, 21))

    async def test_of_every_type_are_delivered_where_none_is_named(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        receiver = Receiver()
        async with _receiving(_make_source(server, positions, types=(), idle_s=0.05), receiver):
            for event_type in ("A", "B", "C"):
                await server.store(event_type, event_type)
            await receiver.wait_for(3)

        assert _payloads(receiver.taken) == ["A", "B", "C"]

    async def test_that_come_while_others_are_taken_are_neither_lost_nor_doubled(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        await _store(server, 1, 150)
        receiver = Receiver(gate=asyncio.Event())
        assert receiver.gate
        async with _receiving(_make_source(server, positions), receiver):
            await receiver.wait_until(lambda it: it.begun == 1)
            await _store(server, 151, 400)
            receiver.gate.set()
            await receiver.wait_for(400)
            await _store(server, 401, 401)
            await receiver.wait_until(_has_taken(401))

        assert _payloads(receiver.taken) == list(range(1, 402))

    async def test_that_are_sent_late_are_delivered_once(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        """The log has an event before the server sends it, and later events may be sent before it."""
        receiver, late = Receiver(), asyncio.Event()
        async with _receiving(_make_source(server, positions), receiver):
            server.before_broadcast = late
            storing = asyncio.create_task(server.store(_TYPE, 1))
            await asyncio.sleep(0)
            server.before_broadcast = None
            await server.store(_TYPE, 2)
            await receiver.wait_for(2)
            late.set()
            await storing
            await server.store(_TYPE, 3)
            await receiver.wait_until(_has_taken(3))

        assert _payloads(receiver.taken) == [1, 2, 3]

    async def test_are_delivered_again_and_before_others_until_they_are_taken(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        await _store(server, 1, 3)
        receiver = Receiver(error=LedgerError("The ledger is locked."))
        source = _make_source(server, positions)
        async with _receiving(source, receiver):
            fault = await _wait_for_fault(source, "ledger")
            await receiver.wait_until(lambda it: it.begun == 2)
            receiver.error = None
            await receiver.wait_for(3)
            await wait_until_connected(source)

        assert fault == "Cannot take a message of 'core' (position 0): The ledger is locked."
        assert _payloads(receiver.taken) == [1, 2, 3]
        assert [message.deliveries for message in receiver.taken] == [receiver.begun - 2, 1, 1]


class TestRestarts:
    async def test_of_the_server_lose_nothing(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        receiver, source = Receiver(), _make_source(server, positions)
        async with _receiving(source, receiver):
            for number in range(0, 50, 10):
                await _store(server, number + 1, number + 5)
                await receiver.wait_for(number + 5)
                await server.stop()
                await _wait_for_fault(source, "Cannot receive from 'core'")
                await _store(server, number + 6, number + 10)
                await server.start()
                await receiver.wait_for(number + 10)

        assert _payloads(receiver.taken) == list(range(1, 51))
        assert _positions(receiver.taken) == list(range(50))

    async def test_of_the_source_go_on_where_it_was(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        taken = list[Any]()
        for number in range(5):
            await _store(server, number * 30 + 1, number * 30 + 30)
            receiver = Receiver()
            async with _receiving(_make_source(server, positions), receiver):
                await receiver.wait_for(30)
            taken += _payloads(receiver.taken)

        assert taken == list(range(1, 151))

    async def test_of_the_source_before_its_position_is_saved_deliver_again(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        await _store(server, 1, 3)
        receiver, positions.failures = Receiver(), 1
        async with _receiving(_make_source(server, positions), receiver):
            await receiver.wait_for(6)

        assert _payloads(receiver.taken) == [1, 2, 3, 1, 2, 3]

    @pytest.mark.parametrize("after", [1, 40, 200])
    async def test_with_another_log_begin_at_its_start_and_keep_the_order(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions, after: int
    ) -> None:
        """Fewer, as many or more events than were read before."""
        await _store(server, 1, 40)
        receiver = Receiver()
        async with _receiving(_make_source(server, positions, idle_s=0.05), receiver):
            await receiver.wait_for(40)
            await server.stop()
            server.log.clear()
            await _store(server, 1001, 1000 + after)
            await server.start()
            await receiver.wait_for(40 + after)
            await server.store(_TYPE, 5000)
            await receiver.wait_for(41 + after)

        assert _payloads(receiver.taken) == [*range(1, 41), *range(1001, 1001 + after), 5000]
        assert _positions(receiver.taken) == list(range(41 + after))

    async def test_with_an_empty_log_wait_for_its_first_event(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        await _store(server, 1, 3)
        receiver = Receiver()
        async with _receiving(_make_source(server, positions), receiver):
            await receiver.wait_for(3)
            await server.stop()
            server.log.clear()
            server.replays.clear()
            await server.start()
            while not server.replays or server.replays[-1]["fromPosition"]:  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0.01)
            await _store(server, 4, 4)
            await receiver.wait_for(4)

        assert (_payloads(receiver.taken), _positions(receiver.taken)) == ([1, 2, 3, 4], [0, 1, 2, 3])

    async def test_of_a_server_that_had_not_written_its_last_event_deliver_what_has_its_place(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        await _store(server, 1, 5)
        receiver = Receiver()
        async with _receiving(_make_source(server, positions), receiver):
            await receiver.wait_for(5)
            await server.stop()
            del server.log[-1]
            await server.store(_TYPE, 6)
            await server.start()
            await receiver.wait_until(lambda it: 6 in _payloads(it.taken))

        assert _payloads(receiver.taken) == [1, 2, 3, 4, 5, 1, 2, 3, 4, 6]
        assert _positions(receiver.taken) == list(range(10))

    async def test_of_a_server_that_had_not_written_much_deliver_what_came_after_a_checkpoint(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        await _store(server, 1, 950)
        receiver, again = Receiver(), list[int]()
        async with _receiving(_make_source(server, positions), receiver):
            await receiver.wait_for(950)
            for lost in (30, 300, 900):
                before, first_new = len(receiver.taken), 1000 * lost
                await server.stop()
                del server.log[-lost:]
                await _store(server, first_new, first_new + lost - 1)
                await server.start()
                await receiver.wait_until(_has_taken(first_new + lost - 1))
                assert _payloads(receiver.taken[-lost:]) == list(range(first_new, first_new + lost))
                again.append(len(receiver.taken) - before - lost)

        assert _positions(receiver.taken) == list(range(len(receiver.taken)))
        assert again[0] <= 200 and again[1] <= 200 and again[2] <= 50

    async def test_from_the_position_of_a_source_of_another_type_begin_at_the_start(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        await _store(server, 1, 3)
        for saved in ("120", "[]", "{not json", '{"files": {}}'):
            positions.saved["core"] = saved
            receiver = Receiver()
            async with _receiving(_make_source(server, positions), receiver):
                await receiver.wait_for(3)


class TestHostileServers:
    async def test_that_send_what_is_no_message_change_nothing(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        receiver = Receiver()
        noise: list[str | bytes] = [
            "",
            "no json",
            "[]",
            "null",
            '{"type": 7}',
            b"\xff\x00",
            "[" * 5000,
            '{"type": "x"}',
        ]
        noise += ['{"type": "replay_batch", "batch": "x"}', '{"type": "replay_batch", "batch": [{"eventType": "f"}]}']
        async with _receiving(_make_source(server, positions), receiver):
            await _store(server, 1, 1)
            await receiver.wait_for(1)
            for text in noise:
                await server.send_to_all(text)
            await _store(server, 2, 2)
            await receiver.wait_for(2)

        assert _payloads(receiver.taken) == [1, 2]

    async def test_that_keep_odd_events_have_them_handed_on(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        odd: list[Any] = ["text", None, 7, {"eventId": 5, "eventType": _TYPE, "payload": None}, [{}]]
        server.log += odd
        await_all = Receiver()
        async with _receiving(_make_source(server, positions), await_all):
            await await_all.wait_for(5)
            await _store(server, 1, 1)
            await await_all.wait_for(6)

        assert [json.loads(it.body)["envelope"]["event"] for it in await_all.taken[:5]] == odd

    async def test_that_send_too_much_are_read_in_parts_and_one_event_that_is_too_large_is_passed(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        half = LARGEST_ANSWER_BYTES // 2
        for number in range(20):
            await server.store(_TYPE, number)
        for size in (half, half, LARGEST_ANSWER_BYTES, half):
            await server.store(_TYPE, "x" * size)
        await _store(server, 100, 102)
        receiver = Receiver()
        async with _receiving(_make_source(server, positions), receiver):
            await receiver.wait_for(27)
            await server.store(_TYPE, "y" * LARGEST_ANSWER_BYTES)
            await _store(server, 103, 103)
            await receiver.wait_for(29)

        sizes = [len(message.body) for message in receiver.taken]
        assert [message.place for message in receiver.taken] == [f"position {number}" for number in range(29)]
        assert sizes[20:24] == [MOST_HANDED_ON_BYTES, MOST_HANDED_ON_BYTES, 0, MOST_HANDED_ON_BYTES]
        assert sizes[27] == 0
        assert _payloads([*receiver.taken[24:27], receiver.taken[28]]) == [100, 101, 102, 103]

    @pytest.mark.parametrize("status", [401, 403])
    async def test_that_refuse_the_token_end_the_source(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions, status: int
    ) -> None:
        server.refuses_with = status
        source = _make_source(server, positions)

        with pytest.raises(TransportError) as caught:
            async with asyncio.timeout(60):
                await source.receive(Receiver().take, asyncio.Event())

        assert not caught.value.retryable
        assert caught.value.reason == f"Cannot receive from 'core' ({server.url}): it refuses the token."
        assert (source.find_fault(), server.tokens) == (caught.value.reason, [f"Bearer {_TOKEN}"])

    async def test_that_have_trouble_are_asked_again(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        server.refuses_with = 503
        await _store(server, 1, 1)
        receiver, source = Receiver(), _make_source(server, positions)
        async with _receiving(source, receiver):
            fault = await _wait_for_fault(source, "503")
            server.refuses_with = 0
            await receiver.wait_for(1)
            await wait_until_connected(source)

        assert fault == f"Cannot receive from 'core' ({server.url}): it answers with 503."

    async def test_that_do_not_answer_are_noticed_and_left(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        receiver, source = Receiver(), _make_source(server, positions, idle_s=0.05, answer_timeout_s=0.5)
        async with _receiving(source, receiver):
            await _store(server, 1, 1)
            await receiver.wait_for(1)
            server.is_silent = True
            fault = await _wait_for_fault(source, "does not answer")
            server.is_silent = False
            await _store(server, 2, 2)
            await receiver.wait_for(2)

        assert fault == f"Cannot receive from 'core' ({server.url}): the server does not answer."
        assert _payloads(receiver.taken) == [1, 2]


class TestEnd:
    async def test_lets_what_is_taken_come_to_its_end(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions
    ) -> None:
        await _store(server, 1, 3)
        receiver, stopped, source = Receiver(gate=asyncio.Event()), asyncio.Event(), _make_source(server, positions)
        assert receiver.gate
        async with asyncio.timeout(60):
            receiving = asyncio.create_task(source.receive(receiver.take, stopped))
            await receiver.wait_until(lambda it: it.begun == 1)
            stopped.set()
            for _ in range(10):
                await asyncio.sleep(0)
            assert not receiving.done()
            receiver.gate.set()
            await receiving

        assert (_payloads(receiver.taken), source.find_fault()) == ([1], "'core' is stopped")
        after = Receiver()
        async with _receiving(_make_source(server, positions), after):
            await after.wait_for(2)
        assert _payloads(after.taken) == [2, 3]

    @pytest.mark.parametrize("moment", ["connecting", "waiting", "away", "retrying"])
    async def test_comes_at_once(
        self, server: FakeEventStoreServer, positions: MemoryTransportPositions, moment: str
    ) -> None:
        """The times that it would wait for are longer than the test may take."""
        source, stopped = _make_source(server, positions, idle_s=900, answer_timeout_s=900), asyncio.Event()
        server.is_silent = moment == "connecting"
        if moment == "away":
            await server.stop()
        await _store(server, 1, 1)
        receiver = Receiver(error=LedgerError("The ledger is locked.") if moment == "retrying" else None)
        async with asyncio.timeout(120):
            receiving = asyncio.create_task(source.receive(receiver.take, stopped))
            while not server.tokens and moment != "away":  # noqa: ASYNC110 - the server announces nothing
                await asyncio.sleep(0.01)
            if moment in ("waiting", "retrying"):
                await receiver.wait_until(lambda it: it.begun > 0)
            if moment == "away":
                await _wait_for_fault(source, "Cannot receive")
            stopped.set()
            await receiving


class TestSettings:
    @pytest.mark.parametrize(
        "url",
        ["", "http://127.0.0.1:8082", "ws://", "ws:///ws-events", "ws://h:70000/", "127.0.0.1:8082", "wss://[::1"],
    )
    def test_have_the_url_of_a_websocket_server(self, url: str, positions: MemoryTransportPositions) -> None:
        with pytest.raises(TransportError) as caught:
            open_source("core", EventSourceSection(type="websocket", url=url), positions)

        assert [fault.path for fault in caught.value.faults] == ["event_sources.core.url"]

    async def test_that_are_secret_are_not_shown(
        self, positions: MemoryTransportPositions, server: FakeEventStoreServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        await server.stop()
        url = f"ws://user:s3cret@127.0.0.1:{server.port}/ws-events?key=s3cret"
        section = EventSourceSection(type="websocket", url=url, token="s3cret-token", events=(_TYPE,))
        source = open_source("core", section, positions)
        async with _receiving(source, Receiver()):
            fault = await _wait_for_fault(source, "Cannot")

        assert fault == f"Cannot receive from 'core' (ws://127.0.0.1:{server.port}/ws-events): connection refused."
        assert "s3cret" not in caplog.text
