"""Clients that are sent to, whatever they do with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from semantest_iac.infrastructure.local_service.web_socket_connections import ConnectionRegistry
from semantest_iac.infrastructure.local_service.web_socket_service import Handshake


@dataclass
class Ear:
    """The way to a client that listens, or to one that does not."""

    listens: bool
    heard: list[bytes] = field(default_factory=list)
    code: int | None = None

    async def send(self, data: bytes) -> None:
        """Hear it, some day."""
        if not self.listens:
            await asyncio.Event().wait()
        self.heard.append(data)

    async def close(self, code: int, reason: str) -> None:
        """Remember why."""
        self.code = code


class TestCrowd:
    async def test_sends_away_who_takes_nothing(self) -> None:
        crowd, deaf = ConnectionRegistry(patience_s=0.01), Ear(listens=False)
        crowd.join("a", deaf, Handshake())

        assert [await crowd.send("a", b"1"), await crowd.send("a", b"2")] == [False, False]
        assert deaf.code == 1008

    async def test_knows_when_somebody_was_there(self) -> None:
        crowd, ear = ConnectionRegistry(), Ear(listens=True)
        crowd.join("a", ear, Handshake())

        assert [await crowd.send("a", b"1"), await crowd.send("b", b"2")] == [True, False]
        assert (ear.heard, crowd.facts("b")) == ([b"1"], None)
