"""`serve` as people run it: requests, a deployment meanwhile, and a clean end."""

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

from tests.e2e.conftest import Desk
from tests.e2e.serving import SECONDS, Served, served

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
def asking(gateway: Served, path: str) -> Iterator[list[str]]:
    """The answers to one request after the other, for as long as the block."""
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


def until_more(answers: list[str]) -> None:
    wanted = len(answers) + 20
    while len(answers) < wanted:
        time.sleep(0.02)


@pytest.fixture
def service(desk: Desk) -> Desk:
    """A desk with a service of its own."""
    (desk.folder / "service").mkdir()
    (desk.folder / "service" / "app.py").write_text(SERVICE)
    (desk.folder / "semantest.yaml").write_text(CONFIGURATION)
    return desk


def children(process: subprocess.Popen[str]) -> list[int]:
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(pid) for pid in text.split()]


class TestServe:
    def test_answers_with_what_is_deployed_meanwhile(self, service: Desk) -> None:
        with served(service, "deploy", "--component", "rest-api", "--serve", "--port", "0", "--json") as gateway:
            before = gateway.get(f"/{REST}/a")
            deployed = service.run(
                "deploy", "--component", "rest-api", "--set", "components.rest-api.environment.COLOUR=green"
            )
            after = gateway.get(f"/{REST}/b")

        assert (before, deployed.code, after) == ("none", 0, "green")

    def test_fails_no_request_while_a_broken_version_comes_and_goes(self, service: Desk) -> None:
        command = ("deploy", "--component", "rest-api", "--json")
        with served(service, *command, "--serve", "--port", "0") as gateway, asking(gateway, f"/{REST}/a") as answers:
            (service.folder / "service" / "app.py").write_text("raise ValueError('no database')")
            broken = service.run(*command)
            until_more(answers)

        assert (broken.code, broken.json["state"]) == (1, "rolled_back")
        assert set(answers) == {"none"}

    def test_leaves_nothing_running(self, service: Desk) -> None:
        with served(service, "deploy", "--component", "rest-api", "--serve", "--port", "0", "--json") as gateway:
            gateway.get(f"/{REST}/a")
            processes = children(gateway.process)

        assert processes
        assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]

    def test_leaves_logs_that_can_be_read(self, service: Desk) -> None:
        with served(service, "deploy", "--component", "rest-api", "--serve", "--port", "0", "--json") as gateway:
            gateway.get(f"/{REST}/some/path")

        assert "asked for /some/path" in service.run("logs", "rest-api").out

    def test_is_found_by_the_outputs(self, service: Desk) -> None:
        service.run("deploy", "--component", "rest-api")

        assert service.run("outputs", "--json").json["local_endpoint"] == f"http://127.0.0.1:4180/{REST}/"


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
class TestNodeServer:
    @pytest.mark.parametrize("provider", ["aws", "azure"])
    def test_answers_2000_requests_50_at_once_each_with_its_own(self, desk: Desk, provider: str) -> None:
        (desk.folder / "service").mkdir()
        (desk.folder / "service" / "server.js").write_text(SERVER, encoding="utf-8")
        (desk.folder / "semantest.yaml").write_text(SERVER_CONFIGURATION, encoding="utf-8")
        deployed = desk.run("deploy", "--component", "rest-api", "--provider", provider, "--json")
        if "@azure/functions" in deployed.json.get("error", {}).get("message", ""):
            pytest.skip("npm reaches no registry, from which Node packages for Azure take @azure/functions")
        with served(desk, "serve", "--port", "0", "--json") as gateway:
            wrong = asyncio.run(_many(f"{gateway.url}/{deployed.json['stack']}"))

        assert wrong == []


async def _many(url: str) -> list[str]:
    """Whatever was not the answer to its request."""
    wrong, numbers = list[str](), iter(range(2000))

    async def ask(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            async with session.post(f"{url}/items/{number}?q={number}", data=f"body {number}") as answer:
                told = await answer.text()
            expected = {"url": f"/items/{number}?q={number}", "body": f"body {number}"}
            if answer.status != 201 or json.loads(told) != expected:
                wrong.append(f"{number}: {answer.status} {told[:100]}")

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(ask(session) for _ in range(50)))
    return wrong
