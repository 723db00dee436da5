"""The entries of a Redis stream: one field for the body of a message, and one for each header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from semantest_iac.application.ports.event_transports import PublishedMessage
from semantest_iac.infrastructure.transports.brokers.connections import CONTENT_TYPE, write_header

_BODY: Final = b"body"
_FASTSTREAM_BODY: Final = b"__data__"


def write_entry(message: PublishedMessage) -> dict[str, bytes | str]:
    """Return the fields of a message."""
    headers = {**message.headers, CONTENT_TYPE: message.content_type, "id": message.id}
    return {**headers, _BODY.decode(): message.body}


def read_entry(fields: Mapping[bytes, bytes]) -> tuple[bytes, Mapping[str, str]]:
    """Return body and headers of an entry, whoever wrote it.

    The body is the field `body`, or the only one there is. FastStream's messages are in a form of their own. Other
    fields are the keys of an event without a body of its own, such as `XADD events * type … payload {…}`.
    """
    if _BODY in fields:
        return fields[_BODY], _read_headers(fields)
    if len(fields) == 1:
        ((name, value),) = fields.items()
        return _read_faststream_message(value) if name == _FASTSTREAM_BODY else (value, {})
    return json.dumps({write_header(name): _read_value(value) for name, value in fields.items()}).encode(), {}


def _read_headers(fields: Mapping[bytes, bytes]) -> Mapping[str, str]:
    return {write_header(name).lower(): write_header(value) for name, value in fields.items() if name != _BODY}


def _read_faststream_message(value: bytes) -> tuple[bytes, Mapping[str, str]]:
    """Return body and headers of FastStream's binary form; its reader would unwrap JSON with a key `data`, too."""
    from faststream.redis.parser import BinaryMessageFormatV1

    if not value.startswith(BinaryMessageFormatV1.IDENTITY_HEADER):
        return value, {}
    body, headers = BinaryMessageFormatV1.parse(value)
    return body, {name.lower(): write_header(each) for name, each in headers.items()}


def _read_value(value: bytes) -> Any:
    text = write_header(value)
    if text[:1] in ("{", "["):
        with suppress(ValueError):
            return json.loads(text)
    return text
