"""Conversations with the WebSocket server of another library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError, RuntimeFailedError, UnreachableServiceError
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.domain.ports.service_probe import AnswerOrigin, ProbeAnswer
from semantest_iac.infrastructure.local_service.remote_probe import RemoteProbe

STACK = Stack("websocket", "aws", "production", "us-east-1")
LONG = "x" * 60_000


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Send each message back, after a ping."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.ping(b"ping")
        await socket.send_str(message.data)
    return socket


async def silent(request: web.Request) -> web.WebSocketResponse:
    """Close at the first message."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.receive()
    await socket.close()
    return socket


async def unauthorized(request: web.Request) -> web.Response:
    return web.Response(status=401)


@asynccontextmanager
async def serve(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[RemoteProbe]:
    """Serve the handler, and probe it."""
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


class TestConversation:
    @pytest.mark.parametrize("messages", [("a", "b"), ("x" * 200,), (LONG,)], ids=["short", "longer", "long"])
    async def test_receives_an_answer_to_each_message(self, messages: tuple[str, ...]) -> None:
        async with serve(echo) as probe:
            conversation = await probe.converse(STACK, messages)

        assert (conversation.status, conversation.received) == (101, messages)

    async def test_receives_an_empty_answer_if_the_service_closes(self) -> None:
        async with serve(silent) as probe:
            assert (await probe.converse(STACK, ["a"])).received == ("",)

    async def test_notes_that_a_token_is_required(self) -> None:
        async with serve(unauthorized) as probe:
            conversation = await probe.converse(STACK, ["a"])

        assert (conversation.status, conversation.received) == (401, ())
        assert "requires a token" in conversation.note

    async def test_fails_if_nothing_listens(self) -> None:
        probe = RemoteProbe(lambda stack: asyncio.sleep(0, "ws://127.0.0.1:9/live"))

        with pytest.raises(RuntimeFailedError, match="Cannot reach"):
            await probe.converse(STACK, ["a"])

    async def test_fails_if_nothing_is_deployed(self) -> None:
        probe = RemoteProbe(lambda stack: asyncio.sleep(0, None))

        with pytest.raises(NotFoundError):
            await probe.converse(STACK, ["a"])


REST = Stack("rest-api", "aws", "production", "us-east-1")


async def call(answer: web.Response, provider: str = "aws") -> ProbeAnswer:
    """Call a service that answers so."""

    async def handler(request: web.Request) -> web.Response:
        return answer

    app = web.Application()
    app.router.add_get("/health", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port, *_ = runner.addresses[0]
    try:
        probe = RemoteProbe(lambda stack: asyncio.sleep(0, f"http://{host}:{port}"))
        return await probe.call(replace(REST, provider=provider), HttpRequest("GET", "/health"))
    finally:
        await runner.cleanup()


class TestCall:
    async def test_follows_no_redirect(self) -> None:
        answer = await call(web.Response(status=301, headers={"location": "http://127.0.0.1:9/elsewhere"}))

        assert (answer.response.status, answer.origin) == (301, AnswerOrigin.FUNCTION)

    @pytest.mark.parametrize(
        ("provider", "answer", "origin"),
        [
            ("aws", web.Response(status=404, text='{"message":"Not Found"}'), AnswerOrigin.PLATFORM),
            ("aws", web.Response(status=500, text='{"message":"Internal Server Error"}'), AnswerOrigin.PLATFORM),
            ("aws", web.Response(status=404, text='{"message":"no such item"}'), AnswerOrigin.FUNCTION),
            ("aws", web.Response(status=404), AnswerOrigin.FUNCTION),
            ("azure", web.Response(status=404), AnswerOrigin.PLATFORM),
            ("azure", web.Response(status=503, text="Function host is not running."), AnswerOrigin.PLATFORM),
            (
                "azure",
                web.Response(status=404, text='{"statusCode": 404, "message": "Resource not found"}'),
                AnswerOrigin.PLATFORM,
            ),
            ("azure", web.Response(status=404, text="no such item"), AnswerOrigin.FUNCTION),
            ("azure", web.Response(status=200), AnswerOrigin.FUNCTION),
        ],
    )
    async def test_tells_the_platform_from_the_code(
        self, provider: str, answer: web.Response, origin: AnswerOrigin
    ) -> None:
        assert (await call(answer, provider)).origin is origin

    async def test_says_that_a_later_try_may_succeed(self) -> None:
        probe = RemoteProbe(lambda stack: asyncio.sleep(0, "http://127.0.0.1:9"))

        with pytest.raises(UnreachableServiceError, match="Cannot reach"):
            await probe.call(REST, HttpRequest("GET", "/health"))
