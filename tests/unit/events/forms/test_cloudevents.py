from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import Event
from semantest_iac_events.forms.cloudevents import from_cloudevent, schema_name, to_cloudevent
from semantest_iac_events.infrastructure import HttpApiDeployed
from semantest_iac_events.triggers import ServiceDeploymentNeeded

FaultsOf = Callable[[Callable[..., object], Any], list[str]]

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(9998, 12, 30), timezones=OFFSETS)
REQUESTS = st.builds(
    DeploymentRequested,
    occurred_at=MOMENTS,
    previous_event_ids=st.lists(st.uuids(), max_size=3, unique=True).map(tuple),
    correlation_id=TEXT,
    component=TEXT,
    provider=TEXT,
    environment=TEXT,
    region=TEXT,
    deployment_id=TEXT,
    configuration=st.dictionaries(TEXT, JSON_VALUES, max_size=3),
)


class TestToCloudevent:
    def test_has_the_attributes_of_the_specification(self, request_event: DeploymentRequested) -> None:
        form = to_cloudevent(request_event)

        assert {name: value for name, value in form.items() if name != "data"} == {
            "specversion": "1.0",
            "id": "11111111-2222-4333-8444-555555555555",
            "source": "/semantest/infrastructure",
            "type": "infrastructure.deployment.requested",
            "subject": "rest-api.aws.development.us-east-1",
            "time": "2026-11-20T10:27:03.669001Z",
            "datacontenttype": "application/json",
            "dataschema": "urn:semantest:infrastructure:deployment_requested.v1",
            "correlationid": "11111111-2222-4333-8444-555555555555",
        }

    def test_has_the_events_own_fields_as_data(self, request_event: DeploymentRequested) -> None:
        form = to_cloudevent(request_event)

        assert form["data"] == {
            "component": "rest-api",
            "provider": "aws",
            "environment": "development",
            "region": "us-east-1",
            "deployment_id": "11111111-2222-4333-8444-555555555555",
            "requested_by": "",
            "configuration": {},
            "hops": 0,
        }

    def test_has_no_subject_without_a_stack(self) -> None:
        assert "subject" not in to_cloudevent(ServiceDeploymentNeeded(service_type="rest-api"))

    def test_names_the_only_cause_in_an_attribute(self, causes: tuple[Event, Event]) -> None:
        event = ServiceDeploymentNeeded(service_type="rest-api").caused_by(causes[0])

        form = to_cloudevent(event)

        assert (form["causationid"], form["data"].get("previous_event_ids")) == (str(causes[0].id), None)

    def test_names_several_causes_in_the_data(self, causes: tuple[Event, Event]) -> None:
        event = ServiceDeploymentNeeded(service_type="rest-api").caused_by(*causes)

        form = to_cloudevent(event)

        assert form["data"]["previous_event_ids"] == [str(cause.id) for cause in causes]

    def test_writes_sequences_that_sort_as_text(self, request_event: DeploymentRequested) -> None:
        positions = [9, 10, 2**62]

        written = [to_cloudevent(request_event, sequence=position)["sequence"] for position in positions]

        assert (written, [int(text) for text in written]) == (sorted(written), positions)

    def test_accepts_another_source(self, request_event: DeploymentRequested) -> None:
        assert to_cloudevent(request_event, source="/elsewhere")["source"] == "/elsewhere"


class TestSchemaName:
    def test_is_the_class_in_snake_case_with_its_major_version(self) -> None:
        assert schema_name(HttpApiDeployed) == "http_api_deployed.v1"


class TestFromCloudevent:
    @settings(derandomize=True, max_examples=60, deadline=None)
    @given(event=REQUESTS)
    def test_reads_exactly_what_was_written(self, event: DeploymentRequested) -> None:
        assert from_cloudevent(to_cloudevent(event, sequence=3)) == event

    def test_ignores_extensions(self, request_event: DeploymentRequested) -> None:
        form = to_cloudevent(request_event) | {"traceparent": "00-ab-cd-01", "partitionkey": "7"}

        assert from_cloudevent(form) == request_event

    def test_accepts_missing_optional_attributes(self, request_event: DeploymentRequested) -> None:
        optional = {"subject", "datacontenttype", "dataschema", "correlationid"}
        form = {name: value for name, value in to_cloudevent(request_event).items() if name not in optional}

        assert from_cloudevent(form) == request_event

    def test_refuses_unknown_types(self, request_event: DeploymentRequested, faults_of: FaultsOf) -> None:
        faults = faults_of(lambda form: from_cloudevent(form, types={}), to_cloudevent(request_event))

        assert faults == ["type is not a type of this contract"]

    @pytest.mark.parametrize(
        ("attributes", "faults"),
        [
            ({"specversion": "0.3"}, ["specversion input should be '1.0'"]),
            ({"id": "7"}, ["id is not a UUID"]),
            ({"id": 7}, ["id is not a UUID"]),
            ({"source": ""}, ["source string should have at least 1 character"]),
            ({"source": "a\nb"}, ["source is not in a form that is accepted here"]),
            ({"type": "infrastructure.unheard.of"}, ["type is not a type of this contract"]),
            ({"type": ["a"]}, ["type input should be a valid string"]),
            ({"time": "2026-11-20T10:27:03"}, ["time has no UTC offset"]),
            ({"time": "yesterday"}, ["time is not a time in RFC 3339 form"]),
            ({"time": "0001-01-01T00:00:00+14:00"}, ["time is not within the years 1 to 9999 in UTC"]),
            ({"time": 1795169564}, ["time is not a time in RFC 3339 form"]),
            ({"subject": "other.aws.qa.us-east-1"}, ["subject contradicts the event's own fields"]),
            ({"dataschema": "v2"}, ["dataschema contradicts the event's own fields"]),
            (
                {"datacontenttype": "text/xml"},
                ["datacontenttype is not in a form that is accepted here"],
            ),
            ({"causationid": "c1"}, ["causationid is not a UUID"]),
            ({"sequence": 7}, ["sequence input should be a valid string"]),
            ({"data": None}, ["data input should be an object"]),
            ({"data": [1]}, ["data input should be an object"]),
        ],
        ids=lambda value: str(value)[:50],
    )
    def test_refuses_a_wrong_attribute(
        self,
        request_event: DeploymentRequested,
        faults_of: FaultsOf,
        attributes: dict[str, Any],
        faults: list[str],
    ) -> None:
        form = to_cloudevent(request_event) | attributes

        assert faults_of(from_cloudevent, form) == faults

    @pytest.mark.parametrize(
        ("fields", "faults"),
        [
            ({"hops": "1"}, ["data.hops input should be a valid integer"]),
            ({"hops": -1}, ["data.hops input should be greater than or equal to 0"]),
            ({"component": None}, ["data.component input should be a valid string"]),
            ({"component": ""}, ["data.component string should have at least 1 character"]),
            ({"configuration": []}, ["data.configuration input should be an object"]),
            ({"memory": 512}, ["data.memory is not a field of this event"]),
            ({"id": "x"}, ["data.id is not a field of this event"]),
            ({"a\nb": 1}, ["data.a?b is not a field of this event"]),
            ({"previous_event_ids": ""}, ["data.previous_event_ids input should be a valid array"]),
            ({"previous_event_ids": "x"}, ["data.previous_event_ids input should be a valid array"]),
        ],
        ids=lambda value: str(value)[:50],
    )
    def test_refuses_a_wrong_field(
        self,
        request_event: DeploymentRequested,
        faults_of: FaultsOf,
        fields: dict[str, Any],
        faults: list[str],
    ) -> None:
        form = to_cloudevent(request_event)
        form["data"] |= fields

        assert faults_of(from_cloudevent, form) == faults

    def test_lists_all_faults_of_attributes_and_data_at_once(
        self, request_event: DeploymentRequested, faults_of: FaultsOf
    ) -> None:
        form = to_cloudevent(request_event) | {"id": "x", "time": None, "data": {"hops": 1.5}}

        assert faults_of(from_cloudevent, form) == [
            "id is not a UUID",
            "time is not a time in RFC 3339 form",
            "data.component is missing",
            "data.provider is missing",
            "data.environment is missing",
            "data.region is missing",
            "data.hops input should be a valid integer",
        ]

    def test_refuses_a_first_cause_that_is_not_among_the_causes(
        self, causes: tuple[Event, Event], faults_of: FaultsOf
    ) -> None:
        form = to_cloudevent(ServiceDeploymentNeeded(service_type="rest-api").caused_by(*causes))

        faults = faults_of(from_cloudevent, form | {"causationid": form["id"]})

        assert faults == ["causationid contradicts the event's own fields"]

    @pytest.mark.parametrize(
        ("form", "fault"),
        [
            (None, "it is not a JSON object"),
            ([], "it is not a JSON object"),
            ("{}", "it is not a JSON object"),
            ({"data": {1, 2}}, "it holds a value that JSON cannot express"),
            ({"data": float("nan")}, "it holds a value that JSON cannot express"),
            ({("a", "b"): 1}, "it holds a value that JSON cannot express"),
        ],
        ids=repr,
    )
    def test_refuses_anything_but_a_json_object(self, faults_of: FaultsOf, form: object, fault: str) -> None:
        assert faults_of(from_cloudevent, form) == [fault]

    @pytest.mark.parametrize("depth", [250, 100_000])
    def test_refuses_deep_nesting(self, request_event: DeploymentRequested, faults_of: FaultsOf, depth: int) -> None:
        configuration: dict[str, Any] = {}
        for _ in range(depth):
            configuration = {"a": configuration}
        form = to_cloudevent(request_event)
        form["data"]["configuration"] = configuration

        assert faults_of(from_cloudevent, form)

    def test_repeats_no_value_that_was_sent(self, request_event: DeploymentRequested, faults_of: FaultsOf) -> None:
        form = to_cloudevent(request_event) | {"time": "hunter2", "specversion": "hunter2"}
        form["data"] |= {"hops": "hunter2", "configuration": "hunter2"}

        assert "hunter2" not in "".join(faults_of(from_cloudevent, form))
