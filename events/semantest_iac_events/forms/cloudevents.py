"""CloudEvents 1.0 in JSON, the main form, whose schemas are published."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from semantest_iac_events.catalogue import EVENT_TYPES
from semantest_iac_events.event import Event
from semantest_iac_events.forms.fields import (
    EventFormError,
    FormFault,
    dump_cause_ids,
    dump_own_fields,
    format_timestamp,
    read_event,
    read_model,
    require_json_object,
)
from semantest_iac_events.values import Label, Moment

CLOUDEVENT_SOURCE = "/semantest/infrastructure"
SCHEMA_URN_PREFIX = "urn:semantest:infrastructure:"  # the specification requires an absolute URI; no host serves these
SEQUENCE_DIGITS = 19  # the sequence extension requires text that sorts as the numbers do
CAUSES_KEY = "previous_event_ids"
_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")

JsonMediaType = Annotated[str, Field(pattern=r"^application/([a-z0-9.-]+\+)?json(;.*)?$")]


class CloudEvent(BaseModel):
    """The attributes of the contract; others, such as those of brokers, are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, defer_build=True)

    specversion: Literal["1.0"]
    id: UUID
    source: Label
    type: Label
    time: Moment
    data: dict[str, JsonValue]
    subject: str | None = None
    datacontenttype: JsonMediaType | None = None
    dataschema: str | None = None
    correlationid: Label | None = None
    causationid: UUID | None = None
    sequence: Label | None = None


def schema_name(event_type: type[Event]) -> str:
    """Return such as `deployment_requested.v1`, the name of schema, sample and `dataschema`."""
    return f"{_WORD_START.sub('_', event_type.__name__).lower()}.v{event_type.major_version}"


def to_cloudevent(event: Event, *, sequence: int | None = None, source: str = CLOUDEVENT_SOURCE) -> dict[str, Any]:
    """Return the form of an event; `causationid` is its first cause, `data` has all if there are more."""
    ids = dump_cause_ids(event)
    attributes = {
        "specversion": "1.0",
        "id": str(event.id),
        "source": source,
        "type": event.type_name,
        "subject": event.subject,
        "time": format_timestamp(event),
        "datacontenttype": "application/json",
        "dataschema": SCHEMA_URN_PREFIX + schema_name(type(event)),
        "correlationid": event.correlation_id,
        "causationid": ids[0] if ids else None,
        "sequence": None if sequence is None else str(sequence).zfill(SEQUENCE_DIGITS),
        "data": dump_own_fields(event) | ({CAUSES_KEY: ids} if len(ids) > 1 else {}),
    }
    return {name: value for name, value in attributes.items() if value is not None}


def from_cloudevent(form: Mapping[str, Any], types: Mapping[str, type[Event]] = EVENT_TYPES) -> Event:
    """Return the event of a form; raises EventFormError with every fault."""
    attributes = require_json_object(form)
    envelope, faults = read_model(CloudEvent, attributes)
    name, data = attributes.get("type"), attributes.get("data")
    event_type = types.get(name) if isinstance(name, str) else None
    if isinstance(name, str) and event_type is None:
        faults.append(FormFault("type", "is not a type of this contract"))
    if event_type is None or not isinstance(data, dict):
        raise EventFormError(faults)
    return _build_event(event_type, data, envelope, faults)


def _build_event(
    event_type: type[Event], data: dict[str, Any], envelope: CloudEvent | None, faults: list[FormFault]
) -> Event:
    own = {name: value for name, value in data.items() if name != CAUSES_KEY}
    event, own_faults = read_event(event_type, own, _envelope_fields(envelope, data.get(CAUSES_KEY)), at="data")
    contradictions = _find_contradictions(envelope, event) if envelope and event else []
    if event is None or faults or own_faults or contradictions:
        raise EventFormError([*faults, *own_faults, *contradictions])
    return event


def _envelope_fields(envelope: CloudEvent | None, causes: object) -> dict[str, Any]:
    """The data has all causes if there are more than one."""
    if envelope is None:
        return {CAUSES_KEY: causes}
    first_cause = [str(envelope.causationid)] if envelope.causationid else None
    return {
        "id": str(envelope.id),
        "occurred_at": envelope.time.isoformat(),
        "correlation_id": envelope.correlationid,
        CAUSES_KEY: first_cause if causes is None else causes,
    }


def _find_contradictions(envelope: CloudEvent, event: Event) -> list[FormFault]:
    """Attributes that repeat fields of the data must agree with them."""
    expected = CloudEvent.model_validate(to_cloudevent(event))
    return [
        FormFault(name, "contradicts the event's own fields")
        for name in ("subject", "dataschema", "causationid")
        if getattr(envelope, name) not in (None, getattr(expected, name))
    ]
