"""Semantest's WebSocket protocol: what is done with a message, whoever carries it.

The first message of a connection is preceded by the welcome: clouds cannot send while a client is still connecting, so
the welcome takes the first chance after that. A client that waits for it before it speaks would wait for ever.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from semantest_connections import Connection, Connections
from semantest_messages import Message, ProtocolError, encoded, named, parsed, request_of

CLI, EXTENSION = "cli", "extension"
KINDS = (CLI, EXTENSION)
RECENT_S = 1
LEFT = "The extension left before it answered: ask again"

NO_CLAIMS: Mapping[str, Any] = {}


class Conversation:
    """Takes what happens to connections, one event at a time; remembers the extensions of the last second alone."""

    def __init__(self, connections: Connections, clock: Callable[[], float] = time.monotonic) -> None:
        self._connections = connections
        self._clock = clock
        self._recent: tuple[Sequence[str], float] = (), 0

    def connected(self, id: str, claims: Mapping[str, Any]) -> None:
        """A client is let in; nothing can be sent to it yet."""
        self._connections.remember(Connection(id, claims=claims))

    def disconnected(self, id: str) -> None:
        """A client is gone: who waits for its answers is told, and may ask again."""
        self._gone(id)

    def said(self, id: str, text: str, claims: Mapping[str, Any] = NO_CLAIMS) -> None:
        """A client said something: do it, or tell the client why not.

        `claims` are for a client that is heard of for the first time, where clouds repeat them.
        """
        sender, message = self._known(id, claims), parsed(text)
        if not sender.greeted and self._connections.greet(id):
            self._send(id, {"type": "welcome", "clientId": _client(id), "message": "Connected to Semantest"})
        try:
            self._done(sender, message)
        except ProtocolError as reason:
            self._send(id, {"type": "error", **named(message), "message": str(reason)})

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
        """To the first extension that is there, unless who asked was told meanwhile that one has left."""
        request, order = _request(sender, CLI, message), encoded({**message, "type": "generate_image"})
        for holder in self._extensions(request):
            self._claim(request, sender.id, holder)
            if self._connections.post(holder, order):
                return
            is_open = self._connections.settle(request, holder)
            self._gone(holder)
            if not is_open:
                return
        raise ProtocolError("No extension available")

    def _claim(self, request: str, asker: str, holder: str) -> None:
        """Whose asker is gone, a request is free."""
        while not self._connections.claim(request, asker, holder):
            before = self._connections.asker(request)
            if before and self._connections.find(before):
                raise ProtocolError("The requestId is taken by another client")
            self._connections.settle(request)

    def _extensions(self, request: str) -> Iterator[str]:
        """All, each request beginning with another one; the first may be one of a moment ago, and gone."""
        ids, seen = self._recent
        if not ids or self._clock() > seen + RECENT_S:
            ids = self._read_extensions()
        first = next(_from_turn(ids, request), None)
        if first:
            yield first
            yield from (id for id in _from_turn(self._read_extensions(), request) if id != first)

    def _read_extensions(self) -> Sequence[str]:
        ids = sorted(self._connections.find_by_kind(EXTENSION))
        self._recent = ids, self._clock()
        return ids

    def _report(self, sender: Connection, message: Message) -> None:
        """Back to who asked."""
        request, data = _request(sender, EXTENSION, message), encoded(message)
        self._hand(self._connections.asker(request), data)

    def _answer(self, sender: Connection, message: Message) -> None:
        """The last that who asked will hear of the request."""
        request, data = _request(sender, EXTENSION, message), encoded(message)
        self._hand(self._connections.settle(request), data)

    def _hand(self, asker: str | None, data: bytes) -> None:
        if asker is None or not self._post(asker, data):
            raise ProtocolError("Nobody waits for this request")

    def _broadcast(self, sender: Connection, message: Message) -> None:
        """To every other client, or to those of the clientType that it names."""
        if not sender.kind:
            raise ProtocolError("Authenticate first")
        wanted = message.get("clientType")
        if wanted not in (None, *KINDS):
            raise ProtocolError("clientType must be cli or extension")
        kinds = (wanted,) if wanted else KINDS
        others = {id for kind in kinds for id in self._connections.find_by_kind(kind)} - {sender.id}
        data = encoded({**message, "from": _client(sender.id)})
        heard = [self._post(id, data) for id in sorted(others)]
        if not any(heard):
            raise ProtocolError("No client available")

    def _send(self, id: str, message: Message) -> None:
        self._post(id, encoded(message))

    def _post(self, id: str, data: bytes) -> bool:
        """Whether it arrived; who is no longer there has gone unseen."""
        arrived = self._connections.post(id, data)
        if not arrived:
            self._gone(id)
        return arrived

    def _gone(self, id: str) -> None:
        """Forget it; its requests end with an error."""
        self._connections.forget(id)
        for request in list(self._connections.held_by(id)):
            asker = self._connections.settle(request, id)
            if asker:
                self._send(asker, {"type": "error", "requestId": request, "message": LEFT})


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


def _request(sender: Connection, kind: str, message: Message) -> str:
    if sender.kind != kind:
        raise ProtocolError(f"Authenticate as {kind} first")
    return request_of(message)


def _from_turn(ids: Sequence[str], request: str) -> Iterator[str]:
    turn = zlib.crc32(request.encode()) % max(1, len(ids))
    yield from (*ids[turn:], *ids[:turn])


def _client(id: str) -> str:
    return f"client_{id}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
