"""Sends to queues and topics, and to clients of the WebSocket API that this function serves, on either cloud."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from semantest_messages import Message, send
from semantest_post import post

__all__ = ["message", "post"]

LARGEST_QUEUED_MESSAGE = 240 * 1024  # bytes, with attributes, on the narrowest cloud
ATTRIBUTE_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
MOST_ATTRIBUTES = 10
DESTINATION_PREFIX = "SEMANTEST_SEND_"


def message(
    destination: str,
    body: str | Mapping[str, Any],
    *,
    attributes: Mapping[str, str | int | float] | None = None,
    group: str = "",
    id: str = "",
) -> str:
    """Send a message to a queue or topic, a mapping as JSON; returns the id of the message.

    `attributes` are what subscriptions filter by. Messages of one `group` stay in order where the destination keeps
    one, and a message with an `id` that was sent before is dropped where it rejects duplicates. Raises LookupError for
    a destination that this function does not send to, ValueError for what no queue takes, and an error of the cloud's.
    """
    address = os.environ.get(DESTINATION_PREFIX + destination.upper().replace("-", "_"), "")
    if not address:
        raise LookupError(f"This function does not send to '{destination}': name it in sends_to.")
    text, given = body if isinstance(body, str) else json.dumps(body), dict(attributes or {})
    if unfit := [name for name, value in given.items() if not _is_attribute(name, value)]:
        raise ValueError(f"No attribute of a message: {', '.join(map(repr, unfit))}.")
    size = len(text.encode()) + sum(len(f"{name}{value}".encode()) for name, value in given.items())
    if size > LARGEST_QUEUED_MESSAGE or len(given) > MOST_ATTRIBUTES:
        raise ValueError(
            f"The message has {size} bytes and {len(given)} attributes; at most "
            f"{LARGEST_QUEUED_MESSAGE} and {MOST_ATTRIBUTES} can be sent."
        )
    return send(address, Message(text, given, group, id))


def _is_attribute(name: str, value: object) -> bool:
    is_value = isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""
    return ATTRIBUTE_NAME.fullmatch(name) is not None and is_value
