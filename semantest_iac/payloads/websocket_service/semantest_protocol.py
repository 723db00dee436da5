"""Semantest's WebSocket protocol: what each message does, and the port to the store of connections.

The welcome precedes the answer to the first message of a connection, because clouds cannot send to a client that is
still connecting. A client that waits for the welcome before its first message would wait for ever.
"""

from __future__ import annotations

import json
import math
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

CLI, EXTENSION = "cli", "extension"
KINDS = (CLI, EXTENSION)
LONGEST_ID = 256
LARGEST_MESSAGE = 128 * 1024  # bytes, on the narrowest cloud
EXTENSIONS_CACHE_S = 1
EXTENSION_LEFT = "The extension left before it answered: ask again"

NO_CLAIMS: Mapping[str, Any] = {}

Message = Mapping[str, Any]


class ProtocolError(Exception):
    """A refusal whose text the client receives."""


@dataclass(frozen=True)
class Connection:
    """One client: its kind (`cli`, `extension`, or empty before it authenticates) and the claims of its token."""

    id: str
    kind: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)
    greeted: bool = False


class Connections(Protocol):
    """Stores connections and open requests, and sends to clients; each call is atomic and may run concurrently."""

    def add(self, connection: Connection) -> None:
        """Store a new connection; a known one stays unchanged."""

    def remove(self, id: str) -> None:
        """Remove a connection; an unknown one is no error."""

    def find(self, id: str) -> Connection | None:
        """Find a connection by its id."""

    def find_by_kind(self, kind: str) -> Sequence[str]:
        """The ids of all connections of a kind, in no order; a very recent one may be missing."""

    def set_kind(self, id: str, kind: str) -> None:
        """Store the kind of a connection."""

    def mark_greeted(self, id: str) -> bool:
        """Mark the connection as greeted; True for the first of concurrent callers."""

    def claim_request(self, request: str, asker: str, holder: str) -> bool:
        """Assign a request to its asker and holder; False if it belongs to another asker."""

    def find_asker(self, request: str) -> str | None:
        """The connection that waits for the answer to a request."""

    def open_requests_of(self, holder: str) -> Iterable[str]:
        """The requests that a connection has not answered yet; a very recent one may be missing."""

    def complete_request(self, request: str, holder: str | None = None) -> str | None:
        """End a request and return its asker to the first caller; None if another holder has it."""

    def send(self, id: str, data: bytes) -> bool:
        """Send a message; False if the client is gone."""


class ProtocolHandler:
    """Handles the events of connections one at a time; caches the extensions for `EXTENSIONS_CACHE_S`."""

    def __init__(self, connections: Connections, clock: Callable[[], float] = time.monotonic) -> None:
        self._connections = connections
        self._clock = clock
        self._cached_extensions: tuple[Sequence[str], float] = (), 0

    def handle_connect(self, id: str, claims: Mapping[str, Any]) -> None:
        """Store an admitted client; nothing can be sent to it yet."""
        self._connections.add(Connection(id, claims=claims))

    def handle_disconnect(self, id: str) -> None:
        """Remove a client; those who wait for its answers receive an error and may ask again."""
        self._remove(id)

    def handle_message(self, id: str, text: str, claims: Mapping[str, Any] = NO_CLAIMS) -> None:
        """Handle a message, or send the client an error.

        `claims` apply to a client whose connect was missed, on clouds that repeat them with each message.
        """
        sender, message = self._find_or_add(id, claims), parse_message(text)
        if not sender.greeted and self._connections.mark_greeted(id):
            self._send(id, {"type": "welcome", "clientId": _client_id(id), "message": "Connected to Semantest"})
        try:
            self._dispatch(sender, message)
        except ProtocolError as reason:
            self._send(id, {"type": "error", **request_field(message), "message": str(reason)})

    def _find_or_add(self, id: str, claims: Mapping[str, Any]) -> Connection:
        connection = self._connections.find(id)
        if connection is None:
            connection = Connection(id, claims=claims)
            self._connections.add(connection)
        return connection

    def _dispatch(self, sender: Connection, message: Message | None) -> None:
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
        self._connections.set_kind(sender.id, kind)
        own = {name: message[name] for name in ("extensionId",) if name in message}
        answer = {"type": "authentication_success", "clientId": _client_id(sender.id), **own, "timestamp": _now()}
        self._send(sender.id, {**answer, "message": f"Authenticated as {kind}"})

    def _heartbeat(self, sender: Connection, message: Message) -> None:
        self._send(sender.id, {"type": "heartbeat_response", "timestamp": _now()})

    def _ping(self, sender: Connection, message: Message) -> None:
        self._send(sender.id, {"type": "pong", "timestamp": _now()})

    def _request_image(self, sender: Connection, message: Message) -> None:
        """Send the request to the first reachable extension, unless its asker got an error meanwhile."""
        request, data = _request_of_kind(sender, CLI, message), encode_message({**message, "type": "generate_image"})
        for extension in self._extensions_for(request):
            self._claim_request(request, sender.id, extension)
            if self._connections.send(extension, data):
                return
            was_open = self._connections.complete_request(request, extension)
            self._remove(extension)
            if not was_open:
                return
        raise ProtocolError("No extension available")

    def _claim_request(self, request: str, asker: str, holder: str) -> None:
        """Claim a request id; one whose asker is gone is free again."""
        while not self._connections.claim_request(request, asker, holder):
            other = self._connections.find_asker(request)
            if other and self._connections.find(other):
                raise ProtocolError("The requestId is taken by another client")
            self._connections.complete_request(request)

    def _extensions_for(self, request: str) -> Iterator[str]:
        """All extensions, in an order that depends on the request; the first may come from the cache and be gone."""
        ids, cached_at = self._cached_extensions
        if not ids or self._clock() > cached_at + EXTENSIONS_CACHE_S:
            ids = self._read_extensions()
        first = next(_rotate(ids, request), None)
        if first:
            yield first
            yield from (id for id in _rotate(self._read_extensions(), request) if id != first)

    def _read_extensions(self) -> Sequence[str]:
        ids = sorted(self._connections.find_by_kind(EXTENSION))
        self._cached_extensions = ids, self._clock()
        return ids

    def _report_progress(self, sender: Connection, message: Message) -> None:
        request, data = _request_of_kind(sender, EXTENSION, message), encode_message(message)
        self._send_to_asker(self._connections.find_asker(request), data)

    def _answer(self, sender: Connection, message: Message) -> None:
        request, data = _request_of_kind(sender, EXTENSION, message), encode_message(message)
        self._send_to_asker(self._connections.complete_request(request), data)

    def _send_to_asker(self, asker: str | None, data: bytes) -> None:
        if asker is None or not self._send_or_remove(asker, data):
            raise ProtocolError("Nobody waits for this request")

    def _broadcast(self, sender: Connection, message: Message) -> None:
        """Send to every other client, or to those of the clientType that the message names."""
        if not sender.kind:
            raise ProtocolError("Authenticate first")
        wanted = message.get("clientType")
        if wanted not in (None, *KINDS):
            raise ProtocolError("clientType must be cli or extension")
        kinds = (wanted,) if wanted else KINDS
        others = {id for kind in kinds for id in self._connections.find_by_kind(kind)} - {sender.id}
        data = encode_message({**message, "from": _client_id(sender.id)})
        sent = [self._send_or_remove(id, data) for id in sorted(others)]
        if not any(sent):
            raise ProtocolError("No client available")

    def _send(self, id: str, message: Message) -> None:
        self._send_or_remove(id, encode_message(message))

    def _send_or_remove(self, id: str, data: bytes) -> bool:
        """Send a message; remove a client that is gone, because its disconnect was missed."""
        was_sent = self._connections.send(id, data)
        if not was_sent:
            self._remove(id)
        return was_sent

    def _remove(self, id: str) -> None:
        """Remove a client and end its open requests with an error."""
        self._connections.remove(id)
        for request in list(self._connections.open_requests_of(id)):
            asker = self._connections.complete_request(request, id)
            if asker:
                self._send(asker, {"type": "error", "requestId": request, "message": EXTENSION_LEFT})


Action = Callable[[ProtocolHandler, Connection, Message], None]

_ACTIONS: Mapping[str, Action] = {
    "authenticate": ProtocolHandler._authenticate,
    "broadcast": ProtocolHandler._broadcast,
    "heartbeat": ProtocolHandler._heartbeat,
    "image_generated": ProtocolHandler._answer,
    "image_generation_failed": ProtocolHandler._answer,
    "image_generation_progress": ProtocolHandler._report_progress,
    "ImageGenerationRequestedEvent": ProtocolHandler._request_image,
    "ping": ProtocolHandler._ping,
}


def _request_of_kind(sender: Connection, kind: str, message: Message) -> str:
    if sender.kind != kind:
        raise ProtocolError(f"Authenticate as {kind} first")
    return read_request_id(message)


def _rotate(ids: Sequence[str], request: str) -> Iterator[str]:
    start = zlib.crc32(request.encode()) % max(1, len(ids))
    yield from (*ids[start:], *ids[:start])


def _client_id(id: str) -> str:
    return f"client_{id}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_message(text: str) -> Message | None:
    """Parse a JSON object with a type; None for other text."""
    try:
        message = json.loads(text, parse_float=_parse_finite, parse_constant=_parse_finite)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and isinstance(message.get("type"), str) else None


def encode_message(message: Message) -> bytes:
    """Encode a message as compact JSON; an unpaired surrogate is escaped again. Raises ProtocolError if too large."""
    try:
        data = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")
    except RecursionError as error:  # Python reads a little more depth than it writes
        raise ProtocolError("The message is too deep") from error
    if len(data) > LARGEST_MESSAGE:
        raise ProtocolError("The message is too large")
    return data


def read_request_id(message: Message) -> str:
    """Read the id of the request that a message is about; raises ProtocolError without a valid one."""
    request = message.get("requestId")
    if not _is_id(request):
        raise ProtocolError(f"requestId must be a text of 1 to {LONGEST_ID} characters")
    return str(request)


def request_field(message: Message | None) -> Message:
    """The request id that an error repeats, so that the client can match it to its message."""
    request = (message or {}).get("requestId")
    return {"requestId": request} if _is_id(request) else {}


def _parse_finite(text: str) -> float:
    """Parse a number; raises ValueError for those that JSON cannot express when the message is sent on."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.encode(errors="ignore").decode() == value
