"""Our own events come back where a source and a target are on the same broker: they start nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import pytest

from semantest_iac.application.ports.event_transports import PublishedMessage, ReceivedMessage
from semantest_iac.application.relay.messages import (
    MessageRenderer,
    RenderForm,
    render_cloudevent,
    render_envelope,
    render_semantest,
)
from semantest_iac.application.relay.relay import Relay, RelaySettings
from semantest_iac.application.relay.selection import PublishedSelection
from semantest_iac.application.relay.service_outcomes import build_cdevents_renderer
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.presentation.subscribers.subscriber import EventSubscriber
from tests.fakes.event_target import FakeEventTarget

_STACK = Stack("rest-api", "aws", "development", "us-east-1")
SECRET = "a-value-that-is-secret"
Return = Callable[[PublishedMessage], ReceivedMessage]
_NUMBERS = count(1)


def _as_published(message: PublishedMessage) -> ReceivedMessage:
    return ReceivedMessage("broker", message.body, {**message.headers, "content-type": message.content_type})


def _as_stored(message: PublishedMessage) -> ReceivedMessage:
    """As Semantest's server gives it back: with an id of its own, and with the payload and some of the metadata."""
    form, number = json.loads(message.body), next(_NUMBERS)
    metadata = {"correlationId": form["correlationId"], "causationId": None, "userId": "system"}
    event = {
        "eventId": f"evt_{number}",
        "aggregateId": form["aggregateId"],
        "eventType": form["eventType"],
        "eventVersion": 1,
        "payload": form["payload"],
        "metadata": {**metadata, "timestamp": form["metadata"]["timestamp"], "sequenceNumber": number},
    }
    envelope = {"event": event, "streamPosition": 0, "globalPosition": number}
    return ReceivedMessage("broker", json.dumps({"type": "event", "envelope": envelope}).encode())


_WAYS: Mapping[str, tuple[Callable[[Application], RenderForm], Return]] = {
    "cloudevents": (lambda _: render_cloudevent, _as_published),
    "semantest": (lambda _: render_semantest, _as_published),
    "envelope": (lambda _: render_envelope, _as_published),
    "stored": (lambda _: render_envelope, _as_stored),
    "cdevents": (lambda application: build_cdevents_renderer(application.ledger), _as_published),
}


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    monkeypatch.chdir(tmp_path)
    setting = f'{{PLAIN: "{SECRET}", TOKEN: "${{secrets.token}}"}}'
    text = f"components: {{rest-api: {{environment: {setting}}}}}\n"
    (tmp_path / "semantest.yaml").write_text(text, encoding="utf-8")
    (tmp_path / ".env").write_text(f"SEMANTEST_SECRET_TOKEN={SECRET}\n", encoding="utf-8")
    return Application(tmp_path / ".semantest")


def _needed(number: int) -> ReceivedMessage:
    form = {"eventId": f"evt_{number}", "eventType": "ServiceDeploymentNeeded", "aggregateId": "rest-api"}
    more = {"correlationId": f"c{number}", "payload": {"serviceType": "rest-api"}, "timestamp": "2026-01-01T00:00:00Z"}
    return ReceivedMessage("core", json.dumps(form | more).encode())


@pytest.mark.parametrize("way", _WAYS)
async def test_start_nothing(application: Application, way: str) -> None:
    choose_render, give_back = _WAYS[way]
    variables = application.folder_variables
    redact = application.redactor(variables)
    bus = application.event_bus(variables)
    subscriber = EventSubscriber(bus, application.dead_letters, redact)
    await subscriber.take(_needed(1))
    await application.worker(variables).run_until_idle()
    await application.deployments(variables).destroy(_STACK)
    before = application.ledger.head().position

    published = await _publish_all(application, choose_render(application), redact)
    assert published
    for message in published:
        await subscriber.take(give_back(message))

    recorded = [row.type for row in application.ledger.log()]
    assert len(recorded) == before
    assert [recorded.count(f"infrastructure.{kind}.requested") for kind in ("deployment", "removal")] == [1, 1]
    assert [run.state for run in application.run_queue.list_runs()] == []
    assert {outcome for (source, outcome), _ in bus.counts.items() if source == "broker"} <= {"duplicate", "skipped"}
    assert application.dead_letters.list() == []
    assert not [message for message in published if SECRET.encode() in message.body]


async def _publish_all(
    application: Application, render: RenderForm, redact: Callable[[str], str]
) -> list[PublishedMessage]:
    target, stopped = FakeEventTarget(), asyncio.Event()
    leases, renderer = application.relay_leases, MessageRenderer(PublishedSelection(), render, redact)
    expected = [row for row in application.ledger.log() if renderer.render(row)]
    relay = Relay(
        target,
        application.ledger,
        leases,
        application.dead_letters,
        renderer,
        "worker",
        RelaySettings(from_start=True),
    )
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(relay.serve(stopped))
        await target.wait_for(len(expected))
        stopped.set()
    return target.taken
