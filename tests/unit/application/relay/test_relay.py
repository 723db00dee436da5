"""A relay publishes each event at least once, in the order of the log, whatever the target does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

from semantest_iac.application.ports.event_transports import (
    PublishedMessage,
    TransportError,
    UnreachableTransportError,
)
from semantest_iac.application.ports.ledger import NewEvent
from semantest_iac.application.relay.messages import (
    FormedMessage,
    RelayedEvent,
    render_cloudevent,
    render_semantest,
    restore_message,
)
from semantest_iac_events.deployments import DeploymentRequested
from tests.fakes.event_target import FakeEventTarget
from tests.unit.application.relay.conftest import Outbox, RunRelay

MakeRequest = Callable[..., DeploymentRequested]


def _requests(make: MakeRequest, count: int) -> list[DeploymentRequested]:
    return [make(id=UUID(int=number), region=f"region-{number % 3}") for number in range(1, count + 1)]


def _ids(messages: list[PublishedMessage]) -> list[int]:
    return [UUID(message.id).int for message in messages]


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nothing here sets an event
            await asyncio.sleep(0.001)


class TestPublishing:
    async def test_follows_the_log(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        requests = _requests(make_request, 30)
        await outbox.record(*requests[:20])
        async with run_relay(outbox.build_relay(target)):
            await target.wait_for(20)
            await outbox.record(*requests[20:])
            await target.wait_for(30)

        assert _ids(target.taken) == list(range(1, 31))
        assert [message.key for message in target.taken[:3]] == [request.stack for request in requests[:3]]
        assert outbox.leases.positions == {"nats": "30"}
        assert target.connections == 1

    async def test_leaves_journal_entries_out(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        entry = NewEvent("infrastructure.journal.step.intended", '{"data": {}}')
        await outbox.ledger.append("stack", None, [entry] * 3)
        await outbox.record(*_requests(make_request, 1))
        async with run_relay(outbox.build_relay(target)):
            await target.wait_for(1)

        assert (_ids(target.taken), outbox.letters.list()) == ([1], [])

    async def test_goes_on_after_the_saved_position(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        requests = _requests(make_request, 6)
        await outbox.record(*requests[:3])
        async with run_relay(outbox.build_relay(target)):
            await target.wait_for(3)
        await outbox.record(*requests[3:])
        async with run_relay(outbox.build_relay(target)):
            await target.wait_for(6)

        assert _ids(target.taken) == [1, 2, 3, 4, 5, 6]

    async def test_of_a_new_target_begins_with_new_events(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        requests = _requests(make_request, 4)
        await outbox.record(*requests[:3])
        async with run_relay(outbox.build_relay(target, from_start=False)):
            await _until(lambda: outbox.leases.positions)
        await outbox.record(*requests[3:])
        async with run_relay(outbox.build_relay(target, from_start=False)):
            await target.wait_for(1)

        assert _ids(target.taken) == [4]

    async def test_saves_no_position_for_a_few_events_that_it_skips(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        entry = NewEvent("infrastructure.journal.step.intended", '{"data": {}}')
        async with run_relay(outbox.build_relay(target)):
            for _ in range(20):
                await outbox.ledger.append("stack", None, [entry])
            await outbox.record(*_requests(make_request, 1))
            await target.wait_for(1)
            await _until(lambda: outbox.leases.positions.get("nats") == "21")

        assert outbox.leases.saves == ["0", "21"]

    async def test_begins_at_the_head_of_another_ledger(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        outbox.leases.positions["nats"] = "900"
        requests = _requests(make_request, 3)
        await outbox.record(*requests[:2])
        async with run_relay(outbox.build_relay(target)):
            await _until(lambda: outbox.leases.positions["nats"] == "2")
            await outbox.record(*requests[2:])
            await target.wait_for(1)

        assert _ids(target.taken) == [3]


class TestUnreachableTarget:
    async def test_is_tried_until_it_answers(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        requests = _requests(make_request, 10)
        await outbox.record(*requests[:5])
        relay = outbox.build_relay(target)
        async with run_relay(relay):
            await target.wait_for(5)
            target.is_down = True
            await outbox.record(*requests[5:])
            await _until(relay.find_fault)
            assert relay.find_fault() == "Cannot reach 'nats'."
            target.is_down = False
            await target.wait_for(10)
            await _until(lambda: not relay.find_fault())

        assert _ids(target.taken) == list(range(1, 11))
        assert (target.connections, outbox.letters.list()) == (2, [])

    async def test_shows_before_there_is_anything_to_publish(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay
    ) -> None:
        target.is_down = True
        relay = outbox.build_relay(target)
        async with run_relay(relay):
            await _until(relay.find_fault)
            target.is_down = False
            await _until(lambda: not relay.find_fault())

    async def test_is_left_alone_for_as_long_as_it_asks(
        self, outbox: Outbox, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        target = FakeEventTarget(decide=lambda _: UnreachableTransportError("busy", retry_after_s=3000.0))
        await outbox.record(*_requests(make_request, 1))
        relay = outbox.build_relay(target)
        async with run_relay(relay):
            await _until(relay.find_fault)
            target.decide = lambda _: None
            for _ in range(50):
                await asyncio.sleep(0.001)  # many times the longest pause of its own

            assert target.taken == []

    async def test_gets_nothing_twice_that_it_has_taken(
        self, outbox: Outbox, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        failures = iter([True, False] * 50)
        target = FakeEventTarget(decide=lambda _: UnreachableTransportError("reset") if next(failures) else None)
        await outbox.record(*_requests(make_request, 20))
        async with run_relay(outbox.build_relay(target)):
            await target.wait_for(20)

        assert _ids(target.taken) == list(range(1, 21))


class TestRefusedMessages:
    async def test_become_dead_letters_while_others_flow(
        self, outbox: Outbox, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        tries: list[int] = []

        def decide(message: PublishedMessage) -> Exception | None:
            number = UUID(message.id).int
            tries.append(number)
            return TransportError("It is too large.", "MESSAGE_REFUSED") if number % 4 == 0 else None

        target = FakeEventTarget(decide=decide)
        await outbox.record(*_requests(make_request, 10))
        relay = outbox.build_relay(target)
        async with run_relay(relay):
            await target.wait_for(8)

        assert _ids(target.taken) == [1, 2, 3, 5, 6, 7, 9, 10]
        assert (tries.count(4), tries.count(8), relay.find_fault()) == (3, 3, "")
        [first, second] = outbox.letters.list()
        assert (first.direction, first.transport, first.code, first.reason, first.place) == (
            "published",
            "nats",
            "MESSAGE_REFUSED",
            "It is too large.",
            "event 4",
        )
        assert UUID(restore_message(second).id).int == 8
        assert restore_message(second).content_type == "application/cloudevents+json"

    async def test_of_an_adapter_s_own_errors_too(
        self, outbox: Outbox, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        target = FakeEventTarget(decide=lambda it: ValueError("odd") if UUID(it.id).int == 2 else None)
        await outbox.record(*_requests(make_request, 3))
        async with run_relay(outbox.build_relay(target)):
            await target.wait_for(2)

        [letter] = outbox.letters.list()
        assert (_ids(target.taken), letter.code, letter.reason) == ([1, 3], "RELAY_FAILED", "ValueError: odd")

    async def test_one_after_the_other_show_that_the_target_is_at_fault(
        self, outbox: Outbox, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        target = FakeEventTarget(decide=lambda _: TransportError("401 Unauthorized"))
        await outbox.record(*_requests(make_request, 12))
        relay = outbox.build_relay(target)
        async with run_relay(relay):
            await _until(lambda: len(outbox.letters.list()) >= 6)
            assert relay.find_fault() == "401 Unauthorized"
            target.decide = lambda _: None
            await _until(lambda: not relay.find_fault())

        assert len(target.taken) + len(outbox.letters.list()) >= 7

    async def test_are_those_that_no_form_has_words_for_because_they_are_damaged(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        for text in ("[]", '{"id": "7"}', '{"id": "8", "data": {}}'):
            await outbox.ledger.append("stack", None, [NewEvent("infrastructure.updated", text)])
        await outbox.record(*_requests(make_request, 1))
        async with run_relay(outbox.build_relay(target, render_semantest)):
            await target.wait_for(1)

        letters = outbox.letters.list()
        assert {letter.code for letter in letters} == {"EVENT_UNREADABLE"}
        assert [letter.place for letter in letters] == ["event 1", "event 2", "event 3"]
        assert letters[0].reason == "Cannot publish event 1 of the ledger: it is no CloudEvent."

    async def test_are_those_that_a_form_fails_on(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        def render(event: RelayedEvent) -> FormedMessage:
            if event.recorded.position == 2:
                raise KeyError("odd")
            return render_cloudevent(event)

        await outbox.record(*_requests(make_request, 3))
        async with run_relay(outbox.build_relay(target, render)):
            await target.wait_for(2)

        [letter] = outbox.letters.list()
        assert (_ids(target.taken), letter.code) == ([1, 3], "EVENT_UNREADABLE")
        assert letter.reason == "Cannot publish event 2 of the ledger: an unexpected KeyError was raised for it."


class TestCrashes:
    async def test_between_publishing_and_saving_publish_again_with_the_same_id(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        await outbox.record(*_requests(make_request, 5))
        outbox.leases.positions["nats"] = "0"
        target.after = lambda message: outbox.leases.expire("nats") if len(target.taken) == 5 else None
        async with run_relay(outbox.build_relay(target)):
            await target.wait_for(10)
            await _until(lambda: outbox.leases.positions["nats"] == "5")

        assert _ids(target.taken) == [1, 2, 3, 4, 5] * 2
        assert len({(message.id, message.body) for message in target.taken}) == 5
        assert outbox.leases.positions["nats"] == "5"

    async def test_lose_nothing_of_what_was_published_before_a_stop(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        requests = _requests(make_request, 40)
        await outbox.record(*requests)
        for count in range(5, 41, 5):
            async with run_relay(outbox.build_relay(target)):
                await target.wait_for(count)

        assert _ids(target.taken) == list(range(1, 41))


class TestSeveralRelays:
    async def test_publish_one_at_a_time(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        other = FakeEventTarget()
        async with run_relay(outbox.build_relay(target)):
            await _until(lambda: outbox.leases.positions)
            async with run_relay(outbox.build_relay(other, lease_s=0.05)):
                await outbox.record(*_requests(make_request, 20))
                await target.wait_for(20)

        assert (_ids(target.taken), other.taken) == (list(range(1, 21)), [])

    async def test_take_over_from_one_that_is_gone(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        other, requests = FakeEventTarget(), _requests(make_request, 8)
        await outbox.record(*requests[:4])
        async with run_relay(outbox.build_relay(target)):
            await target.wait_for(4)
            await _until(lambda: outbox.leases.positions["nats"] == "4")
        async with run_relay(outbox.build_relay(other)):
            await outbox.record(*requests[4:])
            await other.wait_for(4)

        assert (_ids(target.taken), _ids(other.taken)) == ([1, 2, 3, 4], [5, 6, 7, 8])

    async def test_of_one_that_lost_its_lease_saves_nothing(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        await outbox.record(*_requests(make_request, 4))

        def take_over(message: PublishedMessage) -> None:
            if UUID(message.id).int == 3 and len(target.taken) == 3:
                outbox.leases.expire("nats")
                asyncio.get_running_loop().create_task(outbox.leases.claim("nats", "other", 60))

        target.after = take_over
        async with run_relay(outbox.build_relay(target)):
            await target.wait_for(4)
            await asyncio.sleep(0)

        assert outbox.leases.positions["nats"] == "0"


class TestPositions:
    async def test_are_saved_once_for_many_messages(
        self, outbox: Outbox, target: FakeEventTarget, run_relay: RunRelay, make_request: MakeRequest
    ) -> None:
        await outbox.record(*_requests(make_request, 250))
        async with run_relay(outbox.build_relay(target)):
            await target.wait_for(250)
            await _until(lambda: outbox.leases.positions["nats"] == "250")

        assert outbox.leases.saves == ["0", "100", "200", "250"]
