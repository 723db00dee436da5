"""Receivers of webhooks and other requests on loopback that answer as the test says, and keep what they got."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from aiohttp import web

from semantest_iac.domain.networking.http_exchange import HttpResponse


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


class ThreadedReceiver:
    """A receiver in a thread, for tests that run commands; without another `answer`, `statuses`, then 204."""

    def __init__(self, port: int = 0) -> None:
        self.statuses: list[int] = []
        self.answer: Callable[[ReceivedRequest], HttpResponse] = self._take_status
        self.received: list[ReceivedRequest] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._build_handler())
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def of_path(self, path: str) -> list[ReceivedRequest]:
        """Return what was sent to a path."""
        return [request for request in list(self.received) if request.path == path]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take_status(self, request: ReceivedRequest) -> HttpResponse:
        return HttpResponse(self.statuses.pop(0) if self.statuses else 204)

    def _build_handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = ReceivedRequest(self.path, headers, body)
                receiver.received.append(request)
                answer = receiver.answer(request)
                self.send_response(answer.status)
                for name, value in (*answer.headers, ("content-length", str(len(answer.body)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, format: str, *arguments: object) -> None: ...

        return Handler
