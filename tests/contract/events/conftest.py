"""The generator of the contract, the files that it has written, and messages that the relay publishes."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.deployment.recorder import encode_event, find_stream
from semantest_iac.application.ports.ledger import RecordedEvent
from semantest_iac.application.queries.history import JOURNAL_PREFIX
from semantest_iac.application.relay.messages import (
    MessageRenderer,
    RenderForm,
    render_cloudevent,
    render_envelope,
    render_semantest,
)
from semantest_iac.application.relay.selection import PublishedSelection
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
from semantest_iac_events.catalogue import PUBLISHED_EVENTS
from tests.fakes.application import REST, InMemoryApp

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def generator() -> Any:
    """The tool as a module: it is a script and has no package."""
    spec = importlib.util.spec_from_file_location("event_contract", ROOT / "tools/generate_event_contract.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def published() -> dict[str, dict[str, Any]]:
    """Every generated JSON file by its path within `events/`."""
    folder = ROOT / "events"
    files = [*(folder / "schemas").rglob("*.json"), *folder.glob("conformance/*.json")]
    return {file.relative_to(folder).as_posix(): json.loads(file.read_text()) for file in files}


@pytest.fixture(scope="session")
def asyncapi_text() -> str:
    """The AsyncAPI document as it stands."""
    return (ROOT / "events/asyncapi.yaml").read_text()


_FORMS = (render_cloudevent, render_semantest, render_envelope)


@pytest.fixture(scope="module")
def sample_messages(generator: Any) -> list[tuple[str, bytes]]:
    """Every sample, in each form that has a schema here: its content type and its body."""
    samples = [generator.sample(event_type) for event_type in PUBLISHED_EVENTS]
    rows = [RecordedEvent(1, find_stream(it), 1, it.type_name, encode_event(it, str).json, "") for it in samples]
    return [_render(row, form) for row in rows for form in _FORMS]


@pytest.fixture(scope="module")
def published_messages() -> list[tuple[str, bytes]]:
    """What is published of deployments that end in every way, in each form that has a schema here."""
    app = InMemoryApp()
    asyncio.run(_deploy_in_every_way(app))
    rows = [row for row in app.ledger.recorded if not row.type.startswith(JOURNAL_PREFIX)]
    return [_render(row, form) for row in rows for form in _FORMS]


def _render(recorded: RecordedEvent, form: RenderForm) -> tuple[str, bytes]:
    message = MessageRenderer(PublishedSelection(), form).render(recorded)
    assert message is not None
    return message.content_type, message.body


async def _deploy_in_every_way(app: InMemoryApp) -> None:
    refused = ProviderError("Cannot deploy 'function': no quota.", "Quota", provider="aws", resource="urn:function")
    stuck = Stack("rest-api", "aws", "development", "eu-west-1")
    await app.deploy(memory=512, environment={"TOKEN": "${secrets.token}"})
    await app.deploy(memory=512, environment={"TOKEN": "${secrets.token}"})
    app.probe.answers = [503]
    await app.deploy(memory=1024)
    app.points.fail("preview", refused)
    await app.deploy(memory=1024)
    app.points.fail("apply:function", refused)
    app.points.fail("remove", refused, refused, refused, refused)
    await app.deploy(stuck)
    await app.use_cases.destroy(REST)
    states = {row.state for row in app.ledger.deployments()}
    assert states == {"completed", "rolled_back", "failed", "needs_operator"}
