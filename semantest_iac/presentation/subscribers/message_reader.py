"""Reads the events in the body and the headers of a received message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from semantest_iac.application.intake.received_events import ReceivedEvent, read_received_event
from semantest_iac.application.ports.event_transports import ReceivedMessage
from semantest_iac.domain.environments.names import make_printable
from semantest_iac_events.forms.fields import EventFormError, FormFault

LARGEST_BODY_BYTES = 1024 * 1024
DEEPEST_NESTING = 64
MOST_EVENTS = 100
"""Of one batch."""

_BATCH_TYPE = "application/cloudevents-batch+json"
_STRUCTURED_TYPE = "application/cloudevents+json"
_ENCODED_PREFIX = "ce-"
_ATTRIBUTE_PREFIXES = (_ENCODED_PREFIX, "cloudevents:", "ce_", "cloudevents_")
"""How headers of HTTP and NATS, of AMQP, and of Kafka begin that are attributes of a binary CloudEvent.

The values of the first ones are percent-encoded, as their bindings say.
"""
_GITHUB_EVENT, _GITHUB_DELIVERY = "x-github-event", "x-github-delivery"


def read_message(message: ReceivedMessage) -> list[ReceivedEvent]:
    """Return the events of a message, several of a batch; raises EventFormError with every fault."""
    if len(message.body) > LARGEST_BODY_BYTES:
        raise EventFormError([FormFault("", f"is larger than {LARGEST_BODY_BYTES // 1024} KiB")])
    body = _parse_json(message.body)
    content_type = message.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == _BATCH_TYPE or isinstance(body, list):
        return _read_batch(body, message.source)
    attributes = {} if content_type == _STRUCTURED_TYPE else _read_attributes(message.headers)
    if attributes:
        return [read_received_event({**attributes, "data": body}, message.source)]
    if _GITHUB_EVENT in message.headers:
        return [read_received_event(_wrap_github_delivery(message.headers, body), message.source)]
    return [read_received_event(body, message.source)]


def _parse_json(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
        _require_shallow(text)
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_build_object)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        if isinstance(error, EventFormError):
            raise
        raise EventFormError([FormFault("", "is not JSON in UTF-8")]) from error


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object; which of two values of a key holds is up to each reader, so no event may have both."""
    built = dict(pairs)
    if len(built) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise EventFormError([FormFault("", f"has '{make_printable(repeated, 80)}' twice in one object")])
    return built


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _require_shallow(text: str) -> None:
    """Refuse text that is nested too deeply before anything is built from it."""
    depth, is_inside_text, is_escaped = 0, False, False
    if text.count("[") + text.count("{") <= DEEPEST_NESTING:
        return
    for character in text:
        if is_inside_text:
            is_inside_text = is_escaped or character != '"'
            is_escaped = character == "\\" and not is_escaped
        elif character == '"':
            is_inside_text = True
        elif character in "[{":
            depth += 1
            if depth > DEEPEST_NESTING:
                raise EventFormError([FormFault("", f"is nested more than {DEEPEST_NESTING} levels deep")])
        elif character in "]}":
            depth -= 1


def _read_batch(body: Any, source: str) -> list[ReceivedEvent]:
    if not isinstance(body, list) or not 0 < len(body) <= MOST_EVENTS:
        raise EventFormError([FormFault("", f"is not a batch of 1 to {MOST_EVENTS} events")])
    events, faults = list[ReceivedEvent](), list[FormFault]()
    for index, form in enumerate(body):
        try:
            events.append(read_received_event(form, source))
        except EventFormError as error:
            faults += [FormFault(f"[{index}].{fault.path}".rstrip("."), fault.message) for fault in error.faults]
    if faults:
        raise EventFormError(faults)
    return events


def _read_attributes(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of a binary CloudEvent; empty where the headers are of no CloudEvent."""
    found = {
        name.removeprefix(prefix): unquote(value) if prefix == _ENCODED_PREFIX else value
        for name, value in headers.items()
        for prefix in _ATTRIBUTE_PREFIXES
        if name.startswith(prefix)
    }
    return found if "specversion" in found else {}


def _wrap_github_delivery(headers: Mapping[str, str], body: Any) -> dict[str, Any]:
    """Return a delivery of GitHub, whose type and id are headers, as an event of the type `github.<event>`."""
    action = body.get("action") if isinstance(body, Mapping) else None
    kind = headers[_GITHUB_EVENT]
    return {
        "eventId": headers.get(_GITHUB_DELIVERY) or None,
        "eventType": f"github.{kind}.{action}" if isinstance(action, str) else f"github.{kind}",
        "payload": body,
    }
