"""Both sides of the wire agree: schemas, samples, our forms, and the CloudEvents SDK as the judge."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from jsonschema import Draft202012Validator, FormatChecker

from semantest_iac_events.catalogue import PUBLISHED_EVENTS
from semantest_iac_events.event import Event
from semantest_iac_events.forms.cloudevents import from_cloudevent, schema_name, to_cloudevent
from semantest_iac_events.forms.semantest import from_semantest, to_envelope_b, to_semantest

Published = dict[str, dict[str, Any]]

every_event = pytest.mark.parametrize("event_type", PUBLISHED_EVENTS, ids=lambda event_type: event_type.__name__)


def _schema(published: Published, event_type: type[Event]) -> Draft202012Validator:
    schema = published[f"schemas/{schema_name(event_type)}.json"]
    return Draft202012Validator(schema, format_checker=FormatChecker())


def _sample(published: Published, event_type: type[Event]) -> dict[str, Any]:
    return published[f"conformance/{schema_name(event_type)}.json"]


class TestSchema:
    @every_event
    def test_is_valid_in_its_dialect(self, published: Published, event_type: type[Event]) -> None:
        Draft202012Validator.check_schema(_schema(published, event_type).schema)

    @every_event
    def test_accepts_the_sample(self, published: Published, event_type: type[Event]) -> None:
        validator = _schema(published, event_type)

        assert list(validator.iter_errors(_sample(published, event_type))) == []

    @every_event
    def test_refuses_a_field_that_the_event_does_not_have(self, published: Published, event_type: type[Event]) -> None:
        sample = _sample(published, event_type)
        wrong = sample | {"data": sample["data"] | {"memory_in_megabytes": 512}}

        assert not _schema(published, event_type).is_valid(wrong)

    @every_event
    @pytest.mark.parametrize("attribute", ["id", "source", "type", "specversion", "time", "data"])
    def test_refuses_a_form_without(self, published: Published, event_type: type[Event], attribute: str) -> None:
        sample = dict(_sample(published, event_type))

        del sample[attribute]

        assert not _schema(published, event_type).is_valid(sample)

    @every_event
    def test_has_the_id_that_the_sample_names(self, published: Published, event_type: type[Event]) -> None:
        schema = published[f"schemas/{schema_name(event_type)}.json"]

        assert schema["properties"]["data"]["$id"] == _sample(published, event_type)["dataschema"]


class TestSample:
    @every_event
    def test_is_read_and_written_back_unchanged(self, published: Published, event_type: type[Event]) -> None:
        sample = _sample(published, event_type)

        event = from_cloudevent(sample)

        assert (type(event), to_cloudevent(event, sequence=1)) == (event_type, sample)

    @every_event
    @pytest.mark.parametrize("write", [to_semantest, to_envelope_b])
    def test_survives_semantests_forms(self, published: Published, event_type: type[Event], write: Any) -> None:
        event = from_cloudevent(_sample(published, event_type))

        through_json = json.loads(json.dumps(write(event)))

        assert from_semantest(through_json) == event


class TestCloudEventsSdk:
    @every_event
    def test_accepts_written_events(self, published: Published, event_type: type[Event]) -> None:
        sample = _sample(published, event_type)

        event = JSONFormat().read(CloudEvent, json.dumps(sample))

        assert (event.get_type(), event.get_subject(), event.get_data()) == (
            sample["type"],
            sample.get("subject"),
            sample["data"],
        )

    @every_event
    def test_writes_readable_events(self, published: Published, event_type: type[Event]) -> None:
        sample = _sample(published, event_type)

        theirs = JSONFormat().write(JSONFormat().read(CloudEvent, json.dumps(sample)))

        assert from_cloudevent(json.loads(theirs)) == from_cloudevent(sample)

    @every_event
    def test_has_text_in_every_extension(self, published: Published, event_type: type[Event]) -> None:
        extensions = ("correlationid", "causationid", "sequence")

        event = JSONFormat().read(CloudEvent, json.dumps(_sample(published, event_type)))

        assert all(isinstance(event.get_extension(name), str) for name in extensions)


class TestAsyncApi:
    def test_has_one_message_per_event_and_one_for_semantest_s_form(self, asyncapi_text: str) -> None:
        messages = yaml.safe_load(asyncapi_text)["components"]["messages"].values()

        types = [each.type_name for each in PUBLISHED_EVENTS]
        assert sorted(each["name"] for each in messages) == sorted([*types, "semantest.v1"])

    def test_refers_only_to_what_exists(self, asyncapi_text: str, published: Published) -> None:
        document = yaml.safe_load(asyncapi_text)
        files = set(re.findall(r"\./(schemas/\S+)", asyncapi_text))
        places = set(re.findall(r"'#/(\S+)'", asyncapi_text))

        assert files == {path for path in published if path.startswith("schemas/")}
        assert all(_exists(document, place) for place in places)


def _exists(document: Any, place: str) -> bool:
    for step in place.split("/"):
        document = document.get(step, {})
    return bool(document)
