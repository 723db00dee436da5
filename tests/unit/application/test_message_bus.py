"""The order of recording and handling, failures of handlers, observers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from semantest_iac.application.message_bus import EventObservers, MessageBus
from semantest_iac_events.deployments import DeploymentFailed, DeploymentRequested, DeploymentStarted
from semantest_iac_events.event import Event
from semantest_iac_events.infrastructure import EnvironmentConfigured


def a_request(name: str = "d1", region: str = "us-east-1") -> DeploymentRequested:
    return DeploymentRequested(
        component="rest-api", provider="aws", environment="development", region=region, deployment_id=name
    )


def started(request: DeploymentRequested) -> DeploymentStarted:
    about = request.model_dump(include={"component", "provider", "environment", "region", "deployment_id"})
    return DeploymentStarted(**about)


def failed(event: Event, error: Exception) -> Event | None:
    if not isinstance(event, DeploymentRequested):
        return None
    about = event.model_dump(include={"component", "provider", "environment", "region", "deployment_id"})
    return DeploymentFailed(**about, code=type(error).__name__, reason="It failed.")


class RecordingBus:
    """A bus with the events that it recorded and the notes of its handlers."""

    def __init__(self) -> None:
        self.recorded: list[Event] = []
        self.notes: list[str] = []
        self.observers = EventObservers()
        self.bus = MessageBus(self._record, failed, self.observers)

    async def _record(self, event: Event) -> None:
        await asyncio.sleep(0)
        self.recorded.append(event)


@pytest.fixture
def recording() -> RecordingBus:
    return RecordingBus()


class TestMessageBus:
    async def test_records_an_event_before_any_handler_gets_it(self, recording: RecordingBus) -> None:
        async def handle(event: Event) -> Sequence[Event]:
            recording.notes += [str(event.id) for event in recording.recorded]
            return []

        recording.bus.register(DeploymentRequested, handle)
        request = a_request()
        await recording.bus.publish(request)

        assert recording.notes == [str(request.id)]

    async def test_calls_handlers_for_exactly_their_classes(self, recording: RecordingBus) -> None:
        async def handle(event: Event) -> Sequence[Event]:
            recording.notes.append(type(event).__name__)
            return []

        recording.bus.register(DeploymentStarted, handle)
        recording.bus.register(DeploymentFailed, handle)
        await recording.bus.publish(a_request())
        await recording.bus.publish(started(a_request()))

        assert recording.notes == ["DeploymentStarted"]

    async def test_publishes_results_as_caused_by_their_event(self, recording: RecordingBus) -> None:
        async def handle(event: Event) -> Sequence[Event]:
            return [started(a_request())]

        recording.bus.register(DeploymentRequested, handle)
        request = a_request()
        await recording.bus.publish(request)

        answer = recording.recorded[1]
        assert (answer.previous_event_ids, answer.correlation_id) == ((request.id,), str(request.id))

    async def test_calls_the_handlers_of_results(self, recording: RecordingBus) -> None:
        async def take_up(event: Event) -> Sequence[Event]:
            return [started(a_request())]

        async def note(event: Event) -> Sequence[Event]:
            recording.notes.append("started")
            return []

        recording.bus.register(DeploymentRequested, take_up)
        recording.bus.register(DeploymentStarted, note)
        await recording.bus.publish(a_request())

        assert recording.notes == ["started"]

    async def test_publishes_a_failure_event_for_what_a_handler_raises(self, recording: RecordingBus) -> None:
        async def handle(event: Event) -> Sequence[Event]:
            raise ValueError("no")

        recording.bus.register(DeploymentRequested, handle)
        request = a_request()
        await recording.bus.publish(request)

        failure = recording.recorded[1]
        assert isinstance(failure, DeploymentFailed)
        assert (failure.code, failure.previous_event_ids) == ("ValueError", (request.id,))

    async def test_calls_no_handler_after_one_that_raised(self, recording: RecordingBus) -> None:
        async def fail(event: Event) -> Sequence[Event]:
            raise ValueError("no")

        async def note(event: Event) -> Sequence[Event]:
            recording.notes.append("called")
            return []

        recording.bus.register(DeploymentRequested, fail)
        recording.bus.register(DeploymentRequested, note)
        await recording.bus.publish(a_request())

        assert ([type(event) for event in recording.recorded][1:], recording.notes) == ([DeploymentFailed], [])

    async def test_raises_what_has_no_failure_event(self, recording: RecordingBus) -> None:
        async def handle(event: Event) -> Sequence[Event]:
            raise ValueError("no")

        recording.bus.register(DeploymentStarted, handle)

        with pytest.raises(ValueError, match="no"):
            await recording.bus.publish(started(a_request()))

    async def test_continues_after_a_handler_raised(self, recording: RecordingBus) -> None:
        async def handle(event: Event) -> Sequence[Event]:
            recording.notes.append("heard")
            raise ValueError("no")

        recording.bus.register(DeploymentStarted, handle)
        for _ in range(2):
            with pytest.raises(ValueError, match="no"):
                await recording.bus.publish(started(a_request()))

        assert recording.notes == ["heard", "heard"]

    async def test_records_events_without_a_stack(self, recording: RecordingBus) -> None:
        event = EnvironmentConfigured(environment="qa", provider="aws", region="us-east-1")

        await recording.bus.publish(event)

        assert recording.recorded == [event]


class TestLastEvents:
    async def test_come_after_those_that_are_being_recorded_and_before_no_other(self) -> None:
        recorded, is_recorded = list[str](), asyncio.Event()

        async def record(event: Event) -> None:
            if event.region == "us-east-1":  # type: ignore[attr-defined]
                await is_recorded.wait()
            recorded.append(event.region)  # type: ignore[attr-defined]

        bus = MessageBus(record, failed)
        first = asyncio.create_task(bus.record(a_request()))
        await asyncio.sleep(0)
        last = asyncio.create_task(bus.record_last(lambda: a_request(region="us-east-2")))
        later = asyncio.create_task(bus.record(a_request(region="eu-west-1")))
        await asyncio.sleep(0)
        is_recorded.set()
        ended = await asyncio.gather(first, last, later, return_exceptions=True)

        assert recorded == ["us-east-1", "us-east-2"]
        assert isinstance(ended[2], asyncio.CancelledError)


class TestObservers:
    async def test_see_published_and_recorded_events(self, recording: RecordingBus) -> None:
        seen: list[Event] = []
        recording.observers.add(seen.append)

        published, recorded = a_request("d1"), a_request("d2")
        await recording.bus.publish(published)
        await recording.bus.record(recorded)

        assert seen == [published, recorded]

    async def test_are_dropped_when_they_raise(self, recording: RecordingBus) -> None:
        def closed(event: Event) -> None:
            recording.notes.append("tried")
            raise BrokenPipeError

        seen: list[Event] = []
        recording.observers.add(closed)
        recording.observers.add(seen.append)
        for name in ("d1", "d2"):
            await recording.bus.publish(a_request(name))

        assert (recording.notes, len(seen), len(recording.recorded)) == (["tried"], 2, 2)
