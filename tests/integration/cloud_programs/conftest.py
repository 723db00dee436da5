"""A scripted deployment service on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.infrastructure.cloud_programs.code_publishing import ServiceClient
from semantest_iac.infrastructure.cloud_programs.https import send_https


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as the service received it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeDeploymentService:
    """Answers each request with the next status and body of the script; the last one repeats."""

    script: list[tuple[int, Any]] = field(default_factory=list)
    received: list[ReceivedRequest] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    port: int = 0

    @property
    def client(self) -> ServiceClient:
        """The real client, with this service as every host and without waiting."""
        return ServiceClient(self._send, lambda: "a-token", self.waits.append)

    def answer(self, received: ReceivedRequest) -> tuple[int, bytes]:
        """Record the request and return the next answer."""
        self.received.append(received)
        status, body = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return status, body if isinstance(body, bytes) else json.dumps(body).encode()

    def _send(self, origin: str, request: HttpRequest) -> HttpResponse:
        self.origins.append(origin)
        return send_https(f"http://127.0.0.1:{self.port}", request)


@pytest.fixture
def service() -> Iterator[FakeDeploymentService]:
    """A service with an empty script."""
    service = FakeDeploymentService()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = ReceivedRequest(self.command, url.path, dict(parse_qsl(url.query)), headers, body)
            status, answer = service.answer(received)
            self.send_response(status)
            for name, value in {**service.headers, "content-length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Log nothing: tests read the recorded requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield service
    server.shutdown()
    thread.join()
    server.server_close()
