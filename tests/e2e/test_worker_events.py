"""A worker receives events and publishes what became of them, as one process among others."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import time
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Workspace
from tests.webhook_receiver import ScriptedReceiver, serving_receiver

_KEY = "a-key-of-more-than-twenty-four-characters"
_TIMEOUT_S = 60.0
_COMPLETED = "infrastructure.deployment.completed"
_CONFIGURATION = """\
components: {{rest-api: {{}}}}
event_sources:
  hooks: {{type: webhook, listen: "127.0.0.1:{port}", secret: "${{secrets.hook_key}}"}}
event_targets:
  results: {{type: webhook, url: "{target}/results", secret: "${{secrets.hook_key}}"}}
  semantest: {{type: webhook, url: "{target}/semantest", form: semantest, events: ["infrastructure.deployment.*"]}}
  builds: {{type: webhook, url: "{target}/cdevents", form: cdevents}}
  chat: {{type: webhook, url: "{target}/chat", form: slack}}
"""


def _find_free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _post_signed(port: int, id_: str, event: dict[str, Any]) -> int:
    body, moment = json.dumps(event), str(int(time.time()))
    digest = hmac.new(_KEY.encode(), f"{id_}.{moment}.{body}".encode(), hashlib.sha256).digest()
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {
        "content-type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    connection.request("POST", "/events", body, headers)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


class TestWorker:
    async def test_answers_a_webhook_with_what_became_of_it(self, tmp_path: Path) -> None:
        receiver, port, workspace = ScriptedReceiver(), _find_free_port(), Workspace(tmp_path)
        async with serving_receiver(receiver) as url:
            (tmp_path / "semantest.yaml").write_text(_CONFIGURATION.format(port=port, target=url))
            (tmp_path / ".env").write_text(f"SEMANTEST_SECRET_HOOK_KEY={_KEY}\n")
            statuses, output = await asyncio.to_thread(_request_and_wait, workspace, port, receiver)

        results, semantest = _bodies(receiver, "/results"), _bodies(receiver, "/semantest")
        ended = [it for it in results if it["type"] == _COMPLETED]
        assert statuses == [202, 202]
        assert [it["correlationid"] for it in ended] == ["c-1"]
        assert [it["sequence"] for it in results] == sorted(it["sequence"] for it in results)
        assert {it["metadata"]["source"] for it in semantest} == {"infrastructure"}
        assert [it["type"].split(".")[3] for it in _bodies(receiver, "/cdevents")] == ["deployed"]
        assert all("webhook-signature" in it.headers for it in receiver.received if it.path == "/results")
        assert _KEY not in output


def _request_and_wait(workspace: Workspace, port: int, receiver: ScriptedReceiver) -> tuple[list[int], str]:
    """Send a request twice to a worker, and return the answers and its output once all targets know how it ended."""
    needed = {"type": "ServiceDeploymentNeeded", "correlationId": "c-1", "payload": {"serviceType": "rest-api"}}
    with workspace.start("worker") as worker:
        assert worker.stderr is not None
        for line in worker.stderr:
            if line.startswith("Waiting for requests"):
                break
        deadline = time.monotonic() + _TIMEOUT_S
        while not _is_listening(port):
            assert time.monotonic() < deadline, "nothing listens"
            time.sleep(0.05)
        statuses = [_post_signed(port, f"msg_{number}", needed) for number in range(2)]
        while not _knows_the_end(receiver):
            assert time.monotonic() < deadline, [it.path for it in receiver.received]
            time.sleep(0.05)
        worker.terminate()
        out, err = worker.communicate(timeout=_TIMEOUT_S)
    return statuses, out + err


def _is_listening(port: int) -> bool:
    with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=10):
        return True
    return False


def _knows_the_end(receiver: ScriptedReceiver) -> bool:
    types = {path: [it.get("type") for it in _bodies(receiver, path)] for path in ("/results", "/semantest")}
    others = _bodies(receiver, "/cdevents") and _bodies(receiver, "/chat")
    return all(_COMPLETED in found for found in types.values()) and bool(others)


def _bodies(receiver: ScriptedReceiver, path: str) -> list[Any]:
    return [json.loads(it.body) for it in receiver.received if it.path == path]


class TestStart:
    @pytest.mark.parametrize(
        ("lines", "expected"),
        [
            ("event_sources: {a: {type: nats}}", "event_sources.a.url"),
            ("event_sources: {a: {type: pigeon}}", "event_sources.a.type"),
            ("event_sources: {a: {type: webhook, listen: x, secret: short}}", "event_sources.a.listen"),
            ("event_sources: {a: {type: files, folder: ''}}", "event_sources.a.folder"),
            ("event_targets: {a: {type: files, folder: ''}}", "event_targets.a.folder"),
            ("subscriptions: {a: {event: X, action: deploy}}", "subscriptions.a.component"),
        ],
    )
    def test_is_refused_for_faults_of_what_is_about_events(self, tmp_path: Path, lines: str, expected: str) -> None:
        workspace = Workspace(tmp_path)
        (tmp_path / "semantest.yaml").write_text(f"components: {{rest-api: {{}}}}\n{lines}\n")

        ended = workspace.run("worker")

        assert (ended.code, expected in ended.err, "Traceback" in ended.err) == (2, True, False)

    def test_is_refused_without_a_secret(self, tmp_path: Path) -> None:
        workspace = Workspace(tmp_path)
        (tmp_path / "semantest.yaml").write_text(_CONFIGURATION.format(port=1, target="http://127.0.0.1:1"))

        ended = workspace.run("worker")

        assert (ended.code, "SEMANTEST_SECRET_HOOK_KEY" in ended.err) == (2, True)


class TestCommands:
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (("publish", "."), "Name a file with an event"),
            (("publish", "missing.json"), "Name a file with an event"),
            (("subscriptions", "test", "event.json", "--source", "coer"), "Did you mean 'core'?"),
        ],
    )
    def test_say_what_is_wrong(self, tmp_path: Path, arguments: tuple[str, ...], expected: str) -> None:
        workspace = Workspace(tmp_path)
        (tmp_path / "semantest.yaml").write_text("event_sources: {core: {type: files, folder: in}}\n")
        (tmp_path / "event.json").write_text('{"type": "X", "payload": {}}')

        ended = workspace.run(*arguments)

        assert (ended.code, expected in ended.err, "Traceback" in ended.err) == (2, True, False)
