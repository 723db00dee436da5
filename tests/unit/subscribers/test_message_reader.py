"""Messages of every transport are read into events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantest_iac.application.ports.event_transports import ReceivedMessage
from semantest_iac.presentation.subscribers.message_reader import DEEPEST_NESTING, LARGEST_BODY_BYTES, read_message
from semantest_iac_events.forms.fields import EventFormError

NEEDED = {"type": "ServiceDeploymentNeeded", "payload": {"serviceType": "rest-api"}}
ATTRIBUTES = {
    "specversion": "1.0",
    "id": "1",
    "source": "/a%20b",
    "type": "com.example.changed",
    "time": "2026-11-30T08:00:00Z",
}
_HEADERS = ["ce-specversion", "ce-id", "x-github-event"]


def message(body: Any, **headers: str) -> ReceivedMessage:
    """A message with the body as JSON unless it is bytes; underscores of header names are hyphens."""
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ReceivedMessage("core", encoded, {name.replace("_", "-"): value for name, value in headers.items()})


class TestCloudEvents:
    @pytest.mark.parametrize(
        ("prefix", "source"),
        [("ce-", "/a b"), ("cloudEvents:", "/a%20b"), ("ce_", "/a%20b"), ("cloudEvents_", "/a%20b")],
        ids=["HTTP and NATS", "AMQP", "Kafka", "AMQP of Java"],
    )
    def test_are_read_from_headers(self, prefix: str, source: str) -> None:
        headers = {f"{prefix.lower()}{name}": value for name, value in ATTRIBUTES.items()}

        [event] = read_message(ReceivedMessage("core", b'{"a": 1}', headers))

        assert (event.type, event.payload, event.origin.source) == ("com.example.changed", {"a": 1}, source)

    def test_are_read_from_the_body(self) -> None:
        [event] = read_message(message({**ATTRIBUTES, "data": {}}, content_type="application/cloudevents+json"))

        assert event.type == "com.example.changed"

    def test_are_read_from_a_batch(self) -> None:
        batch = [{**ATTRIBUTES, "id": str(number), "data": {}} for number in range(3)]

        events = read_message(message(batch, content_type="application/cloudevents-batch+json"))

        assert len({event.id for event in events}) == 3

    def test_of_a_batch_are_all_read_or_none(self) -> None:
        with pytest.raises(EventFormError) as refused:
            read_message(message([NEEDED, {"payload": {}}, {**ATTRIBUTES, "id": ""}]))

        assert [fault.path for fault in refused.value.faults] == ["[1].eventType", "[2].id"]


class TestGithub:
    def test_names_the_type_in_a_header(self) -> None:
        body = {"action": "published", "release": {"tag_name": "v1"}}

        [event] = read_message(message(body, x_github_event="release", x_github_delivery="d-1"))

        assert (event.type, event.payload["release"]) == ("github.release.published", {"tag_name": "v1"})

    def test_without_an_action_is_read_too(self) -> None:
        [event] = read_message(message({"ref": "main"}, x_github_event="push"))

        assert event.type == "github.push"


class TestMalformed:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\xff\xfe",
            b"{",
            b"NaN",
            b'{"type": "a", "type": "b", "payload": {}}',
            b'{"type": "a", "payload": {"x": [{"y": 1, "y": 1}]}}',
            b'{"type": "a", "payload": {"x": NaN}}',
            b"[]",
            b"3",
            b"null",
            b'"' + b"x" * LARGEST_BODY_BYTES + b'"',
            b"[" * (DEEPEST_NESTING + 1) + b"]" * (DEEPEST_NESTING + 1),
            b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
            json.dumps([NEEDED] * 101).encode(),
        ],
        ids=[
            "empty",
            "bytes",
            "cut",
            "nan",
            "key twice",
            "inner key twice",
            "inner nan",
            "no event",
            "number",
            "null",
            "large",
            "deep",
            "deeper",
            "batch",
        ],
    )
    def test_is_refused_with_a_reason(self, body: bytes) -> None:
        with pytest.raises(EventFormError) as refused:
            read_message(message(body))

        assert refused.value.faults

    def test_brackets_in_texts_are_not_nested(self) -> None:
        [event] = read_message(message({**NEEDED, "payload": {"serviceType": "[{" * 100 + '\\"'}}))

        assert event.type == "semantest.service.deployment.needed"

    @given(
        st.binary(max_size=300),
        st.dictionaries(st.sampled_from(["ce-specversion", "ce-id", "x-github-event"]), st.text()),
    )
    def test_never_raises_anything_else(self, body: bytes, headers: dict[str, str]) -> None:
        try:
            read_message(ReceivedMessage("core", body, headers))
        except EventFormError:
            return
