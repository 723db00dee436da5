"""The WebSocket service over Azure's tables; the door before it makes events of API Gateway's out of Web PubSub's."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from semantest_conversation import Conversation
from semantest_tables import TableConnections
from semantest_websocket import answer


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """One connect, message or disconnect."""
    return {"statusCode": answer(conversation(), event)}


@cache
def conversation() -> Conversation:
    """One for the life of the process."""
    return Conversation(TableConnections.of_environment())
