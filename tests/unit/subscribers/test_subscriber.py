"""The subscriber settles every message: it leads to something, or becomes a dead letter, or comes again."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from semantest_iac.application.intake.infrastructure_event_bus import EventResult, InfrastructureEventBus
from semantest_iac.application.intake.received_events import ReceivedEvent
from semantest_iac.application.ports.event_transports import DeadLetter, ReceivedMessage
from semantest_iac.domain.errors import DeploymentError, LedgerError
from semantest_iac.presentation.subscribers.subscriber import MOST_DEFECTS, MOST_FORGERIES, EventSubscriber

NEEDED = json.dumps({"type": "ServiceDeploymentNeeded", "payload": {"serviceType": "rest-api"}}).encode()


class Bus(InfrastructureEventBus):
    """A bus that fails as the test says."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.received: list[ReceivedEvent] = []

    async def receive(self, event: ReceivedEvent) -> list[EventResult]:
        if self.failure:
            raise self.failure
        self.received.append(event)
        return [EventResult("skipped", "nothing to do")]


class Letters:
    """Dead letters in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, DeadLetter] = {}

    async def add(self, letter: DeadLetter) -> None:
        self.kept[letter.id] = letter

    def list(self) -> list[DeadLetter]:
        return [*self.kept.values()]

    def get(self, prefix: str) -> DeadLetter:
        return next(letter for id_, letter in self.kept.items() if id_.startswith(prefix))

    async def remove(self, id_: str) -> None:
        self.kept.pop(id_, None)


class Reports:
    """What was reported, in order: the outcome, or why the message is a dead letter."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(
        self, message: ReceivedMessage, event: ReceivedEvent | None, results: Sequence[EventResult], reason: str = ""
    ) -> None:
        self.texts.append(reason if event is None else " ".join(result.outcome for result in results))


def message(body: bytes = NEEDED, deliveries: int = 1) -> ReceivedMessage:
    return ReceivedMessage("core", body, {}, "STREAM:4", deliveries)


def subscriber(bus: Bus, letters: Letters, reports: Reports) -> EventSubscriber:
    return EventSubscriber(bus, letters, lambda text: text.replace("hunter2", "***"), reports)


class TestSettling:
    async def test_hands_events_to_the_bus(self) -> None:
        bus, letters, reports = Bus(), Letters(), Reports()

        await subscriber(bus, letters, reports).take(message())

        assert (len(bus.received), letters.list(), reports.texts) == (1, [], ["skipped"])

    async def test_keeps_what_cannot_be_read(self) -> None:
        letters, reports = Letters(), Reports()
        taking = subscriber(Bus(), letters, reports)

        await taking.take(message(b"\xff not JSON"))
        await taking.take(message(b"\xff not JSON", deliveries=2))

        [letter] = letters.list()
        assert (letter.code, letter.transport, letter.direction, letter.body, letter.is_complete) == (
            "MESSAGE_UNREADABLE",
            "core",
            "received",
            b"\xff not JSON",
            True,
        )
        assert reports.texts == ["Cannot read the event: it is not JSON in UTF-8."] * 2

    async def test_keeps_no_secret(self) -> None:
        letters = Letters()
        headers = {"authorization": "Bearer hunter2", "x-hub-signature-256": "sha256=1", "x-note": "hunter2 wrote"}

        received = ReceivedMessage("core", b'{"password": "hunter2"', headers)
        await subscriber(Bus(), letters, Reports()).take(received)

        [letter] = letters.list()
        assert (letter.body, dict(letter.headers), letter.is_complete) == (
            b'{"password": "***"',
            {"x-note": "*** wrote"},
            False,
        )

    async def test_keeps_few_of_many_forged_messages(self) -> None:
        bus, letters = Bus(), Letters()
        taking = subscriber(bus, letters, Reports())

        for number in range(1000):
            await taking.take(ReceivedMessage("core", NEEDED + b" " * number, forgery="no signature"))
        await taking.take(ReceivedMessage("other", b"x" * 10_000, forgery="no signature"))

        assert bus.received == []
        kept = letters.list()
        assert ({letter.transport for letter in kept}, len(kept) <= MOST_FORGERIES + 1) == ({"core", "other"}, True)
        assert {(it.code, it.is_complete, len(it.body) <= 4096) for it in kept} == {("MESSAGE_FORGED", False, True)}

    async def test_lets_a_message_come_again_while_the_ledger_is_away(self) -> None:
        letters = Letters()

        for deliveries in (1, 1000):
            with pytest.raises(LedgerError):
                await subscriber(Bus(LedgerError("away")), letters, Reports()).take(message(deliveries=deliveries))

        assert letters.list() == []

    async def test_keeps_a_message_on_which_it_fails_again_and_again(self) -> None:
        letters, reports = Letters(), Reports()
        taking = subscriber(Bus(RuntimeError("hunter2")), letters, reports)

        for deliveries in range(1, MOST_DEFECTS):
            with pytest.raises(DeploymentError):
                await taking.take(message(deliveries=deliveries))
        assert letters.list() == []
        await taking.take(message(deliveries=MOST_DEFECTS))

        [letter] = letters.list()
        assert (letter.code, letter.reason) == ("INTERNAL_ERROR", "An unexpected RuntimeError was raised for it.")
