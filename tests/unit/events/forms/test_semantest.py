from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from semantest_iac_events.deployments import (
    DeploymentCancelled,
    DeploymentCompleted,
    DeploymentNeedsOperator,
    DeploymentRejected,
    DeploymentRequested,
    DeploymentRolledBack,
    DeploymentSuperseded,
)
from semantest_iac_events.event import Event
from semantest_iac_events.forms.semantest import (
    from_semantest,
    read_service_deployment_needed,
    to_envelope_b,
    to_semantest,
)
from semantest_iac_events.triggers import ServiceDeploymentNeeded
from semantest_iac_events.values import ChangeCounts

FaultsOf = Callable[[Callable[..., object], Any], list[str]]
Writer = Callable[[Event], dict[str, Any]]

STACK: dict[str, Any] = {
    "component": "rest-api",
    "provider": "aws",
    "environment": "qa",
    "region": "us-east-1",
    "deployment_id": "d1",
}
FAILURE: dict[str, Any] = STACK | {"code": "PROVIDER_ERROR", "reason": "no quota"}
ENDS_WITHOUT_A_WORD = {
    "rolled_back": DeploymentRolledBack(**FAILURE, restored_deployment="d0"),
    "needs_operator": DeploymentNeedsOperator(**FAILURE, remainder=("rest-api",)),
    "rejected": DeploymentRejected(**FAILURE, ancestry=("a", "b")),
    "cancelled": DeploymentCancelled(**STACK, reason="called off"),
    "superseded": DeploymentSuperseded(**STACK, successor="d2"),
}
NEEDED = {"service_type": "rest-api", "environment": "staging", "service_config": {"memory": 512}}
IN_CAMEL_CASE = {"serviceType": "rest-api", "environment": "staging", "serviceConfig": {"memory": 512}}


class TestToSemantest:
    def test_writes_the_form_of_the_requirement(self, request_event: DeploymentRequested) -> None:
        form = to_semantest(request_event)

        assert {name: value for name, value in form.items() if name != "payload"} == {
            "id": "11111111-2222-4333-8444-555555555555",
            "type": "infrastructure.deployment.requested",
            "timestamp": "2026-11-20T10:27:03.669001Z",
            "metadata": {
                "source": "infrastructure",
                "version": 1,
                "correlationId": "11111111-2222-4333-8444-555555555555",
            },
        }

    def test_keeps_the_type_of_a_completed_deployment(self) -> None:
        form = to_semantest(DeploymentCompleted(**STACK, changes=ChangeCounts(create=1)))

        assert (form["type"], "outcome" in form["payload"]) == ("infrastructure.deployment.completed", False)

    @pytest.mark.parametrize("outcome", ENDS_WITHOUT_A_WORD)
    def test_writes_every_other_end_as_a_failure_with_its_outcome(self, outcome: str) -> None:
        form = to_semantest(ENDS_WITHOUT_A_WORD[outcome])

        assert (form["type"], form["payload"]["outcome"]) == ("infrastructure.deployment.failed", outcome)


class TestToEnvelopeB:
    def test_has_the_attributes_of_the_server_and_the_cli(self, request_event: DeploymentRequested) -> None:
        form = to_envelope_b(request_event)

        assert form["eventId"] == form["id"] == str(request_event.id)
        assert form["eventType"] == form["type"] == request_event.type_name
        assert form["correlationId"] == form["metadata"]["correlationId"] == request_event.correlation_id
        assert form["aggregateId"] == request_event.stack


class TestFromSemantest:
    @pytest.mark.parametrize("write", [to_semantest, to_envelope_b])
    @pytest.mark.parametrize("event", ENDS_WITHOUT_A_WORD.values(), ids=ENDS_WITHOUT_A_WORD)
    def test_reads_exactly_what_was_written(self, write: Writer, event: Event) -> None:
        assert from_semantest(write(event)) == event

    def test_reads_all_causes(self, request_event: Event, causes: tuple[Event, Event]) -> None:
        event = request_event.caused_by(*causes)

        assert from_semantest(to_semantest(event)).previous_event_ids == event.previous_event_ids

    def test_reads_an_event_wrapped_by_the_event_store(self, request_event: DeploymentRequested) -> None:
        form = _stored(request_event.type_name, to_semantest(request_event)["payload"])

        event = from_semantest(form)

        assert event.model_dump(exclude={"id", "occurred_at"}) == request_event.model_dump(
            exclude={"id", "occurred_at"}
        ) | {"correlation_id": "c1"}

    def test_reads_the_trigger_too(self) -> None:
        event = from_semantest(_stored("ServiceDeploymentNeeded", IN_CAMEL_CASE))

        assert isinstance(event, ServiceDeploymentNeeded)

    @pytest.mark.parametrize(
        ("form", "faults"),
        [
            ({"type": "ImageGenerated"}, ["type is not a type of this contract"]),
            (
                {"type": "infrastructure.deployment.failed", "payload": {"outcome": "exploded"}},
                ["type is not a type of this contract"],
            ),
            (
                {"type": "infrastructure.deployment.cancelled", "payload": STACK | {"reason": 1, "id": "x"}},
                ["payload.id is not a field of this event", "payload.reason input should be a valid string"],
            ),
        ],
        ids=["foreign type", "unknown outcome", "wrong payload"],
    )
    def test_refuses_with_every_fault(self, faults_of: FaultsOf, form: dict[str, Any], faults: list[str]) -> None:
        assert faults_of(from_semantest, form) == faults


class TestServiceDeploymentNeeded:
    @pytest.mark.parametrize("payload", [NEEDED, IN_CAMEL_CASE], ids=["snake", "camel"])
    def test_is_read_in_either_spelling(self, payload: dict[str, Any]) -> None:
        event = read_service_deployment_needed({"type": "ServiceDeploymentNeeded", "payload": payload})

        assert (event.service_type, event.environment, event.service_config) == tuple(NEEDED.values())

    @pytest.mark.parametrize(
        "form",
        [
            {"eventType": "ServiceDeploymentNeeded", "correlationId": "c1", "aggregateId": "a", **NEEDED},
            {
                "eventId": "e1",
                "eventType": "ServiceDeploymentNeeded",
                "payload": NEEDED,
                "metadata": {"correlationId": "c1"},
            },
            {
                "eventType": "ServiceDeploymentNeeded",
                "occurredOn": "2026-11-20T10:27:03Z",
                "payload": NEEDED | {"correlationId": "c1"},
            },
            {
                "event": {
                    "eventType": "ServiceDeploymentNeeded",
                    "payload": NEEDED,
                    "metadata": {"correlationId": "c1"},
                }
            },
            {"type": "ServiceDeploymentNeeded", "correlationId": "c1", "payload": NEEDED},
            {"type": "semantest.service.deployment.needed", "correlationId": "c1", "payload": NEEDED},
        ],
        ids=["core", "server", "domain", "stored", "wire", "our name"],
    )
    def test_is_read_from_every_envelope(self, form: dict[str, Any]) -> None:
        event = read_service_deployment_needed(form)

        assert (event.service_type, event.environment, event.correlation_id) == ("rest-api", "staging", "c1")

    def test_needs_no_environment(self) -> None:
        event = read_service_deployment_needed(_stored("ServiceDeploymentNeeded", {"serviceType": "rest-api"}))

        assert event.environment is None

    def test_keeps_an_id_that_is_a_uuid(self, request_event: Event) -> None:
        form = {"id": str(request_event.id), "type": "ServiceDeploymentNeeded", "payload": NEEDED}

        assert read_service_deployment_needed(form).id == request_event.id

    def test_has_the_same_id_at_every_delivery(self) -> None:
        form = _stored("ServiceDeploymentNeeded", NEEDED)

        assert read_service_deployment_needed(form) == read_service_deployment_needed(form)

    def test_has_another_id_for_other_content(self) -> None:
        form = {"id": "t1", "type": "ServiceDeploymentNeeded", "payload": NEEDED}
        other = form | {"payload": NEEDED | {"environment": "qa"}}

        assert read_service_deployment_needed(form).id != read_service_deployment_needed(other).id

    @pytest.mark.parametrize(
        ("cause", "known"),
        [("evt_1", 0), ("4f0c2a4e-8b55-4a1d-9e0c-7b21a3f3b0e2", 1)],
        ids=["theirs", "ours"],
    )
    def test_names_only_causes_with_a_uuid(self, cause: str, known: int) -> None:
        form = {
            "type": "ServiceDeploymentNeeded",
            "payload": NEEDED,
            "metadata": {"causationId": cause},
        }

        assert len(read_service_deployment_needed(form).previous_event_ids) == known

    @pytest.mark.parametrize(
        ("form", "faults"),
        [
            ({"type": "ServiceNeeded"}, ["type is not ServiceDeploymentNeeded"]),
            ({"type": "ServiceDeploymentNeeded"}, ["payload.service_type is missing"]),
            (
                {
                    "type": "ServiceDeploymentNeeded",
                    "payload": {"serviceType": 1, "serviceConfig": []},
                },
                [
                    "payload.service_type input should be a valid string",
                    "payload.service_config input should be an object",
                ],
            ),
        ],
        ids=["another type", "no service", "wrong types"],
    )
    def test_is_refused_with_every_fault(self, faults_of: FaultsOf, form: dict[str, Any], faults: list[str]) -> None:
        assert faults_of(read_service_deployment_needed, form) == faults


def _stored(event_type: str, payload: dict[str, Any]) -> dict[str, Any]:
    """As Semantest's event store hands it to subscribers: with an id and a time of its own."""
    event = {
        "eventId": "evt_1795170423669_gjurfji01",
        "aggregateId": "rest-api",
        "eventType": event_type,
        "eventVersion": 1,
        "payload": payload,
        "metadata": {
            "correlationId": "c1",
            "causationId": None,
            "userId": "system",
            "timestamp": "2026-11-20T10:27:03.669Z",
            "sequenceNumber": 5,
        },
    }
    position = {"streamPosition": 0, "globalPosition": 5, "committedAt": "2026-11-20T10:27:03.670Z"}
    return {"type": "event", "envelope": {"event": event} | position}
