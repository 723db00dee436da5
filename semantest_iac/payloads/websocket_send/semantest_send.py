"""Sends messages to clients of the WebSocket API that this function serves, on either cloud."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

LARGEST_MESSAGE = 128 * 1024  # bytes, on the narrowest cloud


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
