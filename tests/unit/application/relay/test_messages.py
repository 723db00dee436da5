"""What a target gets of the ledger, in each form, and without a secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.application.ports.event_transports import PublishedMessage
from semantest_iac.application.ports.ledger import RecordedEvent
from semantest_iac.application.relay.messages import (
    MessageRenderer,
    RenderForm,
    UnreadableEventError,
    build_dead_letter,
    render_cloudevent,
    render_envelope,
    render_semantest,
    restore_message,
)
from semantest_iac.application.relay.selection import PublishedSelection, select_for_target
from semantest_iac.domain.environments.event_sections import EventTargetSection
from semantest_iac.domain.errors import NotFoundError
from semantest_iac_events.deployments import DeploymentCompleted, DeploymentFailed, DeploymentRequested
from semantest_iac_events.event import Event
from semantest_iac_events.forms.cloudevents import from_cloudevent
from semantest_iac_events.forms.semantest import from_semantest
from semantest_iac_events.infrastructure import EnvironmentConfigured
from semantest_iac_events.triggers import ServiceDeploymentNeeded
from tests.fakes.event_target import MemoryDeadLetters
from tests.unit.application.relay.conftest import Outbox

MakeRequest = Callable[..., DeploymentRequested]
SECRET = "hunter2-canary"


def _render(
    outbox: Outbox, render: RenderForm = render_cloudevent, selection: PublishedSelection | None = None
) -> list[PublishedMessage]:
    renderer = MessageRenderer(selection or PublishedSelection(), render, lambda text: text.replace(SECRET, "***"))
    return [message for row in outbox.ledger.recorded if (message := renderer.render(row))]


def _select(**settings: Any) -> PublishedSelection:
    return select_for_target(EventTargetSection(type="files", folder="events", **settings))


class TestForms:
    async def test_of_cloudevents_is_what_was_recorded(self, outbox: Outbox, make_request: MakeRequest) -> None:
        request = make_request()
        await outbox.record(request)

        [message] = _render(outbox)

        form = json.loads(message.body)
        assert from_cloudevent(form) == request
        assert (message.id, message.type, message.key) == (str(request.id), request.type_name, request.stack)
        assert (form["sequence"], message.content_type) == ("0" * 18 + "1", "application/cloudevents+json")

    @pytest.mark.parametrize("render", [render_semantest, render_envelope])
    async def test_of_semantest_can_be_read_back(
        self, outbox: Outbox, make_request: MakeRequest, render: RenderForm
    ) -> None:
        request = make_request(configuration={"components": {"rest-api": {"memory": 512}}})
        await outbox.record(request)

        [message] = _render(outbox, render)

        assert from_semantest(json.loads(message.body)) == request
        assert message.content_type == "application/json"

    async def test_of_semantest_knows_failures_alone(self, outbox: Outbox, make_request: MakeRequest) -> None:
        request = make_request()
        place = {name: getattr(request, name) for name in ("component", "provider", "environment", "region")}
        failed = DeploymentFailed(**place, deployment_id="d1", code="X", reason="é\u2028")
        await outbox.record(failed)

        [message] = _render(outbox, render_semantest)

        assert (message.type, json.loads(message.body)["payload"]["reason"]) == (failed.type_name, "é\u2028")


class TestSecrets:
    async def test_are_in_no_message(self, outbox: Outbox, make_request: MakeRequest) -> None:
        plain = {"components": {"rest-api": {"environment": {"A": f"x{SECRET}", "B": "${secrets.token}"}}}}
        await outbox.record(make_request(configuration=plain))
        assert SECRET in outbox.ledger.recorded[0].json, "a rollback needs it there"

        for render in (render_cloudevent, render_semantest, render_envelope):
            [message] = _render(outbox, render)
            assert SECRET.encode() not in message.body
            assert b"${secrets.token}" in message.body

    @pytest.mark.parametrize("text", [f'["{SECRET}"]', json.dumps({"id": "1", "data": {"x": SECRET}}), SECRET])
    def test_are_in_no_message_of_a_damaged_event(self, text: str) -> None:
        recorded = RecordedEvent(1, "s", 1, "infrastructure.updated", text, "")
        renderer = MessageRenderer(PublishedSelection(), render_semantest, lambda text: text.replace(SECRET, "***"))

        with pytest.raises(UnreadableEventError) as refused:
            renderer.render(recorded)

        assert SECRET.encode() not in refused.value.unformed.body
        assert SECRET not in refused.value.reason


class TestSelection:
    @pytest.fixture
    async def selected(
        self, outbox: Outbox, make_request: MakeRequest, complete: Callable[..., DeploymentCompleted]
    ) -> Callable[..., list[str]]:
        """Records some events, and tells which of them settings select."""
        events: dict[str, Event] = {
            "rest": (rest := make_request()),
            "rest-done": complete(rest),
            "websocket": make_request("websocket", environment="production", provider="azure", region="eastus"),
            "environment": EnvironmentConfigured(environment="staging", provider="aws", region="us-east-1"),
            "needed": ServiceDeploymentNeeded(service_type="rest-api"),
        }
        await outbox.record(*events.values())
        names = {str(event.id): name for name, event in events.items()}
        return lambda **settings: [names[it.id] for it in _render(outbox, selection=_select(**settings))]

    async def test_is_everything_by_default(self, selected: Callable[..., list[str]]) -> None:
        assert selected() == ["rest", "rest-done", "websocket", "environment", "needed"]

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({"events": ["infrastructure.deployment.*"]}, ["rest", "rest-done", "websocket"]),
            ({"events": ["*.completed", "semantest.*"]}, ["rest-done", "needed"]),
            ({"events": ["infrastructure.deployment.requested"]}, ["rest", "websocket"]),
            ({"events": ["infrastructure.deployment"]}, []),
            ({"events": ["infrastructure?deployment.*"]}, []),
            ({"components": ["Rest-API"]}, ["rest", "rest-done"]),
            ({"environments": ["prod", "stage"]}, ["websocket", "environment"]),
            ({"providers": ["AZURE"]}, ["websocket"]),
            ({"events": ["*"], "components": ["websocket"], "environments": ["dev"]}, []),
        ],
    )
    async def test_is_what_fits_all_settings(
        self, selected: Callable[..., list[str]], settings: dict[str, Any], expected: list[str]
    ) -> None:
        assert selected(**settings) == expected


class TestDeadLetters:
    async def test_give_the_message_back(self, outbox: Outbox, make_request: MakeRequest) -> None:
        await outbox.record(make_request())
        [message] = _render(outbox)

        letter = build_dead_letter("nats", message, "CODE", "reason", "event 1", 5.0)
        again = build_dead_letter("nats", message, "CODE", "reason", "event 1", 6.0)

        assert restore_message(letter) == message
        assert letter.id == again.id

    async def test_of_sources_are_no_messages(self, outbox: Outbox, make_request: MakeRequest) -> None:
        await outbox.record(make_request())
        [message] = _render(outbox)
        letters = MemoryDeadLetters()
        letter = build_dead_letter("nats", message, "CODE", "reason", "event 1", 5.0)
        await letters.add(letter)

        with pytest.raises(NotFoundError, match="it holds no message of a target"):
            restore_message(replace(letters.get(letter.id), headers={"content-type": "application/json"}))
