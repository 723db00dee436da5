"""The connections of one WebSocket API across its versions: a client stays with the version that admitted it."""

from __future__ import annotations

import asyncio
import json
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
SEND_TIMEOUT_S = 2  # and two for the goodbye: functions wait five


class ClientChannel(Protocol):
    """The way to one client; a client that is gone raises ConnectionError."""

    async def send(self, data: bytes) -> None:
        """One text message."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye; nothing is heard of the client afterwards but that it left."""
        ...


@dataclass(slots=True)
class _RegisteredConnection:
    line: ClientChannel
    handshake: Handshake
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)
    active: float = field(default_factory=time.monotonic)


class ConnectionRegistry:
    """The Clients of a WebSocket API's functions; one that takes nothing for `patience_s` must not stop the others."""

    def __init__(self, patience_s: float = SEND_TIMEOUT_S) -> None:
        self._seats: dict[str, _RegisteredConnection] = {}
        self._patience_s = patience_s

    def join(self, id: str, line: ClientChannel, handshake: Handshake) -> None:
        """From now on it can be sent to."""
        self._seats[id] = _RegisteredConnection(line, handshake)

    def leave(self, id: str) -> None:
        """It is gone; leaving twice is no error."""
        self._seats.pop(id, None)

    def heard(self, id: str) -> None:
        """It said something, if it is still here."""
        if id in self._seats:
            self._seats[id].active = time.monotonic()

    def ages(self, id: str) -> tuple[float, float]:
        """Seconds since it came, and since anything went to or came from it; of one who is sent away, none."""
        seat, now = self._seats.get(id), time.monotonic()
        return (now - seat.began, now - seat.active) if seat else (0.0, 0.0)

    async def send(self, id: str, data: bytes) -> bool:
        """Whether somebody was there to get it."""
        seat = self._seats.get(id)
        if seat is None:
            return False
        try:
            async with asyncio.timeout(self._patience_s):
                await seat.line.send(data)
        except ConnectionError:
            return False
        except TimeoutError:
            await self.close(id, CLOSE_POLICY_VIOLATION, "Too slow")
            return False
        seat.active = time.monotonic()
        return True

    async def close(self, id: str, code: int = CLOSE_NORMAL, reason: str = "Connection Closed Normally") -> bool:
        """Whether somebody was there to be sent away."""
        seat = self._seats.pop(id, None)
        if seat is not None:
            await seat.line.close(code, reason)
        return seat is not None

    def facts(self, id: str) -> Mapping[str, Any] | None:
        """What API Gateway's management of connections tells."""
        seat = self._seats.get(id)
        if seat is None:
            return None
        moment = datetime.fromtimestamp(time.time() - self.ages(id)[1], UTC)
        agent = next((value for name, value in seat.handshake.headers if name.lower() == "user-agent"), None)
        return {
            "connectedAt": seat.since.isoformat(),
            "identity": {"sourceIp": seat.handshake.source_ip, "userAgent": agent},
            "lastActiveAt": moment.isoformat(),
        }


RECONNECT_MESSAGE = {"type": "reconnect", "message": "A new version was deployed: connect again."}
RECONNECT_GRACE_S = 5.0
DISCONNECT_TIMEOUT_S = 5.0

OpenWebSocketService = Callable[[], Awaitable[WebSocketService]]


@dataclass(eq=False, slots=True)
class _ServiceVersion:
    service: WebSocketService
    exits: AsyncExitStack
    ids: set[str] = field(default_factory=set)


class Connection:
    """One client of one version, from its admission to its end."""

    def __init__(
        self,
        id: str,
        version: _ServiceVersion,
        crowd: ConnectionRegistry,
        limits: ConnectionLimits,
        handshake: Handshake,
    ) -> None:
        self.id = id
        self.limits = limits
        self._version = version
        self._crowd = crowd
        self._handshake = handshake

    @property
    def subprotocol(self) -> str:
        """What the client and the service have agreed on."""
        return self._version.service.subprotocol(self.id)

    def joined(self, line: ClientChannel) -> None:
        """The client is let in, and can be sent to."""
        self._crowd.join(self.id, line, self._handshake)

    def time_left(self) -> float:
        """Seconds until the cloud would close the connection, if nothing is said until then."""
        age, silence = self._crowd.ages(self.id)
        return min(self.limits.duration_s - age, self.limits.idle_s - silence)

    async def receive(self, text: str) -> None:
        """The client said something."""
        self._crowd.heard(self.id)
        await self._version.service.receive(self.id, text)

    async def left(self, code: int, reason: str) -> None:
        """The client is gone."""
        self._crowd.leave(self.id)
        try:
            await self._version.service.disconnect(self.id, code, reason)
        finally:
            self._version.ids.discard(self.id)


class WebSocketConnections:
    """Lets clients in at the newest version; older ones end once their clients were asked to connect again."""

    def __init__(self, grace_s: float = RECONNECT_GRACE_S, limits: ConnectionLimits | None = None) -> None:
        self.crowd = ConnectionRegistry()
        self.stores: dict[str, Any] = {}
        self._grace_s = grace_s
        self._limits = limits
        self._now: _ServiceVersion | None = None
        self._retiring: set[asyncio.Task[None]] = set()

    async def adopt(self, open: OpenWebSocketService) -> None:
        """Let new clients in at another version from now on, if it is another one."""
        service, exits = await open(), AsyncExitStack()
        if self._now and service.plan == self._now.service.plan:
            return
        await exits.enter_async_context(service)
        old, self._now = self._now, _ServiceVersion(service, exits)
        if old:
            self._begin(self._retired(old))

    async def connect(self, handshake: Handshake) -> Connection | int:
        """The client's visit, or the status that it is refused with."""
        version, id = self._now, uuid.uuid4().hex
        assert version is not None, "nothing was adopted"  # noqa: S101  # a mistake of ours
        version.ids.add(id)
        status = await version.service.connect(id, handshake)
        if status == SWITCHING_PROTOCOLS:
            return Connection(id, version, self.crowd, self._limits or version.service.limits, handshake)
        version.ids.discard(id)
        return status

    async def answer(self, request: HttpRequest, here: str) -> HttpResponse | None:
        """What the newest version says to a plain request; None where it says nothing."""
        assert self._now is not None, "nothing was adopted"  # noqa: S101  # a mistake of ours
        return await self._now.service.answer(request, here)

    async def aclose(self) -> None:
        """Send everybody away: there is nothing to connect to again."""
        old, self._now = self._now, None
        if old:
            self._begin(self._dismissed(old, CLOSE_GOING_AWAY))

    async def stop(self) -> None:
        """Send everybody away now, and end what runs."""
        old, self._now = self._now, None
        self._grace_s = 0
        if old:
            await self._dismissed(old, CLOSE_GOING_AWAY)
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)

    async def _retired(self, version: _ServiceVersion) -> None:
        try:
            for id in list(version.ids):
                await self.crowd.send(id, json.dumps(RECONNECT_MESSAGE).encode())
            await asyncio.sleep(self._grace_s if version.ids else 0)
        finally:
            await self._dismissed(version, CLOSE_SERVICE_RESTART)

    async def _dismissed(self, version: _ServiceVersion, code: int) -> None:
        """Close every connection, and end the functions once they have heard of it."""
        try:
            await asyncio.gather(*(self.crowd.close(id, code, "Going away") for id in list(version.ids)))
            for _ in range(int(DISCONNECT_TIMEOUT_S * 20)):
                if not version.ids:
                    break
                await asyncio.sleep(0.05)
        finally:
            await version.exits.aclose()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
