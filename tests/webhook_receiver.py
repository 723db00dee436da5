"""A receiver of webhooks on loopback that answers as the test says, and keeps what it got."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it arrived; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class ScriptedReceiver:
    """Answers each request; the default is 204."""

    answer: Callable[[ReceivedRequest], web.StreamResponse] = lambda request: web.Response(status=204)
    received: list[ReceivedRequest] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        got = ReceivedRequest(request.path, headers, await request.read())
        self.received.append(got)
        return self.answer(got)


@asynccontextmanager
async def serving_receiver(receiver: ScriptedReceiver, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve for the block, and yield the URL without a path."""
    runner = web.ServerRunner(web.Server(receiver.handle))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        [(host, port)] = [address[:2] for address in runner.addresses]
        yield f"{'https' if tls else 'http'}://{host}:{port}"
    finally:
        await runner.cleanup()
