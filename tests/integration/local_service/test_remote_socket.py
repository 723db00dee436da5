"""A visit at a WebSocket API as any client makes it, by another library's server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError, RuntimeFailedError
from semantest_iac.infrastructure.local_service.remote_probe import RemoteProbe

STACK = Stack("websocket", "aws", "production", "us-east-1")
LONG = "x" * 60_000


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Answers each message with itself, after a ping."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.ping(b"are you there")
        await socket.send_str(message.data)
    return socket


async def silent(request: web.Request) -> web.WebSocketResponse:
    """Closes at the first message."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.receive()
    await socket.close()
    return socket


async def guarded(request: web.Request) -> web.Response:
    """Lets nobody in."""
    return web.Response(status=401)


@asynccontextmanager
async def served(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[RemoteProbe]:
    """The door of a stack whose endpoint is this server."""
    app = web.Application()
    app.router.add_get("/live", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port, *_ = runner.addresses[0]
    try:
        yield RemoteProbe(lambda stack: asyncio.sleep(0, f"ws://{host}:{port}/live"))
    finally:
        await runner.cleanup()


class TestVisit:
    @pytest.mark.parametrize("messages", [("a", "b"), ("x" * 200,), (LONG,)], ids=["short", "longer", "long"])
    async def test_hears_an_answer_to_each_message(self, messages: tuple[str, ...]) -> None:
        async with served(echo) as door:
            conversation = await door.converse(STACK, messages)

        assert (conversation.status, conversation.heard) == (101, messages)

    async def test_hears_nothing_where_the_service_closes(self) -> None:
        async with served(silent) as door:
            assert (await door.converse(STACK, ["a"])).heard == ("",)

    async def test_sees_that_a_token_is_asked_for(self) -> None:
        async with served(guarded) as door:
            conversation = await door.converse(STACK, ["a"])

        assert (conversation.status, conversation.heard) == (401, ())
        assert "asks for a token" in conversation.note

    async def test_says_where_nobody_answers(self) -> None:
        door = RemoteProbe(lambda stack: asyncio.sleep(0, "ws://127.0.0.1:9/live"))

        with pytest.raises(RuntimeFailedError, match="Cannot reach"):
            await door.converse(STACK, ["a"])

    async def test_says_where_nothing_is_deployed(self) -> None:
        door = RemoteProbe(lambda stack: asyncio.sleep(0, None))

        with pytest.raises(NotFoundError):
            await door.converse(STACK, ["a"])
