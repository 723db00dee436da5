"""Clients that use another WebSocket library over a real connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

TIMEOUT_S = 10
IMAGE_REQUEST = {"type": "ImageGenerationRequestedEvent", "prompt": "a fox"}


@dataclass
class Client:
    """One connection."""

    socket: aiohttp.ClientWebSocketResponse
    id: str = ""

    async def send(self, **message: Any) -> None:
        await self.socket.send_json(message)

    async def receive(self, within: float = TIMEOUT_S) -> dict[str, Any]:
        """Receive the next message, without its timestamp."""
        message: dict[str, Any] = await self.socket.receive_json(timeout=within)
        message.pop("timestamp", None)
        return message

    async def is_responsive(self) -> bool:
        """Whether the connection is open and no other message is waiting."""
        await self.send(type="ping")
        return await self.receive() == {"type": "pong"}

    async def close_code(self) -> int | None:
        """Wait for the close code, and ignore messages before it."""
        async with asyncio.timeout(TIMEOUT_S):
            async for _ in self.socket:
                pass
        return self.socket.close_code


@dataclass
class StackClients:
    """Connects clients to one stack."""

    url: str
    session: aiohttp.ClientSession
    exits: AsyncExitStack

    async def connect(self, query: str = "", headers: Mapping[str, str] | None = None) -> Client:
        """Connect a client; raises WSServerHandshakeError if it is refused."""
        connecting = self.session.ws_connect(f"{self.url}{query}", headers=headers, max_msg_size=0)
        return Client(await self.exits.enter_async_context(connecting))

    async def join(self, kind: str, query: str = "") -> Client:
        """Connect and authenticate a client."""
        client = await self.connect(query)
        await client.send(type="authenticate", clientType=kind)
        welcome, success = await client.receive(), await client.receive()
        assert (welcome["type"], success["type"]) == ("welcome", "authentication_success")
        client.id = success["clientId"]
        return client


@asynccontextmanager
async def open_clients(url: str) -> AsyncIterator[StackClients]:
    """Any number of clients, which are closed with the block."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, AsyncExitStack() as exits:
        yield StackClients(url, session, exits)
