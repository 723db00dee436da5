"""Reads PythonEDA's requests, and words what became of them as PythonEDA's events of infrastructure.

| request | carried out | anything else |
|---|---|---|
| `InfrastructureUpdateRequested` | `InfrastructureUpdated` | `InfrastructureUpdateFailed` |
| `InfrastructureRemovalRequested` | `InfrastructureRemoved` | `InfrastructureRemovalFailed` |

An answer has the id of the event that ended the deployment, whichever process gives it how often. Its causes are the
request and the causes of that, newest first, as PythonEDA's flows compare them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol
from uuid import UUID, uuid5

from semantest_iac.application.deployment.failures import error_fields
from semantest_iac.application.intake.received_events import ReceivedEvent
from semantest_iac.application.intake.request_origin import RequestOrigin, digest_content
from semantest_iac.application.ports.request_sources import SourceOrder
from semantest_iac.domain.deployment.status import TRANSITIONS
from semantest_iac.domain.errors import DeploymentError, RefusedError
from semantest_iac_events.deployments import DeploymentCompleted
from semantest_iac_events.event import StackEvent
from semantest_iac_events.forms.semantest import DERIVED_ID_NAMESPACE, parse_uuid
from semantest_iac_events.infrastructure import InfrastructureRemoved

Wanted = Literal["update", "removal"]

_ANSWERS: Mapping[Wanted, tuple[str, str]] = {
    "update": ("InfrastructureUpdated", "InfrastructureUpdateFailed"),
    "removal": ("InfrastructureRemoved", "InfrastructureRemovalFailed"),
}
_REQUESTS: Mapping[str, Wanted] = {
    "InfrastructureUpdateRequested": "update",
    "InfrastructureRemovalRequested": "removal",
}
_GOOD_ENDS = (DeploymentCompleted, InfrastructureRemoved)
_FACTS = (
    "endpoint",
    "generation",
    "code",
    "reason",
    "hint",
    "successor",
    "restored_deployment",
    "remainder",
    "commands",
)
"""Fields of terminal events that an answer repeats."""


class PythonedaRequest(Protocol):
    """An InfrastructureUpdateRequested or InfrastructureRemovalRequested of PythonEDA, as far as it is read."""

    @property
    def id(self) -> str: ...

    @property
    def previous_event_ids(self) -> list[str]: ...

    @property
    def created(self) -> datetime | None: ...

    @property
    def stack_name(self) -> str: ...

    @property
    def project_name(self) -> str: ...

    @property
    def location(self) -> str: ...

    @property
    def metadata(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request of PythonEDA: what is wanted of which stack, in PythonEDA's names, and what its answer repeats.

    `causes` are the ids of its previous events, newest first. The metadata may hold anything and is never kept.
    """

    wanted: Wanted
    id: str
    stack_name: str
    project_name: str
    location: str
    causes: tuple[str, ...] = ()
    occurred_at: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def event_id(self) -> UUID:
        """The id under which the request is known here; ids of PythonEDA that are no UUIDs get one of their own."""
        return _as_uuid(self.id)

    @property
    def cause_ids(self) -> tuple[UUID, ...]:
        """The causes that can be events of ours, oldest first."""
        return tuple(found for cause in reversed(self.causes) if (found := parse_uuid(cause)))


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request: `facts` are texts, for the metadata of PythonEDA's event."""

    id: UUID
    is_good: bool
    facts: Mapping[str, str]


def read_request(event: PythonedaRequest) -> ReceivedRequest:
    """Return what a request of PythonEDA says, whichever class of these names it is; its times are local ones."""
    created = getattr(event, "created", None)
    return ReceivedRequest(
        _REQUESTS[type(event).__name__],
        str(event.id),
        event.stack_name,
        event.project_name,
        event.location,
        tuple(str(cause) for cause in event.previous_event_ids or ()),
        created.astimezone(UTC) if isinstance(created, datetime) else None,
        dict(event.metadata or {}),
    )


def read_other_event(event: Any, source: str) -> ReceivedEvent:
    """Return any other event of PythonEDA as subscriptions look at it: by the name of its class and its attributes.

    Attributes that PythonEDA marks as sensitive are left out. Raises RefusedError for an event that is no JSON.
    """
    name, created = type(event).__name__, getattr(event, "created", None)
    try:
        hidden = {"id", "_internal", *type(event).sensitive_attributes()}
        payload = {key: value for key, value in json.loads(event.to_json()).items() if key not in hidden}
    except Exception as error:  # the code of the event, which is anybody's
        raise RefusedError(f"Cannot read the attributes of '{name}'.", "EVENT_UNREADABLE") from error
    occurred_at = created.astimezone(UTC) if isinstance(created, datetime) else datetime.now(UTC)
    id_, digest = _as_uuid(str(event.id)), digest_content(name, payload)
    causes = tuple(found for cause in reversed(event.previous_event_ids or ()) if (found := parse_uuid(str(cause))))
    order = SourceOrder(None, occurred_at.timestamp())
    origin = RequestOrigin("pythoneda", source, str(id_), str(event.id), digest, order, causes)
    return ReceivedEvent(name, id_, source, origin, occurred_at, str(id_), payload)


def describe_ending(ending: StackEvent) -> Answer:
    """Return the answer that the terminal event of a deployment is."""
    fields = ending.model_dump(mode="json", exclude_defaults=True)
    facts = {
        "deployment": ending.deployment_id,
        "stack": ending.stack,
        "state": str(TRANSITIONS[ending.type_name][1]),
        **{name: _as_text(fields[name]) for name in _FACTS if name in fields},
    }
    outputs = fields.get("outputs") or {}
    facts |= {f"output.{name}": _as_text(value) for name, value in outputs.items()}
    return Answer(ending.id, isinstance(ending, _GOOD_ENDS), facts)


def describe_failed_submission(request: ReceivedRequest, error: Exception) -> Answer:
    """Return the answer to a request that could not be submitted; of a defect it has no text but its kind."""
    fields = error_fields(error)
    hints = [fault.hint for fault in error.faults if fault.hint] if isinstance(error, DeploymentError) else []
    hint = fields["hint"] or " ".join(dict.fromkeys(hints))
    facts = {"state": "rejected", "code": fields["code"], "reason": fields["reason"], "hint": hint}
    return Answer(uuid5(request.event_id, "refused"), False, {name: text for name, text in facts.items() if text})


def build_answer(request: ReceivedRequest, answer: Answer, classes: Any) -> Any:
    """Return the answer as PythonEDA's event; `classes` is the module that has the classes."""
    good, bad = _ANSWERS[request.wanted]
    event_class = getattr(classes, good if answer.is_good else bad)
    causes = [request.id, *request.causes]
    return event_class(
        request.stack_name, request.project_name, request.location, dict(answer.facts), causes, str(answer.id)
    )


def _as_uuid(text: str) -> UUID:
    return parse_uuid(text) or uuid5(DERIVED_ID_NAMESPACE, text)


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    is_list_of_text = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return "\n".join(value) if is_list_of_text else json.dumps(value)
