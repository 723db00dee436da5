"""What Semantest's messages may be, and the form in which they are handed on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

LONGEST_ID = 256
LARGEST = 128 * 1024  # of a message, on the narrowest cloud

Message = Mapping[str, Any]


class ProtocolError(Exception):
    """What a client is told instead of what it wanted."""


def parsed(text: str) -> Message | None:
    """The message, or None for what is none."""
    try:
        message = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and isinstance(message.get("type"), str) else None


def encoded(message: Message) -> bytes:
    """No longer than it came, or ProtocolError; half a pair of surrogates is escaped again, as it came."""
    try:
        data = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")
    except RecursionError as error:  # a little less depth can be read than written
        raise ProtocolError("The message is too deep") from error
    if len(data) > LARGEST:
        raise ProtocolError("The message is too large")
    return data


def request_of(message: Message) -> str:
    """The id of the request that a message is about; raises ProtocolError where it names none."""
    request = message.get("requestId")
    if not _is_id(request):
        raise ProtocolError(f"requestId must be a text of 1 to {LONGEST_ID} characters")
    return str(request)


def named(message: Message | None) -> Message:
    """What an error repeats, so that the client knows which of its messages is meant."""
    request = (message or {}).get("requestId")
    return {"requestId": request} if _is_id(request) else {}


def _finite(text: str) -> float:
    """What JSON has no word for could not be handed on."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.encode(errors="ignore").decode() == value
