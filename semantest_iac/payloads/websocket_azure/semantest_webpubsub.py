"""Azure's door to the WebSocket service: events of Web PubSub."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from semantest_conversation import Conversation
from semantest_identity import identity
from semantest_tables import TableConnections
from semantest_upstream import CONNECT, CONNECTED, DISCONNECTED, USER, Answer, Event, answered, is_welcome, served


def handler(request: Mapping[str, Any], context: object) -> Answer:
    """One event."""
    return served(request, identity(), lambda event: answer(conversation(), event))


def answer(conversation: Conversation, event: Event) -> Answer:
    """Clients that nobody asks for a token are let in here; the others have been when they are heard of."""
    if event.kind == CONNECT:
        return answered(204 if is_welcome(event) else 403)
    if event.kind == CONNECTED:
        conversation.connected(event.id, event.claims)
    elif event.kind == DISCONNECTED:
        conversation.disconnected(event.id)
    elif event.kind.startswith(USER):
        conversation.said(event.id, event.body, event.claims)
    return answered(204)


@cache
def conversation() -> Conversation:
    """One for the life of the process."""
    return Conversation(TableConnections.of_environment())
