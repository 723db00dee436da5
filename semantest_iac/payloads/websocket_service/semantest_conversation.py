"""Semantest's WebSocket protocol: what is done with a message, whoever carries it.

The first message of a connection is preceded by the welcome: clouds cannot send while a client is still connecting, so
the welcome takes the first chance after that. A client that waits for it before it speaks would wait for ever.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from semantest_connections import Connection, Connections, TooLargeError

CLI, EXTENSION = "cli", "extension"
KINDS = (CLI, EXTENSION)
LONGEST_ID = 256

Message = Mapping[str, Any]
NO_CLAIMS: Mapping[str, Any] = {}


class ProtocolError(Exception):
    """What a client is told instead of what it wanted."""


class Conversation:
    """Takes what happens to connections, one event at a time; holds nothing itself."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def connected(self, id: str, claims: Mapping[str, Any]) -> None:
        """A client is let in; nothing can be sent to it yet."""
        self._connections.remember(Connection(id, claims=claims))

    def disconnected(self, id: str) -> None:
        """A client is gone."""
        self._connections.forget(id)

    def said(self, id: str, text: str, claims: Mapping[str, Any] = NO_CLAIMS) -> None:
        """A client said something: do it, or tell the client why not.

        `claims` are for a client that is heard of for the first time, where clouds repeat them.
        """
        sender, message = self._known(id, claims), _parsed(text)
        if not sender.greeted and self._connections.greet(id):
            self._send(id, {"type": "welcome", "clientId": _client(id), "message": "Connected to Semantest"})
        try:
            self._done(sender, message)
        except ProtocolError as reason:
            self._send(id, {"type": "error", **_named(message), "message": str(reason)})

    def _known(self, id: str, claims: Mapping[str, Any]) -> Connection:
        connection = self._connections.find(id)
        if connection is None:
            connection = Connection(id, claims=claims)
            self._connections.remember(connection)
        return connection

    def _done(self, sender: Connection, message: Message | None) -> None:
        if message is None:
            raise ProtocolError("A message is a JSON object with a type")
        action = _ACTIONS.get(message["type"])
        if action is None:
            raise ProtocolError(f"Unknown message type {message['type'][:64]!r}")
        action(self, sender, message)

    def _authenticate(self, sender: Connection, message: Message) -> None:
        kind = message.get("clientType", EXTENSION if "extensionId" in message else None)
        if kind not in KINDS:
            raise ProtocolError("clientType must be cli or extension")
        if sender.claims.get("clientType", kind) != kind:
            raise ProtocolError(f"The token is not one of a client of type {kind}")
        self._connections.identify(sender.id, kind)
        own = {name: message[name] for name in ("extensionId",) if name in message}
        answer = {"type": "authentication_success", "clientId": _client(sender.id), **own, "timestamp": _now()}
        self._send(sender.id, {**answer, "message": f"Authenticated as {kind}"})

    def _heartbeat(self, sender: Connection, message: Message) -> None:
        self._send(sender.id, {"type": "heartbeat_response", "timestamp": _now()})

    def _ping(self, sender: Connection, message: Message) -> None:
        self._send(sender.id, {"type": "pong", "timestamp": _now()})

    def _ask(self, sender: Connection, message: Message) -> None:
        """To one extension: the first that is there, each request beginning with another one."""
        request = _request(sender, CLI, message)
        if not self._connections.claim(request, sender.id):
            raise ProtocolError("The requestId is taken by another client")
        order = {**message, "type": "generate_image"}
        if not any(self._send(extension, order) for extension in self._extensions(request)):
            self._connections.release(request)
            raise ProtocolError("No extension available")

    def _extensions(self, request: str) -> Iterator[str]:
        found = sorted(self._connections.find_by_kind(EXTENSION))
        start = zlib.crc32(request.encode()) % len(found) if found else 0
        yield from (*found[start:], *found[:start])

    def _report(self, sender: Connection, message: Message) -> None:
        """Back to who asked."""
        claimant = self._connections.claimant(_request(sender, EXTENSION, message))
        if claimant is None or not self._send(claimant, message):
            raise ProtocolError("Nobody waits for this request")

    def _answer(self, sender: Connection, message: Message) -> None:
        """The last that who asked will hear of the request."""
        self._report(sender, message)
        self._connections.release(message["requestId"])

    def _broadcast(self, sender: Connection, message: Message) -> None:
        """To every other client, or to those of the clientType that it names."""
        if not sender.kind:
            raise ProtocolError("Authenticate first")
        wanted = message.get("clientType")
        if wanted not in (None, *KINDS):
            raise ProtocolError("clientType must be cli or extension")
        kinds = (wanted,) if wanted else KINDS
        others = {id for kind in kinds for id in self._connections.find_by_kind(kind)} - {sender.id}
        heard = [self._send(id, {**message, "from": _client(sender.id)}) for id in sorted(others)]
        if not any(heard):
            raise ProtocolError("No client available")

    def _send(self, id: str, message: Message) -> bool:
        """Whether it arrived; who is no longer there is forgotten."""
        try:
            arrived = self._connections.post(id, message)
        except TooLargeError as error:
            raise ProtocolError("The message is too large") from error
        if not arrived:
            self._connections.forget(id)
        return arrived


Action = Callable[[Conversation, Connection, Message], None]

_ACTIONS: Mapping[str, Action] = {
    "authenticate": Conversation._authenticate,
    "broadcast": Conversation._broadcast,
    "heartbeat": Conversation._heartbeat,
    "image_generated": Conversation._answer,
    "image_generation_failed": Conversation._answer,
    "image_generation_progress": Conversation._report,
    "ImageGenerationRequestedEvent": Conversation._ask,
    "ping": Conversation._ping,
}


def _parsed(text: str) -> Message | None:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and isinstance(message.get("type"), str) else None


def _request(sender: Connection, kind: str, message: Message) -> str:
    if sender.kind != kind:
        raise ProtocolError(f"Authenticate as {kind} first")
    request = message.get("requestId")
    if not isinstance(request, str) or not 0 < len(request) <= LONGEST_ID:
        raise ProtocolError(f"requestId must be a text of 1 to {LONGEST_ID} characters")
    return request


def _named(message: Message | None) -> Message:
    """What an error repeats, so that the client knows which of its messages is meant."""
    request = (message or {}).get("requestId")
    return {"requestId": request} if isinstance(request, str) and len(request) <= LONGEST_ID else {}


def _client(id: str) -> str:
    return f"client_{id}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
