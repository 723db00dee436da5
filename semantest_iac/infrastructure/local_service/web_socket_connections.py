"""The connections of one WebSocket API across its versions: a client stays with the version that admitted it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from semantest_iac.domain.networking.apis import ConnectionLimits
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.local_service.web_socket_service import (
    SWITCHING_PROTOCOLS,
    Handshake,
    WebSocketService,
)

CLOSE_NORMAL, CLOSE_GOING_AWAY, CLOSE_POLICY_VIOLATION, CLOSE_SERVICE_RESTART = 1000, 1001, 1008, 1012
SERVICE_UNAVAILABLE = 503
SEND_TIMEOUT_S = 2  # a function waits five for the answer to its call

RECONNECT_MESSAGE = {"type": "reconnect", "message": "A new version was deployed: connect again."}
RECONNECT_GRACE_S, RECONNECT_CHECK_S = 5.0, 0.1
DISCONNECT_TIMEOUT_S = 5.0

_log = logging.getLogger(__name__)

OpenWebSocketService = Callable[[], Awaitable[WebSocketService]]


class ClientChannel(Protocol):
    """The transport to one client; raises ConnectionError if the client is gone."""

    async def send(self, data: bytes) -> None:
        """Send one text message."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Close the connection; afterwards the client is only reported as disconnected."""
        ...


@dataclass(slots=True)
class _RegisteredConnection:
    channel: ClientChannel
    handshake: Handshake
    connected_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    last_active: float = field(default_factory=time.monotonic)


class ConnectionRegistry:
    """The connected clients of a stack; a client that accepts nothing for `send_timeout_s` is closed."""

    def __init__(self, send_timeout_s: float = SEND_TIMEOUT_S) -> None:
        self._connections: dict[str, _RegisteredConnection] = {}
        self._send_timeout_s = send_timeout_s

    def add(self, id: str, channel: ClientChannel, handshake: Handshake) -> None:
        self._connections[id] = _RegisteredConnection(channel, handshake)

    def remove(self, id: str) -> None:
        """Remove a client; an unknown one is no error."""
        self._connections.pop(id, None)

    def mark_active(self, id: str) -> None:
        """Note that the client sent something, if it is still connected."""
        if id in self._connections:
            self._connections[id].last_active = time.monotonic()

    def age_and_idle_s(self, id: str) -> tuple[float, float]:
        """Seconds since the client connected and since the last message in either direction; zeros if it is gone."""
        connection, now = self._connections.get(id), time.monotonic()
        return (now - connection.started, now - connection.last_active) if connection else (0.0, 0.0)

    async def send(self, id: str, data: bytes) -> bool:
        """Send a message; False if the client is gone."""
        connection = self._connections.get(id)
        if connection is None:
            return False
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await connection.channel.send(data)
        except ConnectionError:
            return False
        except TimeoutError:
            await self.close(id, CLOSE_POLICY_VIOLATION, "Too slow")
            return False
        connection.last_active = time.monotonic()
        return True

    async def close(self, id: str, code: int = CLOSE_NORMAL, reason: str = "Connection Closed Normally") -> bool:
        """Close a connection; False if the client is gone."""
        connection = self._connections.pop(id, None)
        if connection is not None:
            await connection.channel.close(code, reason)
        return connection is not None

    def describe(self, id: str) -> Mapping[str, Any] | None:
        """Describe a connection in the form of API Gateway's management API."""
        connection = self._connections.get(id)
        if connection is None:
            return None
        last_active = datetime.fromtimestamp(time.time() - self.age_and_idle_s(id)[1], UTC)
        agent = next((value for name, value in connection.handshake.headers if name.lower() == "user-agent"), None)
        return {
            "connectedAt": connection.connected_at.isoformat(),
            "identity": {"sourceIp": connection.handshake.source_ip, "userAgent": agent},
            "lastActiveAt": last_active.isoformat(),
        }


@dataclass(eq=False, slots=True)
class _ServiceVersion:
    service: WebSocketService
    exits: AsyncExitStack
    connection_ids: set[str] = field(default_factory=set)
    is_closed: bool = False


class Connection:
    """One admitted client of one version of the API."""

    def __init__(
        self,
        id: str,
        version: _ServiceVersion,
        registry: ConnectionRegistry,
        limits: ConnectionLimits,
        handshake: Handshake,
    ) -> None:
        self.id = id
        self.limits = limits
        self._version = version
        self._registry = registry
        self._handshake = handshake

    @property
    def subprotocol(self) -> str:
        """The subprotocol that client and service agreed on; empty if none."""
        return self._version.service.subprotocol_of(self.id)

    def attach(self, channel: ClientChannel) -> None:
        """Register the transport; from now on functions can send to the client."""
        self._registry.add(self.id, channel, self._handshake)

    def time_left_s(self) -> float:
        """Seconds until the cloud closes the connection if no message passes."""
        age_s, idle_s = self._registry.age_and_idle_s(self.id)
        return min(self.limits.duration_s - age_s, self.limits.idle_s - idle_s)

    async def deliver(self, text: str) -> None:
        """Deliver a message of the client to the functions."""
        self._registry.mark_active(self.id)
        await self._version.service.deliver(self.id, text)

    async def disconnect(self, code: int, reason: str) -> None:
        """Report that the client is gone."""
        self._registry.remove(self.id)
        try:
            await self._version.service.disconnect(self.id, code, reason)
        finally:
            self._version.connection_ids.discard(self.id)


class WebSocketConnections:
    """Admits clients to the newest version; older versions ask their clients to reconnect, and end.

    An old version ends once its clients have left it, after `reconnect_grace_s` at the latest: then those that are left
    are closed, and none without having been asked before.
    """

    def __init__(
        self,
        reconnect_grace_s: float = RECONNECT_GRACE_S,
        limits: ConnectionLimits | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._pause = pause
        self.registry = ConnectionRegistry()
        self.stores: dict[str, Any] = {}
        self._reconnect_grace_s = reconnect_grace_s
        self._limits = limits
        self._current: _ServiceVersion | None = None
        self._retiring: set[asyncio.Task[None]] = set()

    async def switch_to(self, open_service: OpenWebSocketService) -> None:
        """Admit new clients to another version from now on, unless its API is the same."""
        service, exits = await open_service(), AsyncExitStack()
        if self._current and service.deployed_api == self._current.service.deployed_api:
            return
        await exits.enter_async_context(service)
        old, self._current = self._current, _ServiceVersion(service, exits)
        if old:
            self._start(self._reconnect_clients_and_close(old))

    async def connect(self, handshake: Handshake) -> Connection | int:
        """Admit a client, or return the status that refuses it."""
        version, id = self._current, uuid.uuid4().hex
        assert version is not None, "switch_to was not called"  # noqa: S101  # a mistake of ours
        version.connection_ids.add(id)
        status = await version.service.connect(id, handshake)
        if status == SWITCHING_PROTOCOLS and version.is_closed:
            status = SERVICE_UNAVAILABLE  # its functions ended while they admitted the client
        if status == SWITCHING_PROTOCOLS:
            return Connection(id, version, self.registry, self._limits or version.service.limits, handshake)
        version.connection_ids.discard(id)
        return status

    async def answer_plain_http(self, request: HttpRequest, client_url: str) -> HttpResponse | None:
        """Answer a plain request by the newest version, or return None."""
        assert self._current is not None, "switch_to was not called"  # noqa: S101  # a mistake of ours
        return await self._current.service.answer_plain_http(request, client_url)

    async def retire(self) -> None:
        """Close every connection in the background, without a request to reconnect."""
        old, self._current = self._current, None
        if old:
            self._start(self._close_version(old, CLOSE_GOING_AWAY))

    async def shut_down(self) -> None:
        """Close every connection and end all versions now."""
        old, self._current = self._current, None
        self._reconnect_grace_s = 0
        if old:
            await self._close_version(old, CLOSE_GOING_AWAY)
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)

    async def _reconnect_clients_and_close(self, version: _ServiceVersion) -> None:
        asked, counted, waited_s = set[str](), len(version.connection_ids), 0.0
        try:
            await self._ask_to_reconnect(version, asked)
            while version.connection_ids and waited_s < self._reconnect_grace_s:
                pause_s = min(RECONNECT_CHECK_S, self._reconnect_grace_s - waited_s)
                await self._pause(pause_s)
                waited_s += pause_s
                await self._ask_to_reconnect(version, asked)
        finally:
            left = len(version.connection_ids)
            if counted or left:
                _log.info("%d clients were asked to connect again; %d are closed after %.1f s", counted, left, waited_s)
            await self._close_version(version, CLOSE_SERVICE_RESTART)

    async def _ask_to_reconnect(self, version: _ServiceVersion, asked: set[str]) -> None:
        """Ask each client that was not asked yet; one that was still connecting can be asked once it is attached."""
        waiting = [id for id in version.connection_ids if id not in asked]
        message = json.dumps(RECONNECT_MESSAGE).encode()
        sent = await asyncio.gather(*(self.registry.send(id, message) for id in waiting))
        asked.update(id for id, is_sent in zip(waiting, sent, strict=True) if is_sent)

    async def _close_version(self, version: _ServiceVersion, code: int) -> None:
        """Close every connection, then end the functions, which first receive the disconnects.

        Clients that are still connecting are closed as soon as they are connected.
        """
        try:
            for _ in range(int(DISCONNECT_TIMEOUT_S * 20)):
                closing = [self.registry.close(id, code, "Going away") for id in version.connection_ids]
                await asyncio.gather(*closing)
                if not version.connection_ids:
                    break
                await asyncio.sleep(0.05)
        finally:
            version.is_closed = True
            await version.exits.aclose()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
