"""Reading and writing an event's fields, for every form.

Reading reports every fault at once and never repeats a value that was sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from semantest_iac_events.event import Event

ModelT = TypeVar("ModelT", bound=BaseModel)
EventT = TypeVar("EventT", bound=Event)

ENVELOPE_FIELDS = frozenset(
    {"id", "occurred_at", "correlation_id", "previous_event_ids"}
)  # fields that the form carries itself
CONSEQUENTIAL_ERROR = "default_factory_not_called"  # pydantic's note that another field's fault comes first
LONGEST_PATH = 120

FAULT_MESSAGES = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of this event",
    "uuid_parsing": "is not a UUID",
    "uuid_type": "is not a UUID",
    "datetime_type": "is not a time in RFC 3339 form",
    "datetime_parsing": "is not a time in RFC 3339 form",
    "datetime_from_date_parsing": "is not a time in RFC 3339 form",
    "timezone_aware": "has no UTC offset",
    "json_invalid": "is nested too deeply, or holds text that is not Unicode",
    "value_error": "is not within the years 1 to 9999 in UTC",  # only times are checked by code of this package
    "string_pattern_mismatch": "is not in a form that is accepted here",
}


@dataclass(frozen=True, slots=True)
class FormFault:
    """One thing that is wrong, at a dotted path of the form."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path or 'it'} {self.message}"


class EventFormError(ValueError):
    """The received form is no event of this contract; `faults` names every reason."""

    def __init__(self, faults: Sequence[FormFault]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"Cannot read the event: {'; '.join(map(str, self.faults))}.")


def require_json_object(form: object) -> dict[str, Any]:
    """Return the form in plain JSON values; raises EventFormError unless it is a JSON object."""
    if not isinstance(form, Mapping):
        raise EventFormError([FormFault("", "is not a JSON object")])
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(form), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise EventFormError([FormFault("", "holds a value that JSON cannot express")]) from error
    return plain


def read_model(
    model: type[ModelT], fields: dict[str, Any], *, strict: bool = True
) -> tuple[ModelT | None, list[FormFault]]:
    """Return the model, or every fault; `strict` converts no type unless a field allows it."""
    try:
        return model.model_validate_json(json.dumps(fields), strict=strict or None), []
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
    return None, [
        _to_form_fault(each["type"], each["loc"], each["msg"]) for each in found if each["type"] != CONSEQUENTIAL_ERROR
    ]


def read_event(
    event_type: type[EventT], own: Mapping[str, Any], carried: Mapping[str, Any], *, at: str
) -> tuple[EventT | None, list[FormFault]]:
    """Read an event from its own fields, which are at the attribute `at`, and from the fields that the form carries."""
    fields = {name: value for name, value in own.items() if name not in ENVELOPE_FIELDS}
    fields |= {name: value for name, value in carried.items() if value is not None}
    event, faults = read_model(event_type, fields)
    strays = [FormFault(name, FAULT_MESSAGES["extra_forbidden"]) for name in sorted(ENVELOPE_FIELDS & own.keys())]
    return event, [replace(fault, path=f"{at}.{fault.path}".rstrip(".")) for fault in strays + faults]


def _to_form_fault(kind: str, place: tuple[int | str, ...], message: str) -> FormFault:
    path = ".".join(map(str, place))[:LONGEST_PATH]
    printable = "".join(character if character.isprintable() else "?" for character in path)
    return FormFault(printable, FAULT_MESSAGES.get(kind, message[:1].lower() + message[1:]))


def dump_own_fields(event: Event) -> dict[str, Any]:
    """Return the fields as JSON values, without those that a form carries itself."""
    return event.model_dump(mode="json", exclude=set(ENVELOPE_FIELDS))


def dump_cause_ids(event: Event) -> list[str]:
    """Return the ids of the causes, oldest first."""
    return [str(cause) for cause in event.previous_event_ids]


def format_timestamp(event: Event) -> str:
    """Return RFC 3339 in UTC with microseconds, so that reading gives the same time."""
    return event.occurred_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
