"""A client of Semantest's event-sourced WebSocket server: reads its log of events, and stores events there.

The server answers requests in any order and sends events of subscribed types in between. Its log is read by position
(`replay`). An answer that would hold no event is not sent at all: a query, which is always answered, comes behind it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from semantest_iac.application.ports.event_transports import TransportError, UnreachableTransportError
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import ExtraMissingError
from semantest_iac.infrastructure.nested_text import parse_json

if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse

CLIENT_TYPE: Final = "iac"
ANSWER_TIMEOUT_S: Final = 10.0
_CLOSE_TIMEOUT_S: Final = 2.0
LARGEST_ANSWER_BYTES: Final = 16 * 1024 * 1024
_NO_ACCESS: Final = (401, 403)


class AnswerTooLargeError(UnreachableTransportError):
    """The server sent more at once than is read; fewer events may be less."""


@dataclass(frozen=True, slots=True)
class EventStoreAddress:
    """Where the server of a source or a target is.

    The server asks for no credentials: `token`, or user and password of the URL, are for a proxy in front of it.
    """

    name: str
    url: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return name and URL without what may be secret."""
        return f"'{self.name}' ({urlsplit(self._without_user())._replace(query='', fragment='').geturl()})"

    def get_connection_url(self) -> str:
        """Return the URL to connect to, where `token` is sent beside it."""
        return self._without_user() if self.token else self.url

    def _without_user(self) -> str:
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


class EventStoreConnection:
    """One connection, for one request at a time."""

    def __init__(self, socket: ClientWebSocketResponse, purpose: str, answer_timeout_s: float) -> None:
        self._socket = socket
        self._purpose = purpose
        self._answer_timeout_s = answer_timeout_s
        self._requests = 0
        self._has_new_events = False

    async def authenticate(self) -> None:
        """Say who this is, as the server wants to know before anything else."""
        await self._send({"type": "authenticate", "clientType": CLIENT_TYPE})
        await self._receive_type("authentication_success")

    async def subscribe(self, types: Collection[str]) -> None:
        """Let events of these types wake `wait_for_events`; the server knows no patterns."""
        await self._send({"type": "subscribe", "eventTypes": sorted(types)})
        await self._receive_type("subscription_confirmed")

    async def read_events(self, first: int, limit: int) -> list[Any]:
        """Return events of every type from a position of the log, at most `limit`; none beyond its end."""
        self._has_new_events = False
        self._requests += 1
        request = f"{CLIENT_TYPE}-{self._requests}"
        await self._send({"type": "replay", "fromPosition": first, "limit": limit, "correlationId": request})
        await self._send({"type": "query", "queryType": "stream", "parameters": {"streamId": ""}, "queryId": request})
        events = list[Any]()
        async with self._answering():
            while True:
                answer = await self._receive()
                kind, of_replay = answer.get("type"), answer.get("correlationId") == request
                if kind == "replay_batch" and of_replay and isinstance(answer.get("batch"), list):
                    events += answer["batch"]
                    if answer.get("isLast") is not False:
                        return events
                elif kind == "replay_error" and of_replay:
                    raise UnreachableTransportError(
                        f"Cannot {self._purpose}: the server cannot read its log: {_quote(answer)}."
                    )
                elif kind in ("query_result", "query_error") and answer.get("queryId") == request and not events:
                    return []

    async def wait_for_events(self, longest_s: float) -> None:
        """Return once an event of a subscribed type was stored after the last `read_events`, or after so long."""
        try:
            async with asyncio.timeout(longest_s):
                while not self._has_new_events:
                    await self._receive()
        except TimeoutError:
            pass

    async def store(self, event: Mapping[str, Any]) -> None:
        """Return once the server has stored an event; raises UnreachableTransportError if it does not say so."""
        await self._send(event)
        async with self._answering():
            while True:
                answer = await self._receive()
                if answer.get("type") == "event_stored":
                    return
                if answer.get("type") == "error":
                    raise UnreachableTransportError(
                        f"Cannot {self._purpose}: the server cannot store it: {_quote(answer)}."
                    )

    async def _send(self, message: Mapping[str, Any]) -> None:
        try:
            await self._socket.send_str(json.dumps(message))
        except (OSError, RuntimeError) as error:  # aiohttp has both for a connection that is closing
            raise self._failure("the server ended the connection") from error

    async def _receive_type(self, kind: str) -> None:
        async with self._answering():
            while (await self._receive()).get("type") != kind:
                pass

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._answer_timeout_s):
                yield
        except TimeoutError as error:
            raise self._failure("the server does not answer") from error

    async def _receive(self) -> dict[str, Any]:
        """Return the next message; what is no JSON object is an empty one."""
        from aiohttp import WSCloseCode, WSMsgType

        message = await self._socket.receive()
        if message.type is not WSMsgType.TEXT and message.type is not WSMsgType.BINARY:
            if self._socket.close_code == WSCloseCode.MESSAGE_TOO_BIG:
                raise AnswerTooLargeError(f"Cannot {self._purpose}: the server sent too much at once.")
            raise self._failure("the server ended the connection")
        try:
            content = parse_json(message.data)
        except ValueError:
            return {}
        if not isinstance(content, dict):
            return {}
        self._has_new_events = self._has_new_events or content.get("type") == "event"
        return content

    def _failure(self, cause: str) -> UnreachableTransportError:
        return UnreachableTransportError(f"Cannot {self._purpose}: {cause}.")


@asynccontextmanager
async def connect_event_store(
    verb: str, address: EventStoreAddress, answer_timeout_s: float = ANSWER_TIMEOUT_S
) -> AsyncIterator[EventStoreConnection]:
    """Open a connection for the block; raises UnreachableTransportError, or TransportError where it is refused."""
    import aiohttp

    purpose = f"{verb} {address}"
    headers = {"Authorization": f"Bearer {address.token}"} if address.token else {}
    async with aiohttp.ClientSession() as session:
        try:
            async with asyncio.timeout(answer_timeout_s):
                socket = await session.ws_connect(
                    address.get_connection_url(),
                    headers=headers,
                    max_msg_size=LARGEST_ANSWER_BYTES,
                    heartbeat=3 * answer_timeout_s,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_TIMEOUT_S),
                )
        except aiohttp.WSServerHandshakeError as error:
            if error.status in _NO_ACCESS:
                hint = "Check token of the section."
                raise TransportError(f"Cannot {purpose}: it refuses the token.", hint=hint) from error
            raise UnreachableTransportError(f"Cannot {purpose}: it answers with {error.status}.") from error
        except (aiohttp.ClientError, OSError) as error:  # timeouts are OSErrors
            raise UnreachableTransportError(f"Cannot {purpose}: {_name_cause(error)}.") from error
        async with socket:
            connection = EventStoreConnection(socket, purpose, answer_timeout_s)
            await connection.authenticate()
            yield connection


def require_websocket_client() -> None:
    """Raise ExtraMissingError without aiohttp."""
    try:
        import aiohttp  # noqa: F401 - only whether it is there
    except ModuleNotFoundError as error:
        raise ExtraMissingError("use a WebSocket server", str(error.name), "webhooks") from error


def _name_cause(error: Exception) -> str:
    """Return the system's text, where it was the system; aiohttp's own one repeats the address."""
    cause = getattr(error, "os_error", error)
    if isinstance(cause, TimeoutError):
        return "the server does not answer"
    number = getattr(cause, "errno", None) or 0  # those of name resolution are negative
    return os.strerror(number).lower() if number > 0 else str(cause)


def _quote(answer: Mapping[str, Any]) -> str:
    return f"'{make_printable(str(answer.get('message') or answer.get('error') or ''), 200)}'"
