"""Everybody who is connected to one stack, whichever version let them in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from semantest_iac.infrastructure.local_service.sockets import Handshake

NORMAL, GOING_AWAY, POLICY_VIOLATION, RESTART = 1000, 1001, 1008, 1012
PATIENCE_S = 2  # and two for the goodbye: functions wait five


class Line(Protocol):
    """The way to one client; a client that is gone raises ConnectionError."""

    async def send(self, data: bytes) -> None:
        """One text message."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye; nothing is heard of the client afterwards but that it left."""
        ...


@dataclass(slots=True)
class _Seat:
    line: Line
    handshake: Handshake
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)
    active: float = field(default_factory=time.monotonic)


class Crowd:
    """The Clients of a WebSocket API's functions; one that takes nothing for `patience_s` must not stop the others."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._seats: dict[str, _Seat] = {}
        self._patience_s = patience_s

    def join(self, id: str, line: Line, handshake: Handshake) -> None:
        """From now on it can be sent to."""
        self._seats[id] = _Seat(line, handshake)

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
            await self.close(id, POLICY_VIOLATION, "Too slow")
            return False
        seat.active = time.monotonic()
        return True

    async def close(self, id: str, code: int = NORMAL, reason: str = "Connection Closed Normally") -> bool:
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
