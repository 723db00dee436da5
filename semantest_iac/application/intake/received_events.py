"""Reads received forms into events, with what identifies each at its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, JsonValue

from semantest_iac.application.intake.request_origin import (
    RequestOrigin,
    digest_content,
    identify_by_content,
    identify_by_id,
    read_cloudevent_origin,
    read_envelope_origin,
    sort_sequence,
)
from semantest_iac.application.ports.request_sources import SourceOrder
from semantest_iac_events.catalogue import EVENT_TYPES
from semantest_iac_events.event import Event
from semantest_iac_events.forms.cloudevents import CAUSES_KEY, from_cloudevent
from semantest_iac_events.forms.envelopes import read_envelope
from semantest_iac_events.forms.fields import EventFormError, dump_own_fields, read_model, require_json_object
from semantest_iac_events.forms.semantest import (
    DEPLOYMENT_NEEDED_KEYS,
    DEPLOYMENT_NEEDED_TYPES,
    DERIVED_ID_NAMESPACE,
    FAILED_TYPE,
    find_causes,
    find_event_id,
    from_semantest,
    parse_uuid,
)
from semantest_iac_events.triggers import ServiceDeploymentNeeded
from semantest_iac_events.values import Label, Moment


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event as it was received from `source`, a name of the configuration; `event` is one of this contract.

    `payload` is what a subscription looks at. An event of another system has no `event`, and `id` is derived from its
    own unless that is a UUID. `sender` is the user of this machine who has sent it, where that is known.
    """

    type: str
    id: UUID
    source: str
    origin: RequestOrigin
    occurred_at: datetime
    correlation_id: str
    payload: Mapping[str, Any] = field(repr=False)
    event: Event | None = None
    sender: str = ""

    @property
    def causes(self) -> tuple[UUID, ...]:
        """The event, and what it names as its causes, oldest first."""
        return (*self.origin.causes, self.id)


class _ForeignCloudEvent(BaseModel):
    """The attributes that are used of a CloudEvent of another system."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, defer_build=True)

    id: Label
    source: Label
    type: Label
    time: Moment | None = None
    data: JsonValue = None
    correlationid: Label | None = None
    causationid: Label | None = None
    sequence: Label | None = None


def is_cloudevent(form: Mapping[str, Any]) -> bool:
    """Whether the form says that it is a CloudEvent."""
    return "specversion" in form


def read_received_event(form: object, source: str) -> ReceivedEvent:
    """Read a CloudEvent or any of Semantest's envelopes; raises EventFormError with every fault.

    A type of this contract must be written as the contract says. Other types are read as far as a subscription needs.
    """
    plain = require_json_object(form)
    return _read_cloudevent(plain, source) if is_cloudevent(plain) else _read_envelope(plain, source)


def wrap_event(event: Event, source: str) -> ReceivedEvent:
    """Return an event of this contract as if it had been received, from a sender in the same process."""
    order = SourceOrder(None, event.occurred_at.timestamp())
    return _from_own_event(event, source, identify_by_id("cloudevents", source, event, order))


def _from_own_event(event: Event, source: str, origin: RequestOrigin) -> ReceivedEvent:
    return ReceivedEvent(
        event.type_name,
        event.id,
        source,
        origin,
        event.occurred_at,
        event.correlation_id,
        dump_own_fields(event),
        event,
    )


def _read_cloudevent(form: dict[str, Any], source: str) -> ReceivedEvent:
    type_ = form.get("type")
    if type_ in DEPLOYMENT_NEEDED_TYPES:
        form, type_ = _normalize_deployment_needed(form), ServiceDeploymentNeeded.type_name
    if isinstance(type_, str) and type_ not in EVENT_TYPES:
        return _read_foreign_cloudevent(form, source)
    event = from_cloudevent(form)
    return _from_own_event(event, source, read_cloudevent_origin(form, event))


def _read_foreign_cloudevent(form: dict[str, Any], source: str) -> ReceivedEvent:
    read, faults = read_model(_ForeignCloudEvent, form)
    if read is None:
        raise EventFormError(faults)
    payload = read.data if isinstance(read.data, dict) else {"data": read.data}
    id_ = parse_uuid(read.id) or _derive_id(read.source, read.id)
    own = {name: value for name, value in payload.items() if name != CAUSES_KEY}
    sequence = sort_sequence(read.sequence) if read.sequence else None
    order = SourceOrder(sequence, read.time.timestamp() if read.time else None)
    cause = parse_uuid(read.causationid)
    origin = RequestOrigin(
        "cloudevents",
        read.source,
        str(id_),
        read.id,
        digest_content(read.type, own),
        order if order != SourceOrder() else None,
        (cause,) if cause else (),
    )
    correlation = read.correlationid or str(id_)
    return ReceivedEvent(read.type, id_, source, origin, read.time or datetime.now(UTC), correlation, own)


def _read_envelope(form: dict[str, Any], source: str) -> ReceivedEvent:
    envelope = read_envelope(form)
    if envelope.type in EVENT_TYPES or envelope.type in (*DEPLOYMENT_NEEDED_TYPES, FAILED_TYPE):
        event = from_semantest(form)
        return _from_own_event(event, source, read_envelope_origin(form, event))
    id_ = find_event_id(envelope)
    origin = identify_by_content(envelope, id_, tuple(find_causes(envelope)))
    correlation = envelope.correlation_id or str(id_)
    return ReceivedEvent(
        envelope.type, id_, source, origin, envelope.time or datetime.now(UTC), correlation, envelope.payload
    )


def _normalize_deployment_needed(form: dict[str, Any]) -> dict[str, Any]:
    """Return what Semantest's core sends in the contract's names of type and keys, with an id that is a UUID."""
    normal = form | {"type": ServiceDeploymentNeeded.type_name}
    if isinstance(id_ := form.get("id"), str) and not parse_uuid(id_):
        normal["id"] = str(_derive_id(str(form.get("source")), id_))
    if isinstance(data := form.get("data"), dict):
        normal["data"] = {DEPLOYMENT_NEEDED_KEYS.get(key, key): value for key, value in data.items()}
    return normal


def _derive_id(source: str, id_: str) -> UUID:
    return uuid5(DERIVED_ID_NAMESPACE, f"{source} {id_}")
