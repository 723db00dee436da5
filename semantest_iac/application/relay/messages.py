"""Makes the messages of recorded events: their form, what identifies them, and no secret in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from semantest_iac.application.deployment.recorder import redact_fields
from semantest_iac.application.ports.event_transports import DeadLetter, PublishedMessage
from semantest_iac.application.ports.ledger import RecordedEvent
from semantest_iac.application.relay.selection import PublishedSelection
from semantest_iac.domain.errors import DeploymentError, LedgerError, NotFoundError
from semantest_iac_events.event import Event
from semantest_iac_events.forms.cloudevents import SEQUENCE_DIGITS, from_cloudevent
from semantest_iac_events.forms.fields import EventFormError
from semantest_iac_events.forms.semantest import to_envelope_b, to_semantest

CLOUDEVENTS_MEDIA_TYPE = "application/cloudevents+json"
_MESSAGE_FIELDS = ("id", "type", "key", "content_type")
_FIELD_PREFIX = "message-"


class UnreadableEventError(DeploymentError):
    """A recorded event has no form to publish it in; `unformed` holds it as it was recorded."""

    code = "EVENT_UNREADABLE"

    def __init__(self, recorded: RecordedEvent, reason: str, unformed: PublishedMessage) -> None:
        super().__init__(f"Cannot publish event {recorded.position} of the ledger: {reason}")
        self.unformed = unformed


@dataclass(frozen=True, slots=True)
class RelayedEvent:
    """A recorded event in its CloudEvents form, redacted, with its position as sequence."""

    recorded: RecordedEvent
    form: Mapping[str, Any]

    def read(self) -> Event:
        """Return the event itself; raises EventFormError for one of a type that this version does not know."""
        return from_cloudevent(self.form)


@dataclass(frozen=True, slots=True)
class FormedMessage:
    """What an event says in a form: its type there, and the body as JSON."""

    type: str
    body: Mapping[str, Any]
    content_type: str = "application/json"


RenderForm = Callable[[RelayedEvent], FormedMessage | None]
"""Returns an event in a form, None where the form has no word for it; raises EventFormError, LedgerError.

It blocks: it may look for more in the ledger.
"""


def render_cloudevent(event: RelayedEvent) -> FormedMessage:
    """Return the event as it was recorded."""
    return FormedMessage(event.recorded.type, event.form, CLOUDEVENTS_MEDIA_TYPE)


def render_semantest(event: RelayedEvent) -> FormedMessage:
    """Return the event in REQ-005's form."""
    form = to_semantest(event.read())
    return FormedMessage(form["type"], form)


def render_envelope(event: RelayedEvent) -> FormedMessage:
    """Return the event in REQ-005's form with the attributes of Semantest's server."""
    form = to_envelope_b(event.read())
    return FormedMessage(form["type"], form)


class MessageRenderer:
    """Makes the messages that a target gets."""

    def __init__(self, selection: PublishedSelection, render: RenderForm, redact: Callable[[str], str] = str) -> None:
        self._selection = selection
        self._render = render
        self._redact = redact

    def render(self, recorded: RecordedEvent) -> PublishedMessage | None:
        """Return the message of a recorded event, None for one that the target does not get.

        Its id is that of the event, so that it is the same at each try. Raises UnreadableEventError for an event that
        no try will render, LedgerError where the ledger cannot be read.
        """
        if not self._selection.has_type(recorded.type):
            return None
        form = self._read_form(recorded)
        if not self._selection.matches(recorded, form["data"]):
            return None
        sequence = str(recorded.position).zfill(SEQUENCE_DIGITS)
        redacted = {**form, "sequence": sequence, "data": redact_fields(form["data"], self._redact)}
        try:
            formed = self._render(RelayedEvent(recorded, redacted))
        except DeploymentError:
            raise
        except Exception as error:  # a defect must not hold up what comes after it
            is_known = isinstance(error, EventFormError)
            reason = str(error) if is_known else f"an unexpected {type(error).__name__} was raised for it."
            unformed = _build_message(recorded, form, FormedMessage(recorded.type, redacted, CLOUDEVENTS_MEDIA_TYPE))
            raise UnreadableEventError(recorded, reason, unformed) from error
        return _build_message(recorded, form, formed) if formed else None

    def _read_form(self, recorded: RecordedEvent) -> dict[str, Any]:
        try:
            form = recorded.event
            if isinstance(form.get("id"), str) and isinstance(form.get("data"), dict):
                return form
        except LedgerError:
            pass
        body = self._redact(recorded.json).encode("utf-8", "replace")
        unformed = PublishedMessage(f"event-{recorded.position}", recorded.type, recorded.stream, body, "text/plain")
        raise UnreadableEventError(recorded, "it is no CloudEvent.", unformed)


def _build_message(recorded: RecordedEvent, form: Mapping[str, Any], formed: FormedMessage) -> PublishedMessage:
    body = json.dumps(formed.body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return PublishedMessage(form["id"], formed.type, recorded.stream, body, formed.content_type)


def build_dead_letter(
    target: str, message: PublishedMessage, code: str, reason: str, place: str, failed_at: float
) -> DeadLetter:
    """Return the letter of a message that a target did not take; the same message has the same letter each time."""
    fields = {f"{_FIELD_PREFIX}{name}": str(getattr(message, name)) for name in _MESSAGE_FIELDS}
    return DeadLetter(
        id=uuid5(NAMESPACE_URL, f"{message.id} {target}").hex,
        direction="published",
        transport=target,
        code=code,
        reason=reason,
        failed_at=failed_at,
        body=message.body,
        headers={**message.headers, **fields},
        place=place,
    )


def restore_message(letter: DeadLetter) -> PublishedMessage:
    """Return the message of a dead letter, to publish it again; raises NotFoundError where it holds none."""
    headers = dict(letter.headers)
    try:
        fields = {name: headers.pop(f"{_FIELD_PREFIX}{name}") for name in _MESSAGE_FIELDS}
    except KeyError:
        raise NotFoundError(f"Cannot publish dead letter '{letter.id}': it holds no message of a target.") from None
    return PublishedMessage(body=letter.body, headers=headers, **fields)
