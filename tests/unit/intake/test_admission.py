"""What the ledger says about a request, and the answer to one that is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from semantest_iac.application.intake.admission import build_rejection, judge_request, refuse_after_error
from semantest_iac.application.intake.request_origin import COMMAND_LINE, read_cloudevent_origin, read_envelope_origin
from semantest_iac.application.ports.ledger import NewEvent
from semantest_iac.application.ports.request_sources import RequestLimit, RequestRefusal
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import Event, StackRequest
from semantest_iac_events.forms.cloudevents import from_cloudevent, to_cloudevent
from semantest_iac_events.forms.semantest import from_semantest
from semantest_iac_events.infrastructure import (
    InfrastructureRemovalRequested,
    InfrastructureUpdated,
    RollbackRequested,
    ScalingTriggered,
)
from semantest_iac_events.values import ChangeCounts
from tests.fakes.memory_ledger import MemoryLedger

PLACE: dict[str, Any] = {
    "component": "rest-api",
    "provider": "aws",
    "environment": "development",
    "region": "us-east-1",
}
STACK = "rest-api.aws.development.us-east-1"
LIMIT = RequestLimit(5, 10)


def a_request(**fields: Any) -> DeploymentRequested:
    return DeploymentRequested(**PLACE | fields)


def receive(event: StackRequest) -> tuple[Any, Any]:
    """The request as it is read from a CloudEvent, and its origin."""
    form = to_cloudevent(event, source="/github")
    read = from_cloudevent(form)
    return read, read_cloudevent_origin(form, read)


async def record(ledger: MemoryLedger, event: Event) -> None:
    await ledger.append(STACK, None, [NewEvent(event.type_name, json.dumps(to_cloudevent(event)))])


async def deployed(ledger: MemoryLedger) -> InfrastructureUpdated:
    await record(ledger, request := a_request())
    updated = InfrastructureUpdated(**PLACE, deployment_id=request.deployment_id, changes=ChangeCounts())
    await record(ledger, updated := updated.caused_by(request))
    return updated


class TestJudging:
    def test_gives_an_event_its_identity_order_and_limit(self) -> None:
        request, origin = receive(a_request())

        judged = judge_request(MemoryLedger(), request, origin, LIMIT)

        assert (judged.submission.source, judged.submission.key, judged.submission.digest) == (
            "/github",
            str(request.id),
            origin.digest,
        )
        assert (judged.submission.order, judged.submission.limit, judged.submission.refusal, judged.duplicate_of) == (
            origin.order,
            LIMIT,
            None,
            None,
        )
        assert judged.request == request

    async def test_lets_a_command_pass(self) -> None:
        ledger = MemoryLedger()
        updated = await deployed(ledger)

        judged = judge_request(ledger, a_request(correlation_id=updated.correlation_id), COMMAND_LINE, LIMIT)

        assert (
            judged.submission.refusal,
            judged.submission.order,
            judged.submission.limit,
            judged.submission.source,
        ) == (None, None, None, "command-line")

    @pytest.mark.parametrize(
        ("request_type", "replaces"),
        [
            (DeploymentRequested, True),
            (InfrastructureRemovalRequested, True),
            (RollbackRequested, False),
            (ScalingTriggered, False),
        ],
    )
    def test_lets_complete_states_replace_what_waits(self, request_type: type[StackRequest], replaces: bool) -> None:
        numbers: dict[str, Any] = {"min_instances": 1, "max_instances": 2} if request_type is ScalingTriggered else {}
        request, origin = receive(request_type(**PLACE, **numbers))

        assert judge_request(MemoryLedger(), request, origin).submission.replaces_waiting is replaces

    async def test_refuses_a_loop_with_its_path(self) -> None:
        ledger = MemoryLedger()
        request, origin = receive(a_request().caused_by(await deployed(ledger)))

        refusal = judge_request(ledger, request, origin).submission.refusal

        assert refusal is not None
        assert (refusal.code, refusal.path) == ("REQUEST_LOOP", (STACK, STACK))
        assert f"{STACK} -> {STACK}" in refusal.reason

    async def test_counts_the_hops_of_a_request(self) -> None:
        ledger = MemoryLedger()
        request, origin = receive(a_request(component="websocket").caused_by(await deployed(ledger)))

        judged = judge_request(ledger, request, origin)

        assert isinstance(judged.request, DeploymentRequested)
        assert (judged.request.hops, judged.submission.refusal) == (1, None)

    def test_refuses_more_hops_than_ten(self) -> None:
        codes = []
        for hops in (10, 11):
            refusal = judge_request(MemoryLedger(), *receive(a_request(hops=hops))).submission.refusal
            codes.append(refusal and refusal.code)

        assert codes == [None, "TOO_MANY_HOPS"]

    async def test_knows_the_causes_of_the_event_that_led_to_a_request(self) -> None:
        ledger = MemoryLedger()
        updated = await deployed(ledger)
        form = {
            "eventType": "ServiceDeploymentNeeded",
            "eventId": "evt_1",
            "payload": {"serviceType": "rest-api"},
            "metadata": {"causationId": str(updated.id)},
        }
        needed = from_semantest(form)

        judged = judge_request(ledger, a_request().caused_by(needed), read_envelope_origin(form, needed))

        assert judged.submission.refusal is not None
        assert judged.submission.refusal.code == "REQUEST_LOOP"
        assert judged.request.previous_event_ids == (needed.id, updated.id)

    async def test_recognizes_a_request_that_this_ledger_published(self) -> None:
        ledger = MemoryLedger()
        await record(ledger, request := a_request(hops=2, requested_by="ana"))

        judged = judge_request(ledger, *receive(request))
        other = judge_request(ledger, *receive(request.model_copy(update={"refresh": True})))

        assert judged.duplicate_of == request.deployment_id
        assert (other.duplicate_of, other.submission.refusal and other.submission.refusal.code) == (
            None,
            "REQUEST_CONFLICT",
        )

    async def test_refuses_the_deployment_id_of_another_request(self) -> None:
        ledger = MemoryLedger()
        await record(ledger, request := a_request())

        refusal = judge_request(ledger, *receive(a_request(deployment_id=request.deployment_id))).submission.refusal

        assert refusal is not None
        assert (refusal.code, refusal.deployment) == ("REQUEST_CONFLICT", request.deployment_id)


class TestRejections:
    def test_answer_the_request(self) -> None:
        request = a_request(correlation_id="c1", project="shop")

        rejection = build_rejection(request, RequestRefusal("REQUEST_LOOP", "a loop", "break it", ("a", "a"), "d1"))

        assert (rejection.stack, rejection.deployment_id) == (request.stack, request.deployment_id)
        assert (rejection.code, rejection.reason, rejection.hint) == ("REQUEST_LOOP", "a loop", "break it")
        assert (rejection.ancestry, rejection.accepted_deployment) == (("a", "a"), "d1")
        assert (rejection.request_type, rejection.correlation_id) == (request.type_name, "c1")
        assert rejection.previous_event_ids == (request.id,)

    def test_go_on_with_the_causes_of_the_request(self) -> None:
        cause = a_request()
        request = a_request().caused_by(cause)

        rejection = build_rejection(request, RequestRefusal("STALE_REQUEST", "old", ""))

        assert rejection.previous_event_ids == (cause.id, request.id)

    @pytest.mark.parametrize(
        "refusal",
        [RequestRefusal("REQUEST_CONFLICT", "no", ""), RequestRefusal("RATE_LIMITED", "later", "", retry_at=1.8e9)],
    )
    def test_leave_the_deployment_id_to_the_request_that_may_be_accepted_with_it(self, refusal: RequestRefusal) -> None:
        request = a_request()

        assert build_rejection(request, refusal).deployment_id != request.deployment_id

    def test_say_when_to_try_again(self) -> None:
        rejection = build_rejection(a_request(), RequestRefusal("RATE_LIMITED", "later", "", retry_at=1.8e9))

        assert rejection.retry_at == datetime(2027, 1, 15, 8, tzinfo=UTC)
        assert from_cloudevent(to_cloudevent(rejection)) == rejection

    def test_name_every_fault_of_a_request_that_is_not_valid(self) -> None:
        error = ValidationError("Cannot deploy.", hint="Look.", faults=[Fault("region", "is unknown")])

        assert refuse_after_error(error) == RequestRefusal(
            "VALIDATION_ERROR", "Cannot deploy. region: is unknown.", "Look."
        )
