"""Sends to clients of the WebSocket API that this function serves, and to queues and topics, on either cloud."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

LARGEST_MESSAGE = 128 * 1024  # bytes, on the narrowest cloud
LARGEST_QUEUED_MESSAGE = 240 * 1024  # bytes, with attributes, on the narrowest cloud
ATTRIBUTE_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
MOST_ATTRIBUTES = 10
DESTINATION_PREFIX = "SEMANTEST_SEND_"


def post(connection_id: str, data: str | bytes | Mapping[str, Any]) -> bool:
    """Send a message, a mapping as JSON; False if the client is gone. Raises ValueError for more than 128 KB."""
    body = data if isinstance(data, bytes) else (data if isinstance(data, str) else json.dumps(data)).encode()
    if len(body) > LARGEST_MESSAGE:
        raise ValueError(f"The message has {len(body)} bytes; at most {LARGEST_MESSAGE} can be sent.")
    if "SEMANTEST_HUB_ENDPOINT" in os.environ:
        from semantest_azure import get_hub

        return get_hub().send(connection_id, body)
    return _post_on_aws(connection_id, body)


def _post_on_aws(connection_id: str, body: bytes) -> bool:
    from semantest_aws import CallError

    try:
        _aws_client().post(connection_id, body)
    except CallError as error:
        if error.code == "GoneException":
            return False
        raise
    return True


@cache
def _aws_client() -> Any:
    from semantest_aws import make_client

    return make_client()


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
    from semantest_messages import Message, send

    return send(address, Message(text, given, group, id))


def _is_attribute(name: str, value: object) -> bool:
    is_value = isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""
    return ATTRIBUTE_NAME.fullmatch(name) is not None and is_value
