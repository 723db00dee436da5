"""What is recorded of an event and decoded again, and what is counted of an engine's progress."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import JsonValue

from semantest_iac.application.deployment.recorder import EventRecorder, OperationCounter, decode_event
from semantest_iac.application.ports.ledger import NewEvent, RecordedEvent
from semantest_iac.domain.deployment.events import ShiftRequested, StepIntended
from semantest_iac.domain.errors import LedgerError
from semantest_iac.domain.ports.provisioner import ResourceProgress
from semantest_iac_events.deployments import (
    DeploymentApproved,
    DeploymentCompleted,
    DeploymentDisapproved,
    DeploymentRequested,
)
from semantest_iac_events.event import Event
from semantest_iac_events.infrastructure import EnvironmentConfigured, SecretChanged
from semantest_iac_events.values import ChangeCounts
from tests.fakes.memory_ledger import STACK_PARTS as ABOUT
from tests.fakes.memory_ledger import MemoryLedger

STACK = "rest-api.aws.development.us-east-1"


def a_request(configuration: dict[str, JsonValue]) -> DeploymentRequested:
    return DeploymentRequested(**ABOUT, configuration=configuration)


def a_completion(outputs: dict[str, JsonValue]) -> DeploymentCompleted:
    return DeploymentCompleted(**ABOUT, deployment_id="d", changes=ChangeCounts(), outputs=outputs)


async def recorded(event: Event, secret: str = "hunter2") -> RecordedEvent:
    ledger = MemoryLedger()
    await EventRecorder(ledger, lambda text: text.replace(secret, "***")).record(event)
    return ledger.recorded[0]


class TestRecorder:
    async def test_writes_the_cloudevents_form_into_the_stream_of_the_stack(self) -> None:
        request = a_request({})

        row = await recorded(request)

        assert (row.stream, row.type, row.event["id"]) == (STACK, request.type_name, str(request.id))

    async def test_keeps_the_events_of_an_environment_in_a_stream_of_their_own(self) -> None:
        row = await recorded(EnvironmentConfigured(environment="qa", provider="aws", region="us-east-1"))

        assert row.stream == "environment/semantest.qa.aws.us-east-1"

    async def test_takes_secrets_out_however_deep_they_are(self) -> None:
        row = await recorded(a_completion({"a": [{"b": "say hunter2 twice: hunter2"}]}))

        assert row.event["data"]["outputs"] == {"a": [{"b": "say *** twice: ***"}]}

    async def test_keeps_the_configuration_that_a_rollback_deploys_again(self) -> None:
        configuration: dict[str, JsonValue] = {
            "components": {"rest-api": {"environment": {"MODE": "hunter2", "OTHER": "***"}}}
        }

        row = await recorded(a_request(configuration))

        assert row.event["data"]["configuration"] == configuration

    @pytest.mark.parametrize("secret", ["true", "1234", "null", '"', "rest-api", "infrastructure", "test", "id", "-"])
    async def test_leaves_an_event_readable_whatever_a_secret_is(self, secret: str) -> None:
        request = a_request({"on": True, "port": 1234, "off": None}).caused_by(a_request({}), a_request({}))

        row = await recorded(request, secret)

        assert decode_event(row) == request

    async def test_waits_for_the_ledger_when_it_is_called_off(self) -> None:
        ledger, began, go_on = MemoryLedger(), asyncio.Event(), asyncio.Event()

        class SlowLedger(MemoryLedger):
            async def append(self, stream: str, version: int | None, events: Sequence[NewEvent]) -> list[RecordedEvent]:
                began.set()
                await go_on.wait()
                return await ledger.append(stream, version, events)

        recording = asyncio.create_task(EventRecorder(SlowLedger(), str).record(a_request({})))
        await began.wait()
        recording.cancel()
        await asyncio.sleep(0)
        go_on.set()

        with pytest.raises(asyncio.CancelledError):
            await recording
        assert len(ledger.recorded) == 1


class TestRevived:
    @pytest.mark.parametrize(
        "event",
        [
            a_request({"environment": "dev"}),
            StepIntended(**ABOUT, deployment_id="d1", step="apply"),
            DeploymentCompleted(**ABOUT, deployment_id="d1", changes=ChangeCounts(create=2)),
        ],
        ids=lambda event: event.type_name,
    )
    async def test_is_the_event_that_was_recorded(self, event: Event) -> None:
        assert decode_event(await recorded(event)) == event

    def test_is_refused_for_a_row_that_holds_no_event_of_ours(self) -> None:
        row = RecordedEvent(7, STACK, 1, "infrastructure.deployment.requested", '{"type": "x"}', "")

        with pytest.raises(LedgerError, match="Cannot read event 7 of the ledger"):
            decode_event(row)


def _progress(name: str, op: str, state: str = "done") -> ResourceProgress:
    return ResourceProgress(f"urn:{name}", "t", name, op, state)


class TestOperationCounter:
    def test_passes_everything_on_and_counts_what_succeeded(self) -> None:
        seen: list[ResourceProgress] = []
        counter = OperationCounter(seen.append)
        reported = [_progress("a", "create", "running"), _progress("a", "create"), _progress("b", "create", "failed")]
        for progress in (*reported, _progress("a", "publish"), _progress("c", "publish")):
            counter(progress)

        assert (len(seen), counter.has_begun, counter.operations) == (5, True, ["create"])

    def test_counts_a_replacement_once_whichever_part_of_it_comes_first(self) -> None:
        counter = OperationCounter(lambda progress: None)
        for progress in (
            _progress("a", "replace"),
            _progress("a", "delete"),
            _progress("b", "delete"),
            _progress("b", "replace"),
        ):
            counter(progress)

        assert counter.operations == ["replace", "replace"]

    def test_has_not_begun_before_the_first_operation(self) -> None:
        assert not OperationCounter(lambda progress: None).has_begun


class TestPeople:
    """Whoever requests or decides could hide, or seem to be another one, with a secret of that value."""

    async def test_are_recorded_as_they_are(self) -> None:
        about: dict[str, Any] = {**ABOUT, "deployment_id": "d"}
        secret = "ana"
        events = [
            DeploymentRequested(**ABOUT, requested_by="joana"),
            DeploymentApproved(**about, approved_by="ana"),
            DeploymentDisapproved(**about, disapproved_by="ana", reason="ana said so"),
            ShiftRequested(**about, shift="return", requested_by="ana"),
        ]
        data = [(await recorded(event, secret)).event["data"] for event in events]

        names = [[it.get(f"{verb}_by") for verb in ("requested", "approved", "disapproved")] for it in data]
        assert [next(filter(None, each)) for each in names] == ["joana", "ana", "ana", "ana"]
        assert secret not in data[2]["reason"]

    async def test_that_an_event_names_are_not(self) -> None:
        by = "ana, event infrastructure.deployment.requested from core"
        entry = await recorded(DeploymentRequested(**ABOUT, requested_by=by), "ana")

        assert "ana" not in entry.event["data"]["requested_by"]


@pytest.mark.parametrize("value", ["us-east-1", "db", "v-1"])
async def test_where_a_value_was_set_can_be_read_back(value: str) -> None:
    """A secret may be the name of a region, which is a part of its own address."""
    place: dict[str, Any] = {
        "secret": "db",
        "version": "v-1",
        "address": "arn:aws:secretsmanager:us-east-1:1:secret:db",
    }
    entry = await recorded(SecretChanged(**ABOUT, deployment_id="d", action="set", changed_by="ana", **place), value)

    assert {name: entry.event["data"][name] for name in place} == place
