"""A deployment service on loopback, which answers as it was told."""

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
class Heard:
    """One request as the service saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Service:
    """Answers each request with the next line of the script, status and body; the last line stays."""

    script: list[tuple[int, Any]] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    port: int = 0

    @property
    def line(self) -> ServiceClient:
        """The real client's line, whose every host is this one and whose time passes at once."""
        return ServiceClient(self._send, lambda: "a-token", self.waited.append)

    def answer(self, heard: Heard) -> tuple[int, bytes]:
        """Keep the request, turn the page."""
        self.heard.append(heard)
        status, body = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return status, body if isinstance(body, bytes) else json.dumps(body).encode()

    def _send(self, origin: str, request: HttpRequest) -> HttpResponse:
        self.origins.append(origin)
        return send_https(f"http://127.0.0.1:{self.port}", request)


@pytest.fixture
def service() -> Iterator[Service]:
    """A service with an empty script."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            heard = Heard(self.command, url.path, dict(parse_qsl(url.query)), headers, body)
            status, answer = service.answer(heard)
            self.send_response(status)
            for name, value in {**service.headers, "content-length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Tests read what was heard."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield service
    server.shutdown()
    thread.join()
    server.server_close()
