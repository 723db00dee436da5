"""`serve`: requests, a deployment in the meantime, and a clean stop."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.conftest import Workspace
from tests.e2e.serving import SECONDS, RunningGateway, run_gateway

REST = "rest-api.aws.development.us-east-1"
SERVICE = """
import os, time

def handler(event, context):
    print("asked for", event["rawPath"])
    return {"statusCode": 200, "body": os.environ.get("COLOUR", "none")}
"""
CONFIGURATION = """
components:
  rest-api:
    source: service
    handler: app.handler
    runtime: python3.13
    throttling: {rate: 1000, burst: 1000}
"""
SERVER = """
require('node:http').createServer((request, response) => {
  const parts = []
  request.on('data', (part) => parts.push(part)).on('end', () => {
    response.writeHead(201, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ url: request.url, body: Buffer.concat(parts).toString() }))
  })
}).listen(process.env.PORT || 3000)
"""
SERVER_CONFIGURATION = """
components:
  rest-api: {source: service, entry: server.js, throttling: {rate: 100000, burst: 100000}}
"""


@contextmanager
def repeat_request(gateway: RunningGateway, path: str) -> Iterator[list[str]]:
    """Repeat a request until the end of the context; yields the growing list of answers."""
    answers: list[str] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            try:
                answers.append(gateway.get(path))
            except OSError as error:
                answers.append(str(error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        thread.join(SECONDS)


def wait_for_more(answers: list[str]) -> None:
    wanted = len(answers) + 20
    while len(answers) < wanted:
        time.sleep(0.02)


@pytest.fixture
def service(workspace: Workspace) -> Workspace:
    (workspace.folder / "service").mkdir()
    (workspace.folder / "service" / "app.py").write_text(SERVICE)
    (workspace.folder / "semantest.yaml").write_text(CONFIGURATION)
    return workspace


def child_pids(process: subprocess.Popen[str]) -> list[int]:
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(pid) for pid in text.split()]


class TestServe:
    def test_serves_a_new_deployment_at_once(self, service: Workspace) -> None:
        with run_gateway(service, "deploy", "--component", "rest-api", "--serve", "--port", "0", "--json") as gateway:
            before = gateway.get(f"/{REST}/a")
            deployed = service.run(
                "deploy", "--component", "rest-api", "--set", "components.rest-api.environment.COLOUR=green"
            )
            after = gateway.get(f"/{REST}/b")

        assert (before, deployed.code, after) == ("none", 0, "green")

    def test_answers_every_request_while_a_broken_version_is_rolled_back(self, service: Workspace) -> None:
        command = ("deploy", "--component", "rest-api", "--json")
        with (
            run_gateway(service, *command, "--serve", "--port", "0") as gateway,
            repeat_request(gateway, f"/{REST}/a") as answers,
        ):
            (service.folder / "service" / "app.py").write_text("raise ValueError('no database')")
            broken = service.run(*command)
            wait_for_more(answers)

        assert (broken.code, broken.json["state"]) == (1, "rolled_back")
        assert set(answers) == {"none"}

    def test_stops_every_process(self, service: Workspace) -> None:
        with run_gateway(service, "deploy", "--component", "rest-api", "--serve", "--port", "0", "--json") as gateway:
            gateway.get(f"/{REST}/a")
            processes = child_pids(gateway.process)

        assert processes
        assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]

    def test_stores_logs_that_logs_shows(self, service: Workspace) -> None:
        with run_gateway(service, "deploy", "--component", "rest-api", "--serve", "--port", "0", "--json") as gateway:
            gateway.get(f"/{REST}/some/path")

        assert "asked for /some/path" in service.run("logs", "rest-api").out

    def test_address_is_an_output(self, service: Workspace) -> None:
        service.run("deploy", "--component", "rest-api")

        assert service.run("outputs", "--json").json["local_endpoint"] == f"http://127.0.0.1:4180/{REST}/"


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
class TestNodeServer:
    @pytest.mark.parametrize("provider", ["aws", "azure"])
    def test_answers_concurrent_requests_each_with_its_own_body(self, workspace: Workspace, provider: str) -> None:
        (workspace.folder / "service").mkdir()
        (workspace.folder / "service" / "server.js").write_text(SERVER, encoding="utf-8")
        (workspace.folder / "semantest.yaml").write_text(SERVER_CONFIGURATION, encoding="utf-8")
        deployed = workspace.run("deploy", "--component", "rest-api", "--provider", provider, "--json")
        if "@azure/functions" in deployed.json.get("error", {}).get("message", ""):
            pytest.skip("npm reaches no registry, from which Node packages for Azure take @azure/functions")
        with run_gateway(workspace, "serve", "--port", "0", "--json") as gateway:
            wrong = asyncio.run(_many(f"{gateway.url}/{deployed.json['stack']}"))

        assert wrong == []


async def _many(url: str) -> list[str]:
    """Send 200 requests, 20 at a time, and return the wrong answers."""
    wrong, numbers = list[str](), iter(range(200))

    async def ask(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            async with session.post(f"{url}/items/{number}?q={number}", data=f"body {number}") as answer:
                body = await answer.text()
            expected = {"url": f"/items/{number}?q={number}", "body": f"body {number}"}
            if answer.status != 201 or json.loads(body) != expected:
                wrong.append(f"{number}: {answer.status} {body[:100]}")

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(ask(session) for _ in range(20)))
    return wrong
