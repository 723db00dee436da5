"""Received events keep what identifies them, whatever their form."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.application.intake.received_events import read_received_event, wrap_event
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.forms.cloudevents import to_cloudevent
from semantest_iac_events.forms.fields import EventFormError
from semantest_iac_events.forms.semantest import to_semantest

CAUSE = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
FOREIGN: dict[str, Any] = {
    "specversion": "1.0",
    "id": "A234-1234-1234",
    "source": "https://github.com/cloudevents",
    "type": "com.github.pull_request.opened",
    "time": "2026-11-30T08:00:00Z",
    "sequence": "12",
    "causationid": CAUSE,
    "data": {"number": 3},
}


class TestForeignEvents:
    def test_are_known_by_their_source_and_id(self) -> None:
        one, again = (read_received_event(FOREIGN, source) for source in ("hooks", "nats"))
        other = read_received_event({**FOREIGN, "source": "elsewhere"}, "hooks")

        assert (one.id, one.origin.key, one.origin.source) == (again.id, again.origin.key, again.origin.source)
        assert one.id != other.id
        assert (one.type, one.payload, one.event) == ("com.github.pull_request.opened", {"number": 3}, None)

    def test_keep_their_order_and_causes(self) -> None:
        event = read_received_event(FOREIGN, "hooks")

        assert event.origin.order is not None
        assert (event.origin.order.sequence or "").lstrip("0") == "12"
        assert [str(cause) for cause in event.causes] == [CAUSE, str(event.id)]

    @pytest.mark.parametrize("data", ["text", 3, ["a"], None])
    def test_may_have_data_that_is_no_object(self, data: Any) -> None:
        assert read_received_event({**FOREIGN, "data": data}, "hooks").payload == {"data": data}

    def test_of_semantest_are_the_same_at_each_delivery(self) -> None:
        form = {"eventType": "ServerError", "aggregateId": "a", "correlationId": "c", "timestamp": 1_795_000_000_000}
        one, again = (
            read_received_event({**form, "eventId": id_, "payload": {"code": 1}}, "core") for id_ in ("evt_1", "evt_2")
        )

        assert one.origin.key == again.origin.key
        assert one.correlation_id == "c"

    @pytest.mark.parametrize(
        "form",
        [
            [],
            "text",
            {},
            {"specversion": "1.0"},
            {**FOREIGN, "id": ""},
            {**FOREIGN, "source": 3},
            {"eventType": 3},
            {"type": "infrastructure.deployment.requested", "payload": {}},
            {**FOREIGN, "type": "infrastructure.deployment.requested"},
        ],
        ids=["list", "text", "empty", "bare", "no id", "source", "type", "own envelope", "own cloudevent"],
    )
    def test_that_are_malformed_are_refused(self, form: Any) -> None:
        with pytest.raises(EventFormError):
            read_received_event(form, "core")


class TestOwnEvents:
    def test_are_the_same_in_every_form(self) -> None:
        request = DeploymentRequested(component="a", provider="aws", environment="qa", region="us-east-1")

        read = [
            read_received_event(to_cloudevent(request), "nats"),
            read_received_event(to_semantest(request), "core"),
            wrap_event(request, "here"),
        ]

        assert [event.event for event in read] == [request] * 3
        assert {event.origin.key for event in read} == {str(request.id)}
