"""Who hears of what, in which order, and what becomes of errors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from semantest_iac.application.message_bus import MessageBus
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


class Hall:
    """A bus, what it recorded, and what its handlers noted."""

    def __init__(self) -> None:
        self.recorded: list[Event] = []
        self.notes: list[str] = []
        self.bus = MessageBus(self._record, failed)

    async def _record(self, event: Event) -> None:
        await asyncio.sleep(0)
        self.recorded.append(event)


@pytest.fixture
def hall() -> Hall:
    return Hall()


class TestMessageBus:
    async def test_records_an_event_before_any_handler_hears_of_it(self, hall: Hall) -> None:
        async def handle(event: Event) -> Sequence[Event]:
            hall.notes += [str(event.id) for event in hall.recorded]
            return []

        hall.bus.register(DeploymentRequested, handle)
        request = a_request()
        await hall.bus.publish(request)

        assert hall.notes == [str(request.id)]

    async def test_tells_handlers_of_exactly_the_classes_that_they_listen_to(self, hall: Hall) -> None:
        async def handle(event: Event) -> Sequence[Event]:
            hall.notes.append(type(event).__name__)
            return []

        hall.bus.register(DeploymentStarted, handle)
        hall.bus.register(DeploymentFailed, handle)
        await hall.bus.publish(a_request())
        await hall.bus.publish(started(a_request()))

        assert hall.notes == ["DeploymentStarted"]

    async def test_publishes_answers_as_caused_by_their_event(self, hall: Hall) -> None:
        async def handle(event: Event) -> Sequence[Event]:
            return [started(a_request())]

        hall.bus.register(DeploymentRequested, handle)
        request = a_request()
        await hall.bus.publish(request)

        answer = hall.recorded[1]
        assert (answer.previous_event_ids, answer.correlation_id) == ((request.id,), str(request.id))

    async def test_hands_answers_to_their_own_handlers(self, hall: Hall) -> None:
        async def take_up(event: Event) -> Sequence[Event]:
            return [started(a_request())]

        async def note(event: Event) -> Sequence[Event]:
            hall.notes.append("started")
            return []

        hall.bus.register(DeploymentRequested, take_up)
        hall.bus.register(DeploymentStarted, note)
        await hall.bus.publish(a_request())

        assert hall.notes == ["started"]

    async def test_makes_a_failure_event_of_what_a_handler_raises(self, hall: Hall) -> None:
        async def handle(event: Event) -> Sequence[Event]:
            raise ValueError("no")

        hall.bus.register(DeploymentRequested, handle)
        request = a_request()
        await hall.bus.publish(request)

        failure = hall.recorded[1]
        assert isinstance(failure, DeploymentFailed)
        assert (failure.code, failure.previous_event_ids) == ("ValueError", (request.id,))

    async def test_raises_what_no_failure_event_tells_of(self, hall: Hall) -> None:
        async def handle(event: Event) -> Sequence[Event]:
            raise ValueError("no")

        hall.bus.register(DeploymentStarted, handle)

        with pytest.raises(ValueError, match="no"):
            await hall.bus.publish(started(a_request()))

    async def test_goes_on_with_a_stack_after_a_handler_raised(self, hall: Hall) -> None:
        async def handle(event: Event) -> Sequence[Event]:
            hall.notes.append("heard")
            raise ValueError("no")

        hall.bus.register(DeploymentStarted, handle)
        for _ in range(2):
            with pytest.raises(ValueError, match="no"):
                await hall.bus.publish(started(a_request()))

        assert hall.notes == ["heard", "heard"]

    async def test_carries_events_that_are_about_no_stack(self, hall: Hall) -> None:
        event = EnvironmentConfigured(environment="qa", provider="aws", region="us-east-1")

        await hall.bus.publish(event)

        assert hall.recorded == [event]


class TestObservers:
    async def test_see_published_and_merely_recorded_events(self, hall: Hall) -> None:
        seen: list[Event] = []
        hall.bus.observe(seen.append)

        published, recorded = a_request("d1"), a_request("d2")
        await hall.bus.publish(published)
        await hall.bus.record(recorded)

        assert seen == [published, recorded]

    async def test_do_not_stop_what_they_watch_when_they_raise(self, hall: Hall) -> None:
        def closed(event: Event) -> None:
            hall.notes.append("tried")
            raise BrokenPipeError

        seen: list[Event] = []
        hall.bus.observe(closed)
        hall.bus.observe(seen.append)
        for name in ("d1", "d2"):
            await hall.bus.publish(a_request(name))

        assert (hall.notes, len(seen), len(hall.recorded)) == (["tried"], 2, 2)
