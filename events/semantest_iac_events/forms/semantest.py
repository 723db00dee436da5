"""Semantest's own forms: REQ-005's and the server's going out, and whatever its parts send coming in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from semantest_iac_events import deployments
from semantest_iac_events.catalogue import EVENT_TYPES
from semantest_iac_events.event import Event
from semantest_iac_events.forms.envelopes import OURS, Envelope, read_envelope
from semantest_iac_events.forms.reading import E, EventFormError, FormFault, read_event
from semantest_iac_events.forms.writing import cause_ids, own_fields, timestamp
from semantest_iac_events.triggers import ServiceDeploymentNeeded

FAILED = deployments.DeploymentFailed.type_name
OUTCOMES: dict[str, type[Event]] = {  # Semantest waits for `completed` or `failed` and knows no other end
    "rolled_back": deployments.DeploymentRolledBack,
    "needs_operator": deployments.DeploymentNeedsOperator,
    "rejected": deployments.DeploymentRejected,
    "cancelled": deployments.DeploymentCancelled,
    "superseded": deployments.DeploymentSuperseded,
}
OUTCOME_OF = {event_type: outcome for outcome, event_type in OUTCOMES.items()}
NEEDED = ("ServiceDeploymentNeeded", "ServiceDeploymentNeededEvent", ServiceDeploymentNeeded.type_name)
NEEDED_KEYS = {
    "service_type": "service_type",
    "serviceType": "service_type",
    "environment": "environment",
    "service_config": "service_config",
    "serviceConfig": "service_config",
}
DERIVED_IDS = uuid5(NAMESPACE_URL, "urn:semantest:infrastructure")


def to_semantest(event: Event) -> dict[str, Any]:
    """REQ-005's form; how a deployment ended, where Semantest has no word for it, is `payload.outcome`."""
    outcome = OUTCOME_OF.get(type(event))
    ids = cause_ids(event)
    metadata = {
        "source": OURS,
        "version": event.major_version,
        "correlationId": event.correlation_id,
        "causationId": ids[0] if ids else None,
        "previousEventIds": ids if len(ids) > 1 else None,
    }
    return {
        "id": str(event.id),
        "type": FAILED if outcome else event.type_name,
        "timestamp": timestamp(event),
        "payload": own_fields(event) | ({"outcome": outcome} if outcome else {}),
        "metadata": {name: value for name, value in metadata.items() if value is not None},
    }


def to_envelope_b(event: Event) -> dict[str, Any]:
    """The server's event form on top of REQ-005's: what every reader in Semantest finds its way through."""
    form = to_semantest(event)
    return form | {
        "eventId": form["id"],
        "eventType": form["type"],
        "aggregateId": event.subject or event.correlation_id,
        "correlationId": event.correlation_id,
        "metadata": form["metadata"] | {"timestamp": form["timestamp"]},
    }


def from_semantest(form: Mapping[str, Any], types: Mapping[str, type[Event]] = EVENT_TYPES) -> Event:
    """An event of ours or a ServiceDeploymentNeeded in any of the envelopes; raises EventFormError."""
    envelope = read_envelope(form)
    if envelope.type in NEEDED:
        return _needed(envelope)
    payload = {name: value for name, value in envelope.payload.items() if name != "correlationId"}
    event_type = types.get(envelope.type)
    if envelope.type == FAILED and "outcome" in payload:
        event_type = OUTCOMES.get(str(payload.pop("outcome")))
    if event_type is None:
        raise EventFormError([FormFault("type", "is not a type of this contract")])
    return _event(event_type, payload, envelope)


def service_deployment_needed(form: Mapping[str, Any]) -> ServiceDeploymentNeeded:
    """The trigger from any of Semantest's envelopes, keys in either spelling; raises EventFormError."""
    envelope = read_envelope(form)
    if envelope.type not in NEEDED:
        raise EventFormError([FormFault("type", "is not ServiceDeploymentNeeded")])
    return _needed(envelope)


def _needed(envelope: Envelope) -> ServiceDeploymentNeeded:
    known = {NEEDED_KEYS[key]: value for key, value in envelope.payload.items() if key in NEEDED_KEYS}
    return _event(ServiceDeploymentNeeded, known, envelope)


def _event(event_type: type[E], payload: dict[str, Any], envelope: Envelope) -> E:
    carried = {
        "id": str(_identity(envelope)),
        "occurred_at": envelope.time and envelope.time.isoformat(),
        "correlation_id": envelope.correlation_id,
        "previous_event_ids": _causes(envelope),
    }
    event, faults = read_event(event_type, payload, carried, at="payload")
    if faults or event is None:
        raise EventFormError(faults)
    return event


def _identity(envelope: Envelope) -> UUID:
    """Semantest's ids are often no UUIDs; one drawn from the content is the same at every delivery."""
    content = json.dumps(envelope.model_dump(mode="json"), sort_keys=True)
    return as_uuid(envelope.id) or uuid5(DERIVED_IDS, content)


def _causes(envelope: Envelope) -> list[str]:
    """Causes that are no UUIDs are none of our events, and are left out."""
    named = envelope.previous_event_ids or (envelope.causation_id,)
    return [str(found) for name in named if (found := as_uuid(name))]


def as_uuid(text: str | None) -> UUID | None:
    """The UUID that a text spells, if it does."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
