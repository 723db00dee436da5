"""Services of a stack that run on this machine, without a deployment."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.compute.containers import HealthProbe, ServiceScaling
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.infrastructure.local_service.containers.local_containers import LocalContainers
from semantest_iac.infrastructure.local_service.containers.service_instances import ServiceReport
from semantest_iac.infrastructure.local_service.containers.service_spec import (
    FindServiceAddress,
    ServiceSpec,
    ServiceTimes,
)
from semantest_iac.infrastructure.local_service.function_log_files import FunctionLogFiles

STACK = "platform-aws-development-us-east-1"
_SERVER = """
import http.server, json, os, pathlib, subprocess, sys, threading, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        if self.path == "/health" and pathlib.Path("unhealthy").exists():
            return self.answer(500, "")
        if self.path == "/end":
            os._exit(3)
        if self.path.startswith("/wait"):
            while not pathlib.Path("go").exists():
                time.sleep(0.02)
        headers = {name.lower(): value for name, value in self.headers.items()}
        facts = {"pid": os.getpid(), "path": self.path, "method": self.command, "body": body, "headers": headers}
        self.answer(200, json.dumps({**facts, "variables": dict(os.environ)}))

    do_POST = do_HEAD = do_GET

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text.encode())

    def log_message(self, *_):
        print(self.path, os.environ.get("TOKEN"), flush=True)

if pathlib.Path("broken").exists():
    sys.exit("cannot start as asked")
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(f"child-{os.getpid()}").write_text(str(child.pid))
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


class Services:
    """The services of one stack, what is reported of them, and what they wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "server.py").write_text(_SERVER)
        self.specs: dict[str, ServiceSpec] = {}
        self.release = 1
        self.waiting: dict[str, int] = {}
        self.reports: list[ServiceReport] = []
        self.logs = FunctionLogFiles(folder / "logs")
        self.times = ServiceTimes(cooldown_s=0.2, look_s=0.05, restart_s=0.05, longest_restart_s=0.2, steady_s=5)
        self.containers: LocalContainers

    def add(self, name: str = "orders-api", **values: Any) -> None:
        """Add a service, or another version of it."""
        scaling = values.pop("scaling", ServiceScaling())
        command = values.pop("command", (sys.executable, "server.py"))
        spec = ServiceSpec(name, self.folder, command, probe=HealthProbe(interval_s=1, start_s=120), scaling=scaling)
        self.specs[name] = replace(spec, **values)
        self.release += 1

    async def _read_releases(self) -> Mapping[str, str]:
        return {STACK: str(self.release)} if self.specs else {}

    async def _find_specs(self, stack: str, find_address: FindServiceAddress) -> Mapping[str, ServiceSpec]:
        return dict(self.specs)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[LocalContainers]:
        """Run them as long as the block."""
        async with LocalContainers(
            self._read_releases,
            self._find_specs,
            lambda _, queue: self.waiting.get(queue, 0),
            self.logs,
            lambda _, report: self.reports.append(report),
            self.times,
        ) as self.containers:
            yield self.containers

    async def ask(self, path: str = "/", service: str = "orders-api") -> Any:
        """Return what a service says about itself and the request."""
        import json

        return json.loads((await self.containers.call(STACK, service, HttpRequest("GET", path))).body)

    def read_log(self) -> str:
        """Return the lines that services wrote."""
        return "\n".join(line["text"] for line in next(self.logs.follow_batches(STACK)))

    def list_texts(self, *, failures: bool = False) -> list[str]:
        """Return what was reported, what failed alone or the rest."""
        return [it.text for it in self.reports if it.is_failure is failures]


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return Services(tmp_path)
