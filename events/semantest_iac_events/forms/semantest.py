"""Semantest's own forms: REQ-005's and the server's are written, every envelope of its components is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from semantest_iac_events import deployments
from semantest_iac_events.catalogue import EVENT_TYPES
from semantest_iac_events.event import Event
from semantest_iac_events.forms.envelopes import INFRASTRUCTURE_SOURCE, Envelope, read_envelope
from semantest_iac_events.forms.fields import (
    EventFormError,
    EventT,
    FormFault,
    dump_cause_ids,
    dump_own_fields,
    format_timestamp,
    read_event,
)
from semantest_iac_events.triggers import ServiceDeploymentNeeded

FAILED_TYPE = deployments.DeploymentFailed.type_name
EVENT_TYPE_OF_OUTCOME: dict[str, type[Event]] = {  # Semantest waits for `completed` or `failed` and knows no other end
    "rolled_back": deployments.DeploymentRolledBack,
    "needs_operator": deployments.DeploymentNeedsOperator,
    "rejected": deployments.DeploymentRejected,
    "cancelled": deployments.DeploymentCancelled,
    "superseded": deployments.DeploymentSuperseded,
}
OUTCOME_OF_EVENT_TYPE = {event_type: outcome for outcome, event_type in EVENT_TYPE_OF_OUTCOME.items()}
DEPLOYMENT_NEEDED_TYPES = ("ServiceDeploymentNeeded", "ServiceDeploymentNeededEvent", ServiceDeploymentNeeded.type_name)
DEPLOYMENT_NEEDED_KEYS = {
    "service_type": "service_type",
    "serviceType": "service_type",
    "environment": "environment",
    "service_config": "service_config",
    "serviceConfig": "service_config",
}
DERIVED_ID_NAMESPACE = uuid5(NAMESPACE_URL, "urn:semantest:infrastructure")


def to_semantest(event: Event) -> dict[str, Any]:
    """Return REQ-005's form; an end that Semantest has no type for is `payload.outcome` of a failure."""
    outcome = OUTCOME_OF_EVENT_TYPE.get(type(event))
    ids = dump_cause_ids(event)
    metadata = {
        "source": INFRASTRUCTURE_SOURCE,
        "version": event.major_version,
        "correlationId": event.correlation_id,
        "causationId": ids[0] if ids else None,
        "previousEventIds": ids if len(ids) > 1 else None,
    }
    return {
        "id": str(event.id),
        "type": FAILED_TYPE if outcome else event.type_name,
        "timestamp": format_timestamp(event),
        "payload": dump_own_fields(event) | ({"outcome": outcome} if outcome else {}),
        "metadata": {name: value for name, value in metadata.items() if value is not None},
    }


def to_envelope_b(event: Event) -> dict[str, Any]:
    """Return REQ-005's form with the server's attributes, which every reader in Semantest understands."""
    form = to_semantest(event)
    return form | {
        "eventId": form["id"],
        "eventType": form["type"],
        "aggregateId": event.subject or event.correlation_id,
        "correlationId": event.correlation_id,
        "metadata": form["metadata"] | {"timestamp": form["timestamp"]},
    }


def from_semantest(form: Mapping[str, Any], types: Mapping[str, type[Event]] = EVENT_TYPES) -> Event:
    """Read an event of this contract or a ServiceDeploymentNeeded in any envelope; raises EventFormError."""
    envelope = read_envelope(form)
    if envelope.type in DEPLOYMENT_NEEDED_TYPES:
        return _build_deployment_needed(envelope)
    payload = {name: value for name, value in envelope.payload.items() if name != "correlationId"}
    event_type = types.get(envelope.type)
    if envelope.type == FAILED_TYPE and "outcome" in payload:
        event_type = EVENT_TYPE_OF_OUTCOME.get(str(payload.pop("outcome")))
    if event_type is None:
        raise EventFormError([FormFault("type", "is not a type of this contract")])
    return _build_event(event_type, payload, envelope)


def read_service_deployment_needed(form: Mapping[str, Any]) -> ServiceDeploymentNeeded:
    """Read a ServiceDeploymentNeeded in any envelope, keys in either spelling; raises EventFormError."""
    envelope = read_envelope(form)
    if envelope.type not in DEPLOYMENT_NEEDED_TYPES:
        raise EventFormError([FormFault("type", "is not ServiceDeploymentNeeded")])
    return _build_deployment_needed(envelope)


def _build_deployment_needed(envelope: Envelope) -> ServiceDeploymentNeeded:
    known = {
        DEPLOYMENT_NEEDED_KEYS[key]: value for key, value in envelope.payload.items() if key in DEPLOYMENT_NEEDED_KEYS
    }
    return _build_event(ServiceDeploymentNeeded, known, envelope)


def _build_event(event_type: type[EventT], payload: dict[str, Any], envelope: Envelope) -> EventT:
    carried = {
        "id": str(find_event_id(envelope)),
        "occurred_at": envelope.time and envelope.time.isoformat(),
        "correlation_id": envelope.correlation_id,
        "previous_event_ids": [str(cause) for cause in find_causes(envelope)],
    }
    event, faults = read_event(event_type, payload, carried, at="payload")
    if faults or event is None:
        raise EventFormError(faults)
    return event


def find_event_id(envelope: Envelope) -> UUID:
    """Return the id of an event, or where it is no UUID, one derived from the content: the same at every delivery."""
    content = json.dumps(envelope.model_dump(mode="json"), sort_keys=True)
    return parse_uuid(envelope.id) or uuid5(DERIVED_ID_NAMESPACE, content)


def find_causes(envelope: Envelope) -> list[UUID]:
    """Return the causes that an event names; those that are no UUIDs are no events of this contract."""
    named = envelope.previous_event_ids or (envelope.causation_id,)
    return [found for name in named if (found := parse_uuid(name))]


def parse_uuid(text: str | None) -> UUID | None:
    """Return the UUID that a text spells, None if it spells none."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
