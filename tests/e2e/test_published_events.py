"""What a worker publishes of a deployment, to webhooks in several forms, also after it was killed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from semantest_iac.bootstrap.application import Application
from semantest_iac.infrastructure.transports.http.signatures import open_signature_check, parse_webhook_keys
from tests.e2e.conftest import Workspace
from tests.webhook_receiver import ThreadedReceiver

SECRET = "a-key-of-the-tests-0123456789"
_LIMIT_S = 90.0
_CONFIGURATION = """\
components: {{rest-api: {{}}}}
event_targets:
  events: {{type: webhook, url: "{url}/events", secret: "${{secrets.hook_key}}"}}
  core: {{type: webhook, url: "{url}/core", form: semantest, events: [infrastructure.deployment.*]}}
  delivery: {{type: webhook, url: "{url}/cdevents", form: cdevents, environments: [dev]}}
  chat: {{type: webhook, url: "${{secrets.chat}}", form: slack, components: [rest-api]}}
  others: {{type: webhook, url: "{url}/others", environments: [production]}}
"""


@pytest.fixture
def receiver() -> Iterator[ThreadedReceiver]:
    opened = ThreadedReceiver()
    yield opened
    opened.close()


@pytest.fixture
def publishing(tmp_path: Path, receiver: ThreadedReceiver) -> Workspace:
    (tmp_path / "semantest.yaml").write_text(_CONFIGURATION.format(url=receiver.url), encoding="utf-8")
    secrets = {"SEMANTEST_SECRET_HOOK_KEY": SECRET, "SEMANTEST_SECRET_CHAT": f"{receiver.url}/chat-secret-path"}
    return Workspace(tmp_path, secrets)


def _until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + _LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def _types(receiver: ThreadedReceiver, path: str) -> list[str]:
    return [json.loads(request.body)["type"] for request in receiver.of_path(path)]


def _list_published(workspace: Workspace) -> list[str]:
    """The types of the recorded events, without the journal."""
    recorded = [str(event["type"]) for event in workspace.run("events", "--json").json]
    return [it for it in recorded if not it.startswith("infrastructure.journal.")]


def _first_times(types: list[str]) -> list[str]:
    """The types without those of messages that came again."""
    return list(dict.fromkeys(types))


class TestWorker:
    def test_publishes_a_deployment_in_every_form(self, publishing: Workspace, receiver: ThreadedReceiver) -> None:
        with publishing.start("worker", "--log-format", "json") as worker:
            _until(lambda: (publishing.home / "ledger.db").exists())
            _wait_for_positions(publishing)
            publishing.run("deploy", "rest-api", "--detach")
            _until(lambda: "infrastructure.deployment.completed" in _types(receiver, "/events"))
            _until(lambda: receiver.of_path("/cdevents") and receiver.of_path("/chat-secret-path"))
            _until(lambda: "infrastructure.deployment.completed" in _types(receiver, "/core"))
            worker.terminate()
            _, log = worker.communicate(timeout=_LIMIT_S)

        recorded = [
            event["type"] for event in publishing.run("events", "--json").json if "journal" not in event["type"]
        ]
        assert _types(receiver, "/events") == recorded
        assert _types(receiver, "/core") == [it for it in recorded if it.startswith("infrastructure.deployment.")]
        check = open_signature_check("standard-webhooks", parse_webhook_keys(SECRET, "standard-webhooks"))
        for request in receiver.of_path("/events"):
            check.verify(tuple(request.headers.items()), request.body, time.time())
        assert _types(receiver, "/cdevents") == ["dev.cdevents.service.deployed.0.3.0"]
        [told] = receiver.of_path("/chat-secret-path")
        assert "rest-api is deployed to development" in json.loads(told.body)["text"]
        assert receiver.of_path("/others") == []
        assert "chat-secret-path" not in log and SECRET not in log

    def test_publishes_later_what_a_receiver_missed(self, publishing: Workspace, receiver: ThreadedReceiver) -> None:
        with publishing.start("worker"):
            _wait_for_positions(publishing)
        port = receiver.port
        receiver.close()
        with publishing.start("worker", "--health-address", "127.0.0.1:0") as worker:
            assert worker.stderr is not None
            url = worker.stderr.readline().split()[5].removesuffix("/healthz")
            publishing.run("deploy", "rest-api", "--detach")
            _until(lambda: publishing.run("history", "--json").json[0]["state"] == "completed")
            faults = _find_faults(url)
            worker.kill()
        again = ThreadedReceiver(port)
        try:
            with publishing.start("worker"):
                _until(lambda: "infrastructure.deployment.completed" in _types(again, "/events"))
        finally:
            again.close()

        recorded = [
            event["type"] for event in publishing.run("events", "--json").json if "journal" not in event["type"]
        ]
        assert _first_times(_types(again, "/events")) == _first_times(recorded)
        assert "target events" in faults


def _wait_for_positions(workspace: Workspace) -> None:
    """Wait until every target has its start, so that nothing is recorded before it."""
    leases = Application(workspace.home).relay_leases
    names = ("events", "core", "delivery", "chat", "others")
    _until(lambda: all(leases.read_position(name) is not None for name in names))


def _find_faults(url: str) -> str:
    parts = urlsplit(url)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=_LIMIT_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().read().decode()
    finally:
        connection.close()
