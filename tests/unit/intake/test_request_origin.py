"""By what a request is known when it comes again."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.application.intake.request_origin import (
    COMMAND_LINE,
    RequestOrigin,
    digest_request,
    read_cloudevent_origin,
    read_envelope_origin,
    sort_sequence,
)
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import Event
from semantest_iac_events.forms.cloudevents import from_cloudevent, to_cloudevent
from semantest_iac_events.forms.semantest import from_semantest, to_semantest

PLACE: dict[str, Any] = {
    "component": "rest-api",
    "provider": "aws",
    "environment": "development",
    "region": "us-east-1",
}
NEEDED = {"serviceType": "rest-api"}
EVENT = {"eventType": "ServiceDeploymentNeeded", "aggregateId": "rest-api", "payload": NEEDED}
METADATA = {"correlationId": "c1", "timestamp": "2026-11-20T10:27:03.669Z"}


def a_request(**fields: Any) -> DeploymentRequested:
    return DeploymentRequested(**PLACE, **fields)


def by_cloudevent(event: Event, **attributes: Any) -> RequestOrigin:
    form = to_cloudevent(event, source="/github") | attributes
    return read_cloudevent_origin(form, from_cloudevent(form))


def by_envelope(form: dict[str, Any], source: str = "nodejs.server") -> RequestOrigin:
    return read_envelope_origin(form, from_semantest(form), source)


def stored(event_id: str = "evt_1", position: int = 5, **event: Any) -> dict[str, Any]:
    """What Semantest's server sends, which gives each event an id of its own."""
    inner = EVENT | {"eventId": event_id, "metadata": METADATA} | event
    return {"type": "event", "envelope": {"event": inner, "streamPosition": 0, "globalPosition": position}}


class TestCloudEvents:
    def test_are_known_by_their_id(self) -> None:
        request = a_request()
        origin = by_cloudevent(request)

        assert (origin.source, origin.key_of(request)) == ("/github", str(request.id))
        assert origin == by_cloudevent(request)

    def test_conflict_if_they_ask_for_something_else(self) -> None:
        request = a_request(configuration={"features": {"a": 1, "b": 2}})
        same = request.model_copy(update={"configuration": {"features": {"b": 2, "a": 1}}, "requested_by": "ana"})
        other = request.model_copy(update={"configuration": {"features": {"a": 1, "b": 3}}})

        digests = [by_cloudevent(event).digest_of(event) for event in (request, same, other)]

        assert (digests[0] == digests[1], digests[0] == digests[2]) == (True, False)

    def test_keep_the_digest_of_what_was_sent(self) -> None:
        request = a_request()
        completed = request.model_copy(update={"configuration": {"engine": "sandbox"}})

        assert by_cloudevent(request).digest_of(completed) == digest_request(request)

    def test_have_the_order_of_their_source(self) -> None:
        request = a_request()
        orders = [by_cloudevent(request, sequence=text).order for text in ("9", "0000000000000000010", "v1")]

        assert [order.sequence for order in orders if order] == [sort_sequence("9"), sort_sequence("10"), "v1"]
        assert sort_sequence("9") < sort_sequence("10")
        order = by_cloudevent(request).order
        assert order is not None
        assert (order.sequence, order.occurred_at) == (None, request.occurred_at.timestamp())


class TestEnvelopes:
    def test_are_known_by_their_content_where_ids_are_given_anew(self) -> None:
        first, again = by_envelope(stored("evt_1", 5)), by_envelope(stored("evt_2", 6))

        assert (first.key, first.digest) == (again.key, again.digest)
        assert first.event_id != again.event_id

    @pytest.mark.parametrize(
        "change",
        [
            {"metadata": METADATA | {"correlationId": "c2"}},
            {"aggregateId": "other"},
            {"payload": NEEDED | {"environment": "staging"}},
        ],
        ids=["correlation id", "aggregate id", "payload"],
    )
    def test_differ_by_their(self, change: dict[str, Any]) -> None:
        assert by_envelope(stored(**change)).key != by_envelope(stored()).key

    def test_differ_by_their_time_without_a_correlation_id(self) -> None:
        times = ("2026-11-20T10:00:00Z", "2026-11-20T10:00:01Z", "2026-11-20T10:00:01Z")
        keys = [by_envelope(stored(metadata={"timestamp": time})).key for time in times]

        assert (keys[0] == keys[1], keys[1] == keys[2]) == (False, True)

    def test_have_the_position_of_the_event_store(self) -> None:
        order = by_envelope(stored(position=5)).order

        assert order is not None
        assert (order.sequence, order.occurred_at) == (sort_sequence("5"), 1795170423.669)

    def test_have_no_order_without_time_and_position(self) -> None:
        order = by_envelope({"type": "ServiceDeploymentNeeded", "payload": NEEDED, "correlationId": "c1"}).order

        assert order is not None
        assert (order.sequence, order.occurred_at) == (None, None)

    def test_of_our_own_form_are_known_by_their_id(self) -> None:
        request = a_request()

        origin = by_envelope(to_semantest(request))

        assert (origin.form, origin.key) == ("infrastructure", str(request.id))

    def test_give_each_stack_that_they_need_a_key(self) -> None:
        origin = by_envelope(stored())
        requests = [a_request(), a_request(), DeploymentRequested(**PLACE | {"region": "eu-west-1"})]

        keys = [origin.key_of(request) for request in requests]

        assert (keys[0] == keys[1], keys[0] == keys[2]) == (True, False)


class TestCommands:
    def test_are_requests_of_their_own(self) -> None:
        keys = [COMMAND_LINE.key_of(a_request()) for _ in range(2)]

        assert COMMAND_LINE.is_command
        assert keys[0] != keys[1]
