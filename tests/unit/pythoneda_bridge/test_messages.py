"""How PythonEDA's requests are read, and how their answers are worded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.infrastructure.pythoneda_bridge.messages import (
    ReceivedRequest,
    Wanted,
    build_answer,
    describe_ending,
    describe_failed_submission,
    read_request,
)
from semantest_iac_events.deployments import (
    DeploymentCancelled,
    DeploymentCompleted,
    DeploymentFailed,
    DeploymentNeedsOperator,
    DeploymentRejected,
    DeploymentRolledBack,
    DeploymentSuperseded,
)
from semantest_iac_events.event import StackEvent
from semantest_iac_events.infrastructure import InfrastructureRemovalFailed, InfrastructureRemoved
from semantest_iac_events.values import ChangeCounts
from tests.fakes import pythoneda_modules as iac
from tests.fakes.memory_ledger import STACK_PARTS
from tests.fakes.pythoneda_modules import InfrastructureRemovalRequested, InfrastructureUpdateRequested

ABOUT = {**STACK_PARTS, "deployment_id": "d-1"}
ERROR: dict[str, Any] = {"code": "NO_QUOTA", "reason": "No quota.", "hint": "Ask for more."}


def a_request(wanted: Wanted = "update", id_: str | None = None) -> ReceivedRequest:
    return ReceivedRequest(wanted, id_ or str(uuid4()), "aws-dev", "p", "")


class TestRequests:
    def test_keep_the_names_of_their_sender(self) -> None:
        event = InfrastructureUpdateRequested("aws-dev", "semantest", "us-east-1", {"component": "rest-api"})

        received = read_request(event)

        assert (received.wanted, received.id, received.stack_name) == ("update", event.id, "aws-dev")
        assert (received.project_name, received.location) == ("semantest", "us-east-1")
        assert received.metadata == {"component": "rest-api"}

    def test_have_local_times_without_an_offset(self) -> None:
        event = InfrastructureRemovalRequested("dev", "", "")
        event.created = datetime(2026, 11, 30, 12, 0)

        received = read_request(event)

        assert (received.wanted, received.occurred_at) == ("removal", datetime(2026, 11, 30, 12, 0).astimezone(UTC))

    def test_keep_an_id_that_is_a_uuid(self) -> None:
        received = read_request(event := InfrastructureUpdateRequested("dev", "", ""))

        assert str(received.event_id) == event.id

    def test_get_the_same_uuid_each_time_for_any_other_id(self) -> None:
        first, again = (a_request(id_="evt_17") for _ in range(2))

        assert first.event_id == again.event_id != a_request(id_="evt_18").event_id

    def test_have_the_causes_that_may_be_events_here_oldest_first(self) -> None:
        old, new = str(uuid4()), str(uuid4())

        received = read_request(InfrastructureUpdateRequested("dev", "", "", {}, [new, "evt_1", old]))

        assert [str(cause) for cause in received.cause_ids] == [old, new]

    def test_show_no_metadata(self) -> None:
        event = InfrastructureUpdateRequested("dev", "", "", {"password": "hunter2"})

        assert "hunter2" not in repr(read_request(event))


class TestAnswers:
    @pytest.mark.parametrize(
        ("wanted", "ending", "expected", "state"),
        [
            ("update", DeploymentCompleted(**ABOUT, changes=ChangeCounts()), "InfrastructureUpdated", "completed"),
            ("update", DeploymentFailed(**ABOUT, **ERROR), "InfrastructureUpdateFailed", "failed"),
            ("update", DeploymentRolledBack(**ABOUT, **ERROR), "InfrastructureUpdateFailed", "rolled_back"),
            ("update", DeploymentNeedsOperator(**ABOUT, **ERROR), "InfrastructureUpdateFailed", "needs_operator"),
            ("update", DeploymentRejected(**ABOUT, **ERROR), "InfrastructureUpdateFailed", "rejected"),
            ("update", DeploymentCancelled(**ABOUT, reason="Ctrl-C"), "InfrastructureUpdateFailed", "cancelled"),
            ("update", DeploymentSuperseded(**ABOUT, successor="d-2"), "InfrastructureUpdateFailed", "superseded"),
            (
                "removal",
                InfrastructureRemoved(**ABOUT, changes=ChangeCounts(), generation=1),
                "InfrastructureRemoved",
                "completed",
            ),
            ("removal", InfrastructureRemovalFailed(**ABOUT, **ERROR), "InfrastructureRemovalFailed", "failed"),
            ("removal", DeploymentSuperseded(**ABOUT, successor="d-2"), "InfrastructureRemovalFailed", "superseded"),
        ],
    )
    def test_are_the_events_of_pythoneda(self, wanted: Wanted, ending: StackEvent, expected: str, state: str) -> None:
        request = a_request(wanted)

        answer = build_answer(request, describe_ending(ending), iac)

        assert type(answer).__name__ == expected
        assert answer.is_error == expected.endswith("Failed")
        assert (answer.stack_name, answer.project_name) == ("aws-dev", "p")
        assert answer.metadata["state"] == state
        assert answer.metadata["stack"] == "rest-api.aws.development.us-east-1"

    def test_name_the_request_and_its_causes_newest_first(self) -> None:
        request = ReceivedRequest("update", "r", "dev", "p", "", ("b", "a"))
        ending = DeploymentCompleted(**ABOUT, changes=ChangeCounts())

        answer = build_answer(request, describe_ending(ending), iac)

        assert (answer.previous_event_ids, answer.id) == (["r", "b", "a"], str(ending.id))

    def test_have_the_outputs_as_texts(self) -> None:
        outputs: dict[str, Any] = {"endpoint": "https://x", "count": 2, "names": ["a", "b"]}
        ending = DeploymentCompleted(**ABOUT, changes=ChangeCounts(), outputs=outputs, endpoint="https://x")

        facts = describe_ending(ending).facts

        assert all(isinstance(text, str) for text in facts.values())
        assert facts["endpoint"] == facts["output.endpoint"] == "https://x"
        assert (facts["output.count"], facts["output.names"]) == ("2", "a\nb")

    def test_of_what_needs_an_operator_have_the_remainder_and_the_commands(self) -> None:
        ending = DeploymentNeedsOperator(**ABOUT, **ERROR, remainder=("a role",), commands=("one", "two"))

        facts = describe_ending(ending).facts

        assert (facts["code"], facts["remainder"], facts["commands"]) == ("NO_QUOTA", "a role", "one\ntwo")

    def test_to_refused_requests_have_the_same_id_each_time(self) -> None:
        request = a_request()

        first, again = (describe_failed_submission(request, ValidationError("No.")) for _ in range(2))

        assert first == again
        assert first.id != request.event_id

    def test_to_invalid_requests_have_every_fault_and_what_to_do(self) -> None:
        faults = [Fault("location", "is unknown", "Name another."), Fault("stackName", "is empty")]

        facts = describe_failed_submission(a_request(), ValidationError("Cannot tell.", faults=faults)).facts

        assert facts == {
            "state": "rejected",
            "code": "VALIDATION_ERROR",
            "reason": "Cannot tell. location: is unknown. stackName: is empty.",
            "hint": "Name another.",
        }

    def test_of_a_defect_have_no_text_of_it(self) -> None:
        facts = describe_failed_submission(a_request(), RuntimeError("password hunter2")).facts

        assert facts["code"] == "INTERNAL_ERROR"
        assert "hunter2" not in str(facts)
