"""The envelopes in use across Semantest, read into one model.

core            its core library          {"eventType","correlationId","aggregateId","timestamp"}
server          its server                {"eventId","eventType","aggregateId","timestamp","payload",…}
domain          its older domain events   {"eventType" or "type","occurredOn",…}
stored          its event store           {"event","globalPosition",…}, also in {"type":"event","envelope"}
wire            its CLI and WebSockets    {"type","payload",…}, or the payload's keys beside the type
infrastructure  ours, after REQ-005       {"id","type","timestamp","payload","metadata":{"source",…}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, JsonValue, StrictInt

from semantest_iac_events.forms.fields import EventFormError, read_model, require_json_object
from semantest_iac_events.values import Label, Moment

INFRASTRUCTURE_SOURCE = "infrastructure"

EnvelopeKind = Literal["core", "server", "domain", "stored", "wire", "infrastructure"]


class Envelope(BaseModel):
    """An event as its sender wrapped it; ids are the sender's own and need not be UUIDs."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, defer_build=True)

    kind: EnvelopeKind
    id: Label | None = Field(None, validation_alias=AliasChoices("eventId", "id"))
    type: Label = Field(validation_alias=AliasChoices("eventType", "type"))
    time: Moment | None = Field(
        None, validation_alias=AliasChoices("timestamp", "occurredOn", AliasPath("metadata", "timestamp"))
    )
    correlation_id: Label | None = Field(
        None,
        validation_alias=AliasChoices(
            "correlationId", AliasPath("metadata", "correlationId"), AliasPath("payload", "correlationId")
        ),
    )
    causation_id: Label | None = Field(
        None, validation_alias=AliasChoices("causationId", AliasPath("metadata", "causationId"))
    )
    previous_event_ids: tuple[Label, ...] = Field((), validation_alias=AliasPath("metadata", "previousEventIds"))
    aggregate_id: Label | None = Field(None, validation_alias="aggregateId")
    sequence: StrictInt | None = Field(
        None,
        validation_alias=AliasChoices("globalPosition", AliasPath("metadata", "sequenceNumber"), "streamPosition"),
    )
    payload: dict[str, JsonValue]


ENVELOPE_ATTRIBUTES = frozenset(
    {"eventId", "id", "eventType", "type", "eventVersion", "timestamp", "occurredOn", "committedAt", "payload"}
    | {"correlationId", "causationId", "aggregateId", "globalPosition", "streamPosition", "metadata"}
)


def read_envelope(form: Mapping[str, Any]) -> Envelope:
    """Read any of the envelopes; raises EventFormError with every fault."""
    outer = require_json_object(form)
    inner = _stored_event(outer)
    event = _without_nulls(outer if inner is None else inner)
    payload = {name: value for name, value in event.items() if name not in ENVELOPE_ATTRIBUTES}
    kind = _find_kind(event) if inner is None else "stored"
    envelope, faults = read_model(Envelope, {"payload": payload, **event, "kind": kind}, strict=False)
    if envelope is None:
        raise EventFormError(faults)
    return envelope


def _stored_event(outer: dict[str, Any]) -> dict[str, Any] | None:
    """Return the event inside the event store's wrapping, with its positions as attributes."""
    envelope = outer.get("envelope") if outer.get("type") == "event" else outer
    if not isinstance(envelope, Mapping) or "type" in envelope or "eventType" in envelope:
        return None
    event = envelope.get("event")
    return {**envelope, **event} if isinstance(event, Mapping) else None


def _find_kind(event: dict[str, Any]) -> EnvelopeKind:
    metadata = event.get("metadata")
    if isinstance(metadata, Mapping) and metadata.get("source") == INFRASTRUCTURE_SOURCE:
        return "infrastructure"
    marks: tuple[tuple[str, EnvelopeKind], ...] = (("eventId", "server"), ("occurredOn", "domain"), ("type", "wire"))
    return next((kind for mark, kind in marks if mark in event), "core")


def _without_nulls(event: dict[str, Any]) -> dict[str, Any]:
    """Senders write null for what they do not know, in the metadata too."""
    metadata = event.get("metadata")
    known = {name: value for name, value in event.items() if value is not None}
    if isinstance(metadata, Mapping):
        known["metadata"] = {name: value for name, value in metadata.items() if value is not None}
    return known
