"""The WebSocket API of one stack through its versions: who came stays with the version that let them in."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.networking.web_socket_endpoint import ConnectionLimits
from semantest_iac.infrastructure.local_service.crowd import GOING_AWAY, RESTART, Crowd, Line
from semantest_iac.infrastructure.local_service.sockets import ADMITTED, Handshake, SocketService

HINT = {"type": "reconnect", "message": "A new version was deployed: connect again."}
GRACE_S = 5.0
LONGEST_FAREWELL_S = 5.0

Open = Callable[[], Awaitable[SocketService]]


@dataclass(eq=False, slots=True)
class _Version:
    service: SocketService
    exits: AsyncExitStack
    ids: set[str] = field(default_factory=set)


class Visit:
    """One client of one version, from its admission to its end."""

    def __init__(
        self, id: str, version: _Version, crowd: Crowd, limits: ConnectionLimits, handshake: Handshake
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

    def joined(self, line: Line) -> None:
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


class SocketHouse:
    """Lets clients in at the newest version; older ones end once their clients were asked to connect again."""

    def __init__(self, grace_s: float = GRACE_S, limits: ConnectionLimits | None = None) -> None:
        self.crowd = Crowd()
        self.stores: dict[str, Any] = {}
        self._grace_s = grace_s
        self._limits = limits
        self._now: _Version | None = None
        self._retiring: set[asyncio.Task[None]] = set()

    async def adopt(self, open: Open) -> None:
        """Let new clients in at another version from now on, if it is another one."""
        service, exits = await open(), AsyncExitStack()
        if self._now and service.plan == self._now.service.plan:
            return
        await exits.enter_async_context(service)
        old, self._now = self._now, _Version(service, exits)
        if old:
            self._begin(self._retired(old))

    async def connect(self, handshake: Handshake) -> Visit | int:
        """The client's visit, or the status that it is refused with."""
        version, id = self._now, uuid.uuid4().hex
        assert version is not None, "nothing was adopted"  # noqa: S101  # a mistake of ours
        version.ids.add(id)
        status = await version.service.connect(id, handshake)
        if status == ADMITTED:
            return Visit(id, version, self.crowd, self._limits or version.service.limits, handshake)
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
            self._begin(self._dismissed(old, GOING_AWAY))

    async def stop(self) -> None:
        """Send everybody away now, and end what runs."""
        old, self._now = self._now, None
        self._grace_s = 0
        if old:
            await self._dismissed(old, GOING_AWAY)
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)

    async def _retired(self, version: _Version) -> None:
        try:
            for id in list(version.ids):
                await self.crowd.send(id, json.dumps(HINT).encode())
            await asyncio.sleep(self._grace_s if version.ids else 0)
        finally:
            await self._dismissed(version, RESTART)

    async def _dismissed(self, version: _Version, code: int) -> None:
        """Close every connection, and end the functions once they have heard of it."""
        try:
            await asyncio.gather(*(self.crowd.close(id, code, "Going away") for id in list(version.ids)))
            for _ in range(int(LONGEST_FAREWELL_S * 20)):
                if not version.ids:
                    break
                await asyncio.sleep(0.05)
        finally:
            await version.exits.aclose()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
