"""What PythonEDA applications get from the bridge, under PythonEDA's rules of dispatch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import asdict
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest

from semantest_iac.application.deployment.recorder import encode_event
from semantest_iac.application.ports.ledger import NewEvent, RecordedEvent
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import LedgerError
from semantest_iac_events.deployments import DeploymentCompleted, DeploymentRequested, DeploymentStarted
from semantest_iac_events.event import StackEvent
from semantest_iac_events.infrastructure import InfrastructureRemovalRequested as OwnRemovalRequested
from semantest_iac_events.infrastructure import InfrastructureRemoved
from semantest_iac_events.triggers import ServiceDeploymentNeeded
from tests.fakes import pythoneda_framework as framework
from tests.fakes import pythoneda_modules as iac
from tests.fakes.memory_ledger import MemoryLedger
from tests.fakes.pythoneda_application import run_application
from tests.fakes.pythoneda_entrance import FakeBridgeService
from tests.fakes.pythoneda_modules import fake_pythoneda

EMITTER = "request_emitter:InfrastructureRequestEmitter"
FACTORY = "stack_operations:InfrastructureOperationFactory"
ABOUT: dict[str, Any] = asdict(Stack.parse("rest-api.aws.development.us-east-1"))


@pytest.fixture(autouse=True)
def _pythoneda() -> Iterator[None]:
    with fake_pythoneda(ports=[iac.StackOperationFactory]):
        yield


def names_of(events: list[Any]) -> list[str]:
    return [type(event).__name__ for event in events]


async def record(service: FakeBridgeService, *events: StackEvent) -> None:
    for event in events:
        await service.ledger.append(event.stack, None, [encode_event(event, str)])


class UnreadableLedger(MemoryLedger):
    """Cannot be read the first times."""

    failures = 2

    def log(self, after: int = 0, limit: int | None = None) -> Iterator[RecordedEvent]:
        if self.failures:
            self.failures -= 1
            raise LedgerError("Cannot read.")
        return super().log(after, limit)


class TestUpdates:
    async def test_are_answered_with_the_outcome(self, service: FakeBridgeService) -> None:
        request = iac.InfrastructureUpdateRequested("aws-dev", "p", "us-east-1", {}, [cause := str(uuid4())])

        async with run_application(service) as running:
            [answer] = await running.app.accept(request)

        assert isinstance(answer, iac.InfrastructureUpdated)
        assert (answer.stack_name, answer.project_name, answer.location) == ("aws-dev", "p", "us-east-1")
        assert answer.previous_event_ids == [request.id, cause]
        assert answer.metadata["endpoint"] == "https://rest.example"

    async def test_are_answered_to_the_listeners_of_the_application(self, service: FakeBridgeService) -> None:
        async with run_application(service, listens_to=[iac.InfrastructureUpdated]) as running:
            returned = await running.request()

            assert running.heard == returned

    async def test_that_fail_are_answered_with_the_reason(self, service: FakeBridgeService) -> None:
        async with run_application(service, listens_to=[iac.InfrastructureUpdateFailed]) as running:
            await running.request(component="websocket")
            [failed] = await running.hear(1)

        assert (failed.is_error, failed.metadata["reason"]) == (True, "No quota.")

    async def test_that_mean_no_stack_are_answered_with_the_faults(self, service: FakeBridgeService) -> None:
        async with run_application(service) as running:
            [failed] = await running.request("not a stack")

        assert isinstance(failed, iac.InfrastructureUpdateFailed)
        assert "stackName: 'not a stack' names no environment" in failed.metadata["reason"]
        assert service.entrance.submitted == []

    async def test_of_two_stacks_are_carried_out_side_by_side(self, service: FakeBridgeService) -> None:
        service.entrance.go_on.clear()
        async with run_application(service) as running:
            both = asyncio.gather(running.request("aws-dev"), running.request("aws-qa"))
            await asyncio.to_thread(_wait_for_submissions, service, 2)
            service.entrance.go_on.set()
            answers = await both

        assert [names_of(answer) for answer in answers] == [["InfrastructureUpdated"]] * 2


class TestRemovals:
    async def test_are_answered_with_the_outcome(self, service: FakeBridgeService) -> None:
        request = iac.InfrastructureRemovalRequested("rest-api.aws.dev.us-east-1", "p", "us-east-1")

        async with run_application(service) as running:
            [answer] = await running.app.accept(request)

        assert isinstance(answer, iac.InfrastructureRemoved)
        assert answer.previous_event_ids == [request.id]

    async def test_that_mean_no_stack_fail(self, service: FakeBridgeService) -> None:
        async with run_application(service) as running:
            [answer] = await running.app.accept(iac.InfrastructureRemovalRequested("", "p", ""))

        assert isinstance(answer, iac.InfrastructureRemovalFailed)


class TestDoubleDelivery:
    async def test_has_one_effect(self, service: FakeBridgeService) -> None:
        async with run_application(service, [EMITTER], [iac.InfrastructureUpdated]) as running:
            request = iac.InfrastructureUpdateRequested("aws-dev", "p", "us-east-1")
            await asyncio.gather(running.app.accept(request), running.app.emit(request))
            await running.settle()
            heard = await running.hear(1)

        assert service.entrance.accepted == ["rest-api.aws.development.us-east-1"]
        assert {event.id for event in running.heard} == {heard[0].id}

    async def test_of_an_event_that_was_sent_as_text_has_one_effect(self, service: FakeBridgeService) -> None:
        """PythonEDA rebuilds an event from its text without its causes and with another time."""
        request = iac.InfrastructureUpdateRequested("aws-dev", "p", "us-east-1", {}, ["cause"])
        rebuilt = iac.InfrastructureUpdateRequested("aws-dev", "p", "us-east-1", {}, None, request.id)

        async with run_application(service) as running:
            first = await running.app.accept(request)
            second = await running.app.accept(rebuilt)

        assert first[0].id == second[0].id
        assert len({origin.digest for _, origin in service.entrance.submitted}) == 1


class TestOwnRequests:
    @pytest.mark.parametrize(
        ("request_", "ending"),
        [
            (DeploymentRequested(**ABOUT), DeploymentCompleted),
            (OwnRemovalRequested(**ABOUT), InfrastructureRemoved),
            (ServiceDeploymentNeeded(service_type="rest-api"), DeploymentCompleted),
        ],
        ids=lambda value: type(value).__name__,
    )
    async def test_end_with_their_terminal_event(self, service: FakeBridgeService, request_: Any, ending: type) -> None:
        async with run_application(service, listens_to=[ending]) as running:
            returned = await running.app.accept(request_)

        assert names_of(returned) == names_of(running.heard) == [ending.__name__]

    async def test_are_events_of_pythoneda(self, service: FakeBridgeService) -> None:
        async with run_application(service):
            assert isinstance(DeploymentRequested(**ABOUT), framework.Event)

    async def test_that_cannot_be_submitted_stop_no_other_listener(
        self, service: FakeBridgeService, caplog: pytest.LogCaptureFixture
    ) -> None:
        service.entrance.errors = [LedgerError("No disk.")]

        async with run_application(service, listens_to=[DeploymentRequested], forward_events=True) as running:
            returned = await running.app.accept(DeploymentRequested(**ABOUT))

        assert (returned, names_of(running.heard)) == ([], ["DeploymentRequested"])
        assert "No disk" in caplog.text


class TestEmitter:
    async def test_submits_requests_of_either_form(self, service: FakeBridgeService) -> None:
        async with run_application(service, [EMITTER]) as running:
            await running.app.emit(DeploymentRequested(**ABOUT))
            await running.app.emit(iac.InfrastructureRemovalRequested("aws-qa", "p", "us-east-1"))

        assert service.entrance.accepted == [
            "rest-api.aws.development.us-east-1",
            "rest-api.aws.qa.us-east-1",
        ]

    async def test_gives_other_events_to_the_application_and_to_subscriptions(self, service: FakeBridgeService) -> None:
        event = iac.DockerResourcesUpdateRequested("s", "p", "l", {"image": "x"}, [cause := str(uuid4())])

        async with run_application(service, [EMITTER], [type(event)]) as running:
            await running.app.emit(event)

        [offered] = service.entrance.offered
        assert (running.heard, service.entrance.submitted) == ([event], [])
        assert (offered.type, str(offered.id), offered.source) == (type(event).__name__, event.id, "pythoneda:app")
        assert offered.payload == {"stack_name": "s", "project_name": "p", "location": "l", "metadata": {"image": "x"}}
        assert [str(it) for it in offered.causes] == [cause, event.id]

    async def test_shows_subscriptions_nothing_that_is_sensitive(
        self, service: FakeBridgeService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(iac.DockerResourcesUpdateRequested, "sensitive_attributes", lambda: ["metadata"])

        async with run_application(service, [EMITTER]) as running:
            await running.app.emit(iac.DockerResourcesUpdateRequested("s", "p", "l", {"password": "hunter2"}))

        assert "hunter2" not in str(service.entrance.offered[0].payload)

    async def test_gives_what_subscriptions_cannot_read_to_the_application(
        self, service: FakeBridgeService, caplog: pytest.LogCaptureFixture
    ) -> None:
        event = iac.DockerResourcesUpdateRequested("s", "p", "l", {"image": object()})

        async with run_application(service, [EMITTER], [type(event)]) as running:
            await running.app.emit(event)

        assert (running.heard, service.entrance.offered) == ([event], [])
        assert "Cannot read the attributes of 'DockerResourcesUpdateRequested'" in caplog.text

    async def test_submits_no_events_of_this_package_that_are_none(self, service: FakeBridgeService) -> None:
        async with run_application(service, [EMITTER]) as running:
            await running.app.emit(DeploymentStarted(**ABOUT, deployment_id="d"))

        assert (service.entrance.submitted, service.entrance.offered) == ([], [])

    async def test_logs_what_cannot_be_submitted(
        self, service: FakeBridgeService, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with run_application(service, [EMITTER]) as running:
            await running.app.emit(iac.InfrastructureUpdateRequested("no stack", "p", ""))

        assert "names no environment" in caplog.text


class TestOperations:
    async def test_are_performed_for_applications_that_listen_themselves(self, service: FakeBridgeService) -> None:
        async with run_application(service, [FACTORY]):
            factory = framework.Ports.instance().resolve_first(iac.StackOperationFactory)
            operation = factory.new(iac.InfrastructureUpdateRequested("aws-dev", "p", "us-east-1"))
            answers = await operation.perform()

        assert names_of(answers) == ["InfrastructureUpdated"]

    async def test_are_of_whole_stacks_alone(self, service: FakeBridgeService) -> None:
        async with run_application(service, [FACTORY]):
            factory = framework.Ports.instance().resolve_first(iac.StackOperationFactory)

            with pytest.raises(Exception, match="only stacks as a whole") as refusal:
                factory.new(iac.DockerResourcesUpdateRequested("s", "p", "l"))

        assert refusal.value.error_code == "REQUEST_UNSUPPORTED"  # type: ignore[attr-defined]


class TestForwardedEvents:
    async def test_reach_the_application(self, service: FakeBridgeService) -> None:
        events = [DeploymentRequested(**ABOUT), DeploymentStarted(**ABOUT, deployment_id="d")]
        kinds = [DeploymentRequested, DeploymentStarted]

        async with run_application(service, listens_to=kinds, forward_events=True) as running:
            await record(service, *events)
            heard = await running.hear(2)

        assert heard == events
        assert service.entrance.submitted == []

    async def test_begin_where_the_process_before_had_stopped(self, service: FakeBridgeService) -> None:
        first, second, third = (DeploymentStarted(**ABOUT, deployment_id=name) for name in "abc")
        await record(service, first)
        async with run_application(service, listens_to=[DeploymentStarted], forward_events=True) as running:
            await record(service, second)
            assert await running.hear(1) == [second]
        await record(service, third)
        framework.reset_framework([])

        async with run_application(service, listens_to=[DeploymentStarted], forward_events=True) as running:
            heard = await running.hear(1)

        assert heard[-1] == third

    async def test_do_not_stop_at_a_listener_that_raises(
        self, service: FakeBridgeService, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Failing(framework.EventListener):
            @classmethod
            @framework.listen(DeploymentRequested)
            async def fail(cls, event: Any) -> None:
                raise ValueError("broken")

        async with run_application(service, listens_to=[DeploymentStarted], forward_events=True) as running:
            await record(service, DeploymentRequested(**ABOUT), DeploymentStarted(**ABOUT, deployment_id="d"))
            await running.hear(1)

        assert Failing.__name__ and "broken" in caplog.text

    async def test_are_published_ones_that_can_be_read(self, service: FakeBridgeService) -> None:
        started = DeploymentStarted(**ABOUT, deployment_id="d")
        unreadable = [
            NewEvent("infrastructure.journal.step.intended", "{}"),
            NewEvent(DeploymentStarted.type_name, '{"specversion": "9"}'),
        ]

        async with run_application(service, listens_to=[DeploymentStarted], forward_events=True) as running:
            await service.ledger.append("other", None, unreadable)
            await record(service, started)
            heard = await running.hear(1)

        assert heard == [started]

    async def test_answer_own_requests(self, service: FakeBridgeService) -> None:
        async with run_application(service, forward_events=True) as running:
            returned = await running.app.accept(DeploymentRequested(**ABOUT))

        assert (returned, len(service.entrance.accepted)) == ([], 1)

    async def test_wait_for_a_ledger_that_cannot_be_read(
        self, service: FakeBridgeService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        exchange = import_module("semantest_iac.infrastructure.pythoneda_bridge.bridge")
        monkeypatch.setattr(exchange, "LEDGER_PAUSE_S", 0)
        service.ledger = ledger = UnreadableLedger()
        started = DeploymentStarted(**ABOUT, deployment_id="d")

        async with run_application(service, listens_to=[DeploymentStarted], forward_events=True) as running:
            await record(service, started)
            heard = await running.hear(1)

        assert (heard, ledger.failures) == ([started], 0)
        assert caplog.text.count("tried again: Cannot read.") == 2

    async def test_are_given_to_the_last_one_before_the_end(self, service: FakeBridgeService) -> None:
        started = DeploymentStarted(**ABOUT, deployment_id="d")

        async with run_application(service, listens_to=[DeploymentStarted], forward_events=True) as running:
            await record(service, started)

        assert running.heard == [started]

    async def test_are_none_where_nobody_wants_them(self, service: FakeBridgeService) -> None:
        async with run_application(service, listens_to=[DeploymentStarted]) as running:
            await record(service, DeploymentStarted(**ABOUT, deployment_id="d"))
            await running.request()

        assert (running.heard, service.positions.saved) == ([], {})


class TestProcessesThatEnded:
    async def test_have_their_requests_answered(self, service: FakeBridgeService) -> None:
        service.entrance.go_on.clear()
        async with run_application(service) as running:
            asking = asyncio.create_task(running.request())
            await asyncio.to_thread(_wait_for_submissions, service, 1)
            asking.cancel()
            await asyncio.wait([asking])
            service.entrance.go_on.set()
        framework.reset_framework([])

        async with run_application(service, [EMITTER], [iac.InfrastructureUpdated]) as running:
            answers = await running.hear(1)

        assert answers[0].stack_name == "aws-dev"
        assert len(service.entrance.submitted) == 1
        assert list(service.unanswered.take_over()) == []


class TestApplicationsWithoutABridge:
    async def test_are_told_what_to_enable(self, service: FakeBridgeService) -> None:
        async with run_application(service):
            pass

        [failed] = await framework.PythonEDA("app").accept(iac.InfrastructureUpdateRequested("dev", "p", ""))

        assert failed.metadata["code"] == "BRIDGE_CLOSED"
        assert "InfrastructureDeployments" in failed.metadata["hint"]

    async def test_log_own_requests(self, service: FakeBridgeService, caplog: pytest.LogCaptureFixture) -> None:
        async with run_application(service, [EMITTER]) as running:
            pass

        with caplog.at_level(logging.ERROR):
            returned = await running.app.accept(DeploymentRequested(**ABOUT))
            await running.app.emit(DeploymentRequested(**ABOUT))

        assert returned == []
        assert len(caplog.records) >= 2


class TestSettings:
    async def test_that_are_unknown_are_refused(self, service: FakeBridgeService) -> None:
        with pytest.raises(TypeError, match="slotz"):
            async with run_application(service, slotz=2):
                pass


def _wait_for_submissions(service: FakeBridgeService, count: int) -> None:
    entrance = service.entrance
    while len(entrance.submitted) < count:
        entrance.has_submitted.wait()
        entrance.has_submitted.clear()
