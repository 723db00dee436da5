"""Each request gets one answer, whatever happens to its process."""

from __future__ import annotations

import asyncio
import errno
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from semantest_iac.application.intake.infrastructure_event_bus import EventDeferredError, EventResult
from semantest_iac.application.ports.request_sources import RequestRefusal
from semantest_iac.domain.errors import LedgerError, RefusedError
from semantest_iac.infrastructure.pythoneda_bridge.exchange import RequestExchange
from semantest_iac.infrastructure.pythoneda_bridge.messages import ReceivedRequest
from semantest_iac.infrastructure.pythoneda_bridge.unanswered_requests import UnansweredRequests
from semantest_iac_events.deployments import DeploymentCompleted, DeploymentRejected, DeploymentRequested
from semantest_iac_events.triggers import ServiceDeploymentNeeded
from tests.fakes.memory_ledger import STACK_PARTS as ABOUT
from tests.fakes.pythoneda_entrance import FakeEntrance

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def a_request(name: str = "aws-dev", **fields: object) -> ReceivedRequest:
    known = {"id": str(uuid4()), "stack_name": name, "project_name": "", "location": "us-east-1"}
    return ReceivedRequest("update", **(known | fields))  # type: ignore[arg-type]  # fields of any type


def an_own_request() -> DeploymentRequested:
    return DeploymentRequested(**ABOUT)


async def deliver_while_in_progress(
    exchange: RequestExchange, entrance: FakeEntrance, request: ReceivedRequest
) -> list[bool]:
    entrance.go_on.clear()
    first = asyncio.create_task(exchange.answer(request))
    await asyncio.to_thread(entrance.has_submitted.wait)
    second = await exchange.answer(request)
    entrance.go_on.set()
    return [answer is not None for answer in (await first, second)]


class TestRequests:
    async def test_are_submitted_and_answered(self, exchange: RequestExchange, entrance: FakeEntrance) -> None:
        answer = await exchange.answer(request := a_request())

        assert answer is not None
        assert (answer.is_good, answer.facts["endpoint"]) == (True, "https://rest.example")
        assert entrance.accepted == ["rest-api.aws.development.us-east-1"]
        assert str(entrance.submitted[0][0].id) == request.id

    async def test_that_fail_are_answered_so(self, exchange: RequestExchange) -> None:
        answer = await exchange.answer(a_request(metadata={"component": "websocket"}))

        assert answer is not None
        assert (answer.is_good, answer.facts["code"]) == (False, "NO_QUOTA")

    async def test_are_answered_once_while_they_are_carried_out(
        self, exchange: RequestExchange, entrance: FakeEntrance
    ) -> None:
        assert await deliver_while_in_progress(exchange, entrance, a_request()) == [True, False]
        assert len(entrance.submitted) == 1

    async def test_get_the_same_answer_later(self, exchange: RequestExchange, entrance: FakeEntrance) -> None:
        request = a_request()

        answers = [await exchange.answer(request) for _ in range(2)]

        assert answers[0] == answers[1]
        assert len(entrance.accepted) == 1

    async def test_that_mean_no_stack_are_not_submitted(
        self, exchange: RequestExchange, entrance: FakeEntrance
    ) -> None:
        answer = await exchange.answer(a_request("two words"))

        assert answer is not None
        assert (answer.facts["code"], entrance.submitted) == ("VALIDATION_ERROR", [])

    async def test_that_are_refused_are_told_why(self, exchange: RequestExchange, entrance: FakeEntrance) -> None:
        entrance.result = EventResult("refused", "Older.", "STALE_REQUEST", deployment="d-2")
        entrance.ends["d-2"] = DeploymentRejected(**ABOUT, deployment_id="d-2", code="STALE_REQUEST", reason="Older.")

        answer = await exchange.answer(a_request())

        assert answer is not None
        assert (answer.facts["code"], answer.facts["deployment"]) == ("STALE_REQUEST", "d-2")

    async def test_that_come_too_fast_are_told_to_come_again(
        self, exchange: RequestExchange, entrance: FakeEntrance
    ) -> None:
        entrance.errors = [EventDeferredError(RequestRefusal("RATE_LIMITED", "Too many.", "Later."))]

        answer = await exchange.answer(a_request())

        assert answer is not None
        assert (answer.facts["code"], answer.facts["hint"]) == ("EVENT_DEFERRED", "Later.")

    async def test_survive_a_defect_in_what_accepts_them(
        self, exchange: RequestExchange, entrance: FakeEntrance
    ) -> None:
        entrance.errors = [RuntimeError("hunter2")]

        answer = await exchange.answer(a_request())

        assert answer is not None
        assert answer.facts["code"] == "INTERNAL_ERROR"

    async def test_wait_for_a_ledger_that_cannot_be_read(
        self, exchange: RequestExchange, entrance: FakeEntrance, pauses: list[float]
    ) -> None:
        entrance.go_on.clear()
        answering = asyncio.create_task(exchange.answer(a_request()))
        await asyncio.to_thread(entrance.has_submitted.wait)
        entrance.errors = [LedgerError("Cannot read."), LedgerError("Cannot read.")]
        entrance.go_on.set()

        answer = await answering

        assert answer is not None
        assert (answer.is_good, pauses) == (True, [5.0, 5.0])


class FullDisk(UnansweredRequests):
    """Can write and remove nothing."""

    def note(self, request: ReceivedRequest) -> None:
        raise OSError(errno.ENOSPC, "no space", "requests")

    def forget(self, id_: str) -> None:
        raise OSError(errno.EROFS, "read-only", "requests")


class TestFullDisks:
    async def test_refuse_requests(self, entrance: FakeEntrance, home: Path, caplog: pytest.LogCaptureFixture) -> None:
        answer = await RequestExchange(entrance, FullDisk(home, "app"), "app").answer(a_request())

        assert answer is not None
        assert (answer.facts["code"], entrance.submitted) == ("DISK_FULL", [])
        assert "cannot be forgotten" in caplog.text


class TestOrigins:
    async def test_are_the_application_and_the_event(self, exchange: RequestExchange, entrance: FakeEntrance) -> None:
        await exchange.answer(request := a_request(causes=(cause := str(uuid4()),), occurred_at=NOON))

        [(_, origin)] = entrance.submitted
        assert (origin.form, origin.source, origin.key) == ("pythoneda", "pythoneda:app", request.id)
        assert origin.order is not None
        assert (origin.order.occurred_at, [str(it) for it in origin.causes]) == (NOON.timestamp(), [cause])

    async def test_tell_other_contents_with_the_same_id_apart(
        self, exchange: RequestExchange, entrance: FakeEntrance
    ) -> None:
        request = a_request(metadata={"component": "rest-api", "sender": object()})
        same = a_request(id=request.id, metadata={"component": "rest-api"})
        other = a_request("aws-qa", id=request.id)

        for each in (same, same, other):
            await exchange.answer(each)

        first, again, different = (origin.digest for _, origin in entrance.submitted)
        assert first == again != different


class TestProcessesThatEnd:
    async def test_leave_their_requests_to_the_next_one(
        self, exchange: RequestExchange, entrance: FakeEntrance, unanswered: UnansweredRequests
    ) -> None:
        entrance.go_on.clear()
        answering = asyncio.create_task(exchange.answer(request := a_request()))
        await asyncio.to_thread(entrance.has_submitted.wait)
        assert exchange.take_over() == []
        answering.cancel()
        await asyncio.wait([answering])
        entrance.go_on.set()
        unanswered.close()
        following = RequestExchange(entrance, unanswered, "app")

        [left] = following.take_over()
        answer = await following.answer_left_behind(left)

        assert answer is not None
        assert (left.id, answer.is_good, len(entrance.submitted)) == (request.id, True, 1)
        assert following.take_over() == []

    async def test_before_a_request_is_accepted_say_so(
        self, exchange: RequestExchange, unanswered: UnansweredRequests
    ) -> None:
        unanswered.note(request := a_request())
        unanswered.close()
        assert [left.id for left in exchange.take_over()] == [request.id]

        answer = await exchange.answer_left_behind(request)

        assert answer is not None
        assert (answer.facts["code"], answer.facts["hint"]) == ("REQUEST_INTERRUPTED", "Send it again.")
        assert exchange.take_over() == []

    async def test_after_an_answer_leave_nothing(self, exchange: RequestExchange) -> None:
        await exchange.answer(a_request())

        assert exchange.take_over() == []


class TestOwnRequests:
    async def test_end_with_their_terminal_event(self, exchange: RequestExchange, entrance: FakeEntrance) -> None:
        ending = await exchange.carry_out(request := an_own_request())

        assert isinstance(ending, DeploymentCompleted)
        assert ending.deployment_id == request.deployment_id

    async def test_that_are_refused_end_with_their_rejection(
        self, exchange: RequestExchange, entrance: FakeEntrance
    ) -> None:
        entrance.errors = [RefusedError("Not here.", "ENGINE_UNAVAILABLE")]

        ending = await exchange.carry_out(request := an_own_request())

        assert isinstance(ending, DeploymentRejected)
        assert (ending.code, request.id in ending.previous_event_ids) == ("ENGINE_UNAVAILABLE", True)

    async def test_may_name_a_service_instead_of_a_stack(self, exchange: RequestExchange) -> None:
        ending = await exchange.carry_out(ServiceDeploymentNeeded(service_type="rest-api"))

        assert isinstance(ending, DeploymentCompleted)

    async def test_that_name_a_service_and_are_refused_have_no_rejection_of_a_stack(
        self, exchange: RequestExchange, entrance: FakeEntrance, caplog: pytest.LogCaptureFixture
    ) -> None:
        entrance.errors = [LedgerError("No disk.")]

        assert await exchange.carry_out(ServiceDeploymentNeeded(service_type="rest-api")) is None
        assert "No disk" in caplog.text
