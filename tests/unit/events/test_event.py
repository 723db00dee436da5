from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from semantest_iac_events.deployments import DeploymentFailed, DeploymentRequested, DeploymentStarted
from semantest_iac_events.event import Event
from semantest_iac_events.forms.cloudevents import from_cloudevent, to_cloudevent

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class TestEvent:
    def test_has_its_own_id(self) -> None:
        assert Event().id != Event().id

    def test_occurs_now_by_default(self) -> None:
        before = datetime.now(UTC)

        event = Event()

        assert before <= event.occurred_at <= datetime.now(UTC)

    def test_keeps_its_time_in_utc_whatever_the_offset(self) -> None:
        local = NOON.astimezone(timezone(timedelta(hours=-7)))

        event = Event(occurred_at=local)

        assert event.occurred_at.isoformat() == "2026-11-20T12:00:00+00:00"

    def test_refuses_a_time_without_offset(self) -> None:
        with pytest.raises(ValidationError, match="timezone"):
            Event(occurred_at=NOON.replace(tzinfo=None))

    def test_starts_its_own_correlation(self) -> None:
        event = Event()

        assert event.correlation_id == str(event.id)

    @pytest.mark.parametrize("text", ["", "a\nb", "a\x7f", "a\x9b", "x" * 257], ids=repr)
    def test_refuses_a_correlation_with_line_breaks(self, text: str) -> None:
        with pytest.raises(ValidationError):
            Event(correlation_id=text)

    def test_cannot_be_changed(self) -> None:
        event = Event()

        with pytest.raises(ValidationError, match="frozen"):
            event.correlation_id = "another"

    def test_equals_an_event_with_the_same_fields(self) -> None:
        event = Event()

        assert Event.model_validate(event.model_dump()) == event

    def test_differs_from_an_event_with_another_id(self) -> None:
        assert Event(occurred_at=NOON) != Event(occurred_at=NOON)

    def test_can_be_a_member_of_a_set_although_it_holds_mappings(self, request_event: Event) -> None:
        again = request_event.model_copy()

        assert {request_event, again} == {request_event}

    def test_is_no_error(self) -> None:
        assert not Event().is_error


class TestCauses:
    def test_are_appended_once_each_in_order(self, causes: tuple[Event, Event]) -> None:
        first, second = causes

        event = Event().caused_by(first).caused_by(second, first)

        assert event.previous_event_ids == (first.id, second.id)

    def test_pass_on_the_correlation_of_the_first(self, causes: tuple[Event, Event]) -> None:
        event = Event().caused_by(*causes)

        assert event.correlation_id == causes[0].correlation_id

    def test_leave_the_event_itself_unchanged(self, causes: tuple[Event, Event]) -> None:
        event = Event()

        event.caused_by(*causes)

        assert event.previous_event_ids == ()

    def test_change_nothing_when_there_are_none(self) -> None:
        event = Event()

        assert event.caused_by() == event


class TestStackEvent:
    def test_names_its_stack(self, request_event: DeploymentRequested) -> None:
        assert request_event.stack == "rest-api.aws.development.us-east-1"

    @pytest.mark.parametrize("project", ["semantest", "shop"])
    def test_carries_a_project_that_is_not_the_default_one(
        self, request_event: DeploymentRequested, project: str
    ) -> None:
        event = request_event.model_copy(update={"project": project})

        form = to_cloudevent(event)

        assert form["subject"] == event.stack == ("shop." if project == "shop" else "") + request_event.stack
        assert form["data"].get("project") == ("shop" if project == "shop" else None)
        assert from_cloudevent(form) == event

    def test_of_a_request_has_names_in_any_case(self) -> None:
        request = DeploymentRequested(
            component="REST-API", provider="Azure", environment="QA", region="West US 2", configuration={}
        )

        assert request.stack == "rest-api.azure.qa.westus2"

    def test_is_about_its_stack(self, request_event: DeploymentRequested) -> None:
        assert (Event().subject, request_event.subject) == (None, request_event.stack)

    def test_of_a_request_names_the_deployment_after_it(self, request_event: DeploymentRequested) -> None:
        assert request_event.deployment_id == str(request_event.id)

    def test_needs_a_deployment_when_it_is_no_request(self) -> None:
        with pytest.raises(ValidationError, match="deployment_id"):
            DeploymentStarted.model_validate(
                {"component": "rest-api", "provider": "aws", "environment": "qa", "region": "us-east-1"}
            )

    def test_of_a_failure_is_an_error(self, request_event: DeploymentRequested) -> None:
        failure = _failure(request_event, reason="no quota")

        assert failure.is_error

    def test_replaces_text_that_cannot_be_encoded(self, request_event: DeploymentRequested) -> None:
        undecodable = b"quota \xff".decode("utf-8", "surrogateescape")

        failure = _failure(request_event, reason=undecodable)

        assert failure.reason == "quota ?"

    def test_keeps_its_own_copy_of_the_configuration(self, request_event: DeploymentRequested) -> None:
        memory: list[object] = [512]
        event = DeploymentRequested.model_validate(request_event.model_dump() | {"configuration": {"memory": memory}})

        memory.append(1024)

        assert event.configuration == {"memory": [512]}

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: 2}, {1, 2}, object], ids=repr)
    def test_refuses_a_configuration_that_json_cannot_express(
        self, request_event: DeploymentRequested, value: object
    ) -> None:
        with pytest.raises(ValidationError):
            DeploymentRequested.model_validate(request_event.model_dump() | {"configuration": {"memory": value}})

    def test_shows_no_input_in_errors(self, request_event: DeploymentRequested) -> None:
        with pytest.raises(ValidationError) as refusal:
            DeploymentRequested.model_validate(request_event.model_dump() | {"hops": "hunter2"})

        assert "hunter2" not in str(refusal.value)


class PythonEdaEvent(ABC):
    """Stands in for PythonEDA's own base class, which is not installed where tests run."""

    @property
    @abstractmethod
    def entity_type(self) -> str:
        """Abstract there too, and never asked of registered classes."""


PythonEdaEvent.register(Event)


class TestInsidePythonEda:
    def test_is_an_event_there_once_the_base_is_registered(self, request_event: Event) -> None:
        assert isinstance(request_event, PythonEdaEvent)

    def test_is_no_iterable(self, request_event: Event) -> None:
        assert not isinstance(request_event, Iterable)

    async def test_triggers_nothing_by_itself(self, request_event: Event) -> None:
        assert await request_event.maybe_trigger() == []

    def test_has_a_full_class_name(self) -> None:
        assert DeploymentRequested.full_class_name() == "semantest_iac_events.deployments.DeploymentRequested"


def _failure(request: DeploymentRequested, *, reason: str) -> DeploymentFailed:
    stack = request.model_dump(include={"component", "provider", "environment", "region", "deployment_id"})
    return DeploymentFailed.model_validate(stack | {"code": "PROVIDER_ERROR", "reason": reason})
