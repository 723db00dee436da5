"""Tells where a request comes from, and by what it is known when it comes again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from semantest_iac.application.ports.request_sources import SourceOrder
from semantest_iac.domain.security.redaction import MASK
from semantest_iac_events.event import Event, StackRequest
from semantest_iac_events.forms.cloudevents import CAUSES_KEY
from semantest_iac_events.forms.envelopes import Envelope, read_envelope
from semantest_iac_events.forms.fields import dump_own_fields

RequestForm = Literal["command_line", "python_api", "cloudevents", "infrastructure", "envelope", "pythoneda"]
SEMANTEST_SOURCE = "semantest"
_SEQUENCE_WIDTH = 40  # more digits than any counter has
_PER_DELIVERY = ("deployment_id", "requested_by", "hops", CAUSES_KEY)  # of one request, these may differ


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """The sender of a request, and what identifies the event by which it came.

    `key` is the same at each delivery of the same event, and `digest` covers what it asks for. `order` is its place
    among the events of the source. `causes` are the ids of the events that the event itself names as its causes.
    """

    form: RequestForm
    source: str
    event_id: str = ""
    key: str = ""
    digest: str = ""
    order: SourceOrder | None = None
    causes: tuple[UUID, ...] = ()

    @property
    def is_command(self) -> bool:
        """Whether somebody waits for the answer: each call is a request of its own, and never comes late."""
        return self.form in ("command_line", "python_api")

    def key_of(self, request: StackRequest) -> str:
        """Return the key of a request; an event that leads to requests for several stacks gives each one its own."""
        if self.is_command:
            return str(request.id)
        return self.key if self.event_id == str(request.id) else f"{self.key} {request.stack}"

    def digest_of(self, request: StackRequest) -> str:
        """Return the digest of what was asked for, before this machine's defaults were added to the request."""
        return self.digest or digest_request(request)


COMMAND_LINE = RequestOrigin("command_line", "command-line")
PYTHON_API = RequestOrigin("python_api", "python-api")


def read_cloudevent_origin(form: Mapping[str, Any], event: Event) -> RequestOrigin:
    """Return the origin of a received CloudEvent and the event that was read from it."""
    sequence = form.get("sequence")
    order = SourceOrder(sort_sequence(sequence) if sequence else None, event.occurred_at.timestamp())
    return identify_by_id("cloudevents", str(form["source"]), event, order)


def read_envelope_origin(form: Mapping[str, Any], event: Event, source: str = SEMANTEST_SOURCE) -> RequestOrigin:
    """Return the origin of an event in one of Semantest's envelopes, which `source` sent.

    Its server gives an event a new id at each delivery, so that only our own form is known by its id.
    """
    envelope = read_envelope(form)
    if envelope.kind == "infrastructure":
        occurred_at = envelope.time.timestamp() if envelope.time else None
        return identify_by_id("infrastructure", source, event, SourceOrder(None, occurred_at))
    return identify_by_content(envelope, event.id, event.previous_event_ids, source)


def identify_by_content(
    envelope: Envelope, event_id: UUID, causes: tuple[UUID, ...], source: str = SEMANTEST_SOURCE
) -> RequestOrigin:
    """Return the origin of an event whose sender gives it another id at each delivery."""
    occurred_at = envelope.time.timestamp() if envelope.time else None
    sequence = None if envelope.sequence is None else sort_sequence(str(envelope.sequence))
    digest = digest_content(envelope.type, envelope.payload)
    return RequestOrigin(
        "envelope",
        source,
        str(event_id),
        key=_envelope_key(envelope, digest),
        digest=digest,
        order=SourceOrder(sequence, occurred_at),
        causes=causes,
    )


def sort_sequence(sequence: str) -> str:
    """Return the sequence so that texts sort as the numbers do; other texts stay as they are."""
    return sequence.zfill(_SEQUENCE_WIDTH) if sequence.isascii() and sequence.isdigit() else sequence


def digest_request(event: Event) -> str:
    """Return the hash of what an event asks for: not who sent it when, and by which deployment it is carried out."""
    return digest_content(event.type_name, dump_own_fields(event))


def digest_content(event_type: str, fields: Mapping[str, Any]) -> str:
    """Return the hash of an event's type and fields, whatever their order."""
    asked = {name: value for name, value in fields.items() if name not in _PER_DELIVERY}
    text = json.dumps([event_type, asked], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def is_published_copy(recorded: Mapping[str, Any], received: Mapping[str, Any]) -> bool:
    """Whether the fields that were received ask for what was recorded; texts may be masked in them."""
    names = {*recorded, *received} - set(_PER_DELIVERY)
    return all(_is_masked_copy(recorded.get(name), received.get(name)) for name in names)


def _is_masked_copy(recorded: Any, received: Any) -> bool:
    if isinstance(recorded, Mapping) and isinstance(received, Mapping):
        is_alike = recorded.keys() == received.keys()
        return is_alike and all(_is_masked_copy(recorded[name], received[name]) for name in recorded)
    if isinstance(recorded, list) and isinstance(received, list):
        return len(recorded) == len(received) and all(map(_is_masked_copy, recorded, received))
    if isinstance(recorded, str) and isinstance(received, str) and MASK in received:
        return _has_pieces(recorded, received.split(MASK))
    return bool(recorded == received)


def _has_pieces(text: str, pieces: list[str]) -> bool:
    """Whether a text is these pieces with anything between them; its cost grows with the text alone."""
    first, *middle, last = pieces
    if not (text.startswith(first) and text.endswith(last)):
        return False
    at = len(first)
    for piece in middle:
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return at <= len(text) - len(last)


def identify_by_id(form: RequestForm, source: str, event: Event, order: SourceOrder) -> RequestOrigin:
    """Return the origin of an event of this contract that keeps its id at each delivery."""
    identity = str(event.id)
    return RequestOrigin(form, source, identity, identity, digest_request(event), order, event.previous_event_ids)


def _envelope_key(envelope: Envelope, digest: str) -> str:
    """Without a correlation id, the time tells events with the same content apart."""
    moment = None if envelope.correlation_id else _format_moment(envelope.time)
    return json.dumps([envelope.correlation_id, envelope.aggregate_id, moment, digest])


def _format_moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
