"""`serve` as people run it: requests, a deployment meanwhile, two clients that talk, and a clean end."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.conftest import Desk
from tests.e2e.serving import SECONDS, Served, served

REST, SOCKET = "rest-api.aws.development.us-east-1", "websocket.aws.development.us-east-1"
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


class TestWebSocket:
    @pytest.mark.parametrize(("provider", "stack"), [("aws", SOCKET), ("azure", "websocket.azure.development.eastus")])
    def test_lets_two_clients_talk(self, desk: Desk, provider: str, stack: str) -> None:
        desk.run("deploy", "--component", "websocket", "--provider", provider)
        with served(desk, "serve", "--port", "0", "--json") as gateway:
            heard = asyncio.run(_conversation(f"{gateway.url}/{stack}/"))

        assert heard == ["generate_image", "image_generated"]

    def test_asks_to_connect_again_after_a_deployment(self, desk: Desk) -> None:
        desk.run("deploy", "--component", "websocket")
        with served(desk, "serve", "--port", "0", "--json") as gateway:
            heard = asyncio.run(_through_a_deployment(f"{gateway.url}/{SOCKET}/", desk))

        assert heard == ["welcome", "pong", "reconnect", "welcome"]


async def _conversation(url: str) -> list[str]:
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as cli, session.ws_connect(url) as extension:
        for socket, kind in ((cli, "cli"), (extension, "extension")):
            await socket.send_json({"type": "authenticate", "clientType": kind})
            assert [(await _heard(socket))["type"] for _ in range(2)] == ["welcome", "authentication_success"]
        await cli.send_json({"type": "ImageGenerationRequestedEvent", "requestId": "r1", "prompt": "a house"})
        asked = await _heard(extension)
        await extension.send_json({"type": "image_generated", "requestId": asked["requestId"]})
        return [asked["type"], (await _heard(cli))["type"]]


async def _through_a_deployment(url: str, desk: Desk) -> list[str]:
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as old:
        await old.send_json({"type": "ping"})
        first = [(await _heard(old))["type"] for _ in range(2)]
        change = ("--set", "components.websocket.environment.COLOUR=green")
        assert (await asyncio.to_thread(desk.run, "deploy", "--component", "websocket", *change)).code == 0
        hint = (await _heard(old))["type"]
        async with session.ws_connect(url) as new:
            await new.send_json({"type": "ping"})
            return [*first, hint, (await _heard(new))["type"]]


async def _heard(socket: aiohttp.ClientWebSocketResponse) -> Any:
    return await socket.receive_json(timeout=SECONDS)
