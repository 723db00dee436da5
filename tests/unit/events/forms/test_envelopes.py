"""The envelopes of Semantest, as its parts really send them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from semantest_iac_events.forms.envelopes import read_envelope

FaultsOf = Callable[[Callable[..., object], Any], list[str]]

CORE = {
    "eventType": "EntityCreated",
    "correlationId": "corr-1",
    "aggregateId": "agg-1",
    "timestamp": "2026-11-20T10:25:42.200Z",
}
SERVER = {
    "eventId": "4f0c2a4e-8b55-4a1d-9e0c-7b21a3f3b0e2",
    "eventType": "X",
    "aggregateId": "agg-1",
    "timestamp": "2026-11-20T10:25:42.200Z",
    "payload": {"a": 1},
    "metadata": {
        "correlationId": "c",
        "causationId": "evt_1",
        "timestamp": "2026-11-20T10:25:42.200Z",
        "version": 1,
    },
}
DOMAIN = {
    "aggregateId": "agg",
    "eventType": "ImageGenerationRequested",
    "eventVersion": 1,
    "occurredOn": "2026-11-20T10:25:42.200Z",
    "payload": {},
}
STORED = {
    "event": {
        "eventId": "evt_1795170423669_gjurfji01",
        "aggregateId": "rest-api",
        "eventType": "ServiceDeploymentNeeded",
        "eventVersion": 1,
        "payload": {"serviceType": "rest-api"},
        "metadata": {
            "correlationId": "c1",
            "causationId": None,
            "userId": "system",
            "timestamp": "2026-11-20T10:27:03.669Z",
            "sequenceNumber": 5,
        },
    },
    "streamPosition": 0,
    "globalPosition": 5,
    "committedAt": "2026-11-20T10:27:03.670Z",
}
WIRE = {
    "type": "GenerateImageRequestedEvent",
    "correlationId": "9d2a1f3c",
    "timestamp": "2026-11-20T10:25:42.200Z",
    "payload": {},
}
FROM_THE_CLI = {"id": "t1", "type": "X", "eventType": "X", "payload": {"prompt": "a", "correlationId": "c1"}}
OVER_A_SOCKET = {"type": "ImageGenerationRequestedEvent", "requestId": "r1", "prompt": "x"}
OURS = {"id": "1", "type": "X", "payload": {}, "metadata": {"source": "infrastructure", "version": 1}}


class TestReadEnvelope:
    @pytest.mark.parametrize(
        ("form", "said"),
        [
            (CORE, ("core", None, "EntityCreated", "corr-1", "agg-1", {}, None)),
            (SERVER, ("server", SERVER["eventId"], "X", "c", "agg-1", {"a": 1}, None)),
            (DOMAIN, ("domain", None, "ImageGenerationRequested", None, "agg", {}, None)),
            (
                STORED,
                (
                    "stored",
                    "evt_1795170423669_gjurfji01",
                    "ServiceDeploymentNeeded",
                    "c1",
                    "rest-api",
                    {"serviceType": "rest-api"},
                    5,
                ),
            ),
            (WIRE, ("wire", None, "GenerateImageRequestedEvent", "9d2a1f3c", None, {}, None)),
            (FROM_THE_CLI, ("wire", "t1", "X", "c1", None, FROM_THE_CLI["payload"], None)),
            (
                OVER_A_SOCKET,
                (
                    "wire",
                    None,
                    "ImageGenerationRequestedEvent",
                    None,
                    None,
                    {"requestId": "r1", "prompt": "x"},
                    None,
                ),
            ),
            (OURS, ("infrastructure", "1", "X", None, None, {}, None)),
        ],
        ids=["core", "server", "domain", "stored", "wire", "cli", "socket", "ours"],
    )
    def test_understands(self, form: dict[str, Any], said: tuple[Any, ...]) -> None:
        read = read_envelope(form)

        assert said == (
            read.kind,
            read.id,
            read.type,
            read.correlation_id,
            read.aggregate_id,
            read.payload,
            read.sequence,
        )

    def test_unwraps_events_of_the_event_store(self) -> None:
        assert read_envelope({"type": "event", "envelope": STORED}) == read_envelope(STORED)

    def test_treats_an_event_attribute_of_another_event_as_payload(self) -> None:
        read = read_envelope({"type": "Seen", "event": {"type": "X"}})

        assert (read.type, read.payload) == ("Seen", {"event": {"type": "X"}})

    @pytest.mark.parametrize(
        "time",
        ["2026-11-20T10:12:44.095Z", "2026-11-20T11:12:44.095+01:00", 1795169564095],
        ids=["utc", "offset", "milliseconds"],
    )
    def test_reads_times_as_text_and_as_milliseconds(self, time: object) -> None:
        read = read_envelope(WIRE | {"timestamp": time})

        assert read.time == datetime(2026, 11, 20, 10, 12, 44, 95_000, tzinfo=UTC)

    def test_finds_the_time_in_the_metadata(self) -> None:
        assert read_envelope(STORED).time == datetime(2026, 11, 20, 10, 27, 3, 669_000, tzinfo=UTC)

    def test_has_the_cause_of_the_sender(self) -> None:
        assert read_envelope(SERVER).causation_id == "evt_1"

    def test_ignores_null_attributes(self) -> None:
        nulls = {"correlationId": None, "timestamp": None, "payload": None}

        read = read_envelope(SERVER | nulls)

        assert (read.correlation_id, read.time, read.payload) == ("c", read_envelope(SERVER).time, {})

    @pytest.mark.parametrize(
        ("form", "faults"),
        [
            ({}, ["eventType is missing"]),
            ({"type": ""}, ["type string should have at least 1 character"]),
            ({"type": "a\x1b[2J"}, ["type is not in a form that is accepted here"]),
            ({"type": 1, "payload": "x"}, ["type input should be a valid string", "payload input should be an object"]),
            ({"type": "X", "timestamp": "2026-11-20T10:00:00"}, ["timestamp has no UTC offset"]),
            ({"type": "X", "timestamp": 1e300}, ["timestamp is not a time in RFC 3339 form"]),
            ({"type": "X", "globalPosition": "5"}, ["globalPosition input should be a valid integer"]),
            ({"event": {"eventId": 1, "eventType": "X"}}, ["eventId input should be a valid string"]),
            ({"type": "event", "envelope": {"event": {}}}, ["eventType is missing"]),
            ([], ["it is not a JSON object"]),
        ],
        ids=lambda value: str(value)[:50],
    )
    def test_refuses_with_every_fault(self, faults_of: FaultsOf, form: object, faults: list[str]) -> None:
        assert faults_of(read_envelope, form) == faults
