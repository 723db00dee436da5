"""Clients as people write them: another library, over a real connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

SECONDS = 10
ASKED = {"type": "ImageGenerationRequestedEvent", "prompt": "a fox"}


@dataclass
class Client:
    """One connection."""

    socket: aiohttp.ClientWebSocketResponse
    id: str = ""

    async def say(self, **message: Any) -> None:
        """Send a message with these fields."""
        await self.socket.send_json(message)

    async def hear(self, within: float = SECONDS) -> dict[str, Any]:
        """The next message, without its time."""
        message: dict[str, Any] = await self.socket.receive_json(timeout=within)
        message.pop("timestamp", None)
        return message

    async def is_answered(self) -> bool:
        """Whether the connection stands, and nothing lies in it that was not heard."""
        await self.say(type="ping")
        return await self.hear() == {"type": "pong"}

    async def ending(self) -> int | None:
        """The code that the connection is closed with, whatever is said before."""
        async with asyncio.timeout(SECONDS):
            async for _ in self.socket:
                pass
        return self.socket.close_code


@dataclass
class Room:
    """Those who are connected to one stack, until the test is over."""

    url: str
    session: aiohttp.ClientSession
    exits: AsyncExitStack

    async def connect(self, query: str = "", headers: Mapping[str, str] | None = None) -> Client:
        """A client that has said nothing yet; raises WSServerHandshakeError where it is not let in."""
        connecting = self.session.ws_connect(f"{self.url}{query}", headers=headers, max_msg_size=0)
        return Client(await self.exits.enter_async_context(connecting))

    async def join(self, kind: str, query: str = "") -> Client:
        """A client that has said what it is."""
        client = await self.connect(query)
        await client.say(type="authenticate", clientType=kind)
        welcome, success = await client.hear(), await client.hear()
        assert (welcome["type"], success["type"]) == ("welcome", "authentication_success")
        client.id = success["clientId"]
        return client


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Room]:
    """A room where as many as like may come; they leave with the block."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, AsyncExitStack() as exits:
        yield Room(url, session, exits)
