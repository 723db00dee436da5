"""What people are told in Slack and Teams, where no text of an event may become markup."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from semantest_iac.application.ports.ledger import RecordedEvent
from semantest_iac.application.relay.messages import FormedMessage, RelayedEvent, RenderForm
from semantest_iac.infrastructure.transports.chat.messages import render_slack, render_teams
from semantest_iac_events.catalogue import PUBLISHED_EVENTS
from semantest_iac_events.event import Event
from semantest_iac_events.forms.cloudevents import to_cloudevent
from tools.generate_event_contract import sample

TOLD = {
    "DeploymentCompleted", "DeploymentFailed", "DeploymentRolledBack", "DeploymentCancelled", "DeploymentSuperseded",
    "DeploymentRejected", "DeploymentNeedsOperator", "DeploymentResolved", "ApprovalRequested", "DeploymentApproved",
    "DeploymentDisapproved", "InfrastructureRemoved", "InfrastructureRemovalFailed", "DriftDetected", "TrafficShifted",
}  # fmt: skip
HOSTILE = [
    "<!channel> <@U123> <https://evil.example|click>",
    "*bold* _it_ ~no~ `code` [link](https://evil.example) # title",
    "a & b &lt;!here&gt;",
    "{{DATE(2017-02-14T06:08:39Z,SHORT)}} <at>Ana</at>",
    "line\nline\r\u2028\x1b[2J\u202e",
    "&" * 5000,
    "😀" * 5000,
]
_SENT = {render_slack: "slack", render_teams: "teams"}


def _render(event: Event, render: RenderForm) -> FormedMessage | None:
    return render(RelayedEvent(RecordedEvent(1, "s", 1, event.type_name, "", ""), to_cloudevent(event)))


def _failed(reason: str) -> Event:
    kind = next(kind for kind in PUBLISHED_EVENTS if kind.__name__ == "DeploymentFailed")
    name = "".join(filter(str.isprintable, reason))[:200]
    return sample(kind).model_copy(update={"reason": reason, "hint": reason, "resource": reason, "component": name})


def _texts(body: Any) -> Iterator[dict[str, Any]]:
    """Every object with a text, wherever it is."""
    if isinstance(body, dict):
        if "text" in body and isinstance(body["text"], str):
            yield body
        for value in body.values():
            yield from _texts(value)
    elif isinstance(body, list):
        for value in body:
            yield from _texts(value)


@pytest.mark.parametrize("render", _SENT, ids=_SENT.values())
class TestEvents:
    def test_that_people_wait_for_are_told(self, render: RenderForm) -> None:
        assert {kind.__name__ for kind in PUBLISHED_EVENTS if _render(sample(kind), render)} == TOLD

    def test_are_told_with_what_is_to_be_done(self, render: RenderForm) -> None:
        kinds = {kind.__name__: kind for kind in PUBLISHED_EVENTS}
        message = _render(sample(kinds["DeploymentNeedsOperator"]), render)

        assert message is not None
        text = " ".join(it["text"] for it in _texts(message.body))
        for part in ("rest-api in development needs an operator", "rest-api.aws.development.us-east-1", "resolve"):
            assert part in text

    @pytest.mark.parametrize(
        ("weight", "title"),
        [
            (0, "All traffic of rest-api goes back to the version before in development"),
            (10, "10 % of the traffic goes to the new version of rest-api in development"),
            (100, "All traffic goes to the new version of rest-api in development"),
        ],
    )
    def test_are_told_with_the_share_of_a_new_version(self, render: RenderForm, weight: int, title: str) -> None:
        kinds = {kind.__name__: kind for kind in PUBLISHED_EVENTS}
        shifted = sample(kinds["TrafficShifted"]).model_copy(update={"weight": weight, "reasons": ("120 requests",)})
        message = _render(shifted, render)

        assert message is not None
        text = " ".join(it["text"] for it in _texts(message.body))
        assert title in text
        assert "120 requests" in text

    def test_are_told_with_how_to_approve_them(self, render: RenderForm) -> None:
        kinds = {kind.__name__: kind for kind in PUBLISHED_EVENTS}
        asked = sample(kinds["ApprovalRequested"])
        message = _render(asked, render)

        assert message is not None
        text = " ".join(it["text"] for it in _texts(message.body))
        for part in (
            "15 to create",
            "2026-01-08T09:00:00Z",
            "ana; ben",
            f"semantest-iac approve {getattr(asked, 'deployment_id', '')}",
        ):
            assert part in text

    def test_are_told_with_their_changes(self, render: RenderForm) -> None:
        kinds = {kind.__name__: kind for kind in PUBLISHED_EVENTS}
        message = _render(sample(kinds["DeploymentCompleted"]), render)

        assert message is not None
        text = " ".join(it["text"] for it in _texts(message.body))
        assert "rest-api is deployed to development" in text
        assert "15 created, 1 updated, 1 replaced, 2 unchanged" in text
        assert "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com" in text

    @pytest.mark.parametrize("hostile", HOSTILE)
    def test_are_small_and_on_lines_of_their_own(self, render: RenderForm, hostile: str) -> None:
        message = _render(_failed(hostile), render)

        assert message is not None
        assert len(json.dumps(message.body, ensure_ascii=False).encode()) < 28 * 1024
        assert all(it["text"].isprintable() for it in _texts(message.body))


@pytest.mark.parametrize("hostile", HOSTILE)
class TestMarkup:
    def test_of_slack_is_nowhere(self, hostile: str) -> None:
        message = _render(_failed(hostile), render_slack)

        assert message is not None
        assert message.body["mrkdwn"] is False
        for part in _texts(message.body):
            assert part.get("type", "plain_text") == "plain_text"
            assert not {"<", ">"} & set(part["text"])
            assert all(it.startswith(("amp;", "lt;", "gt;")) for it in part["text"].split("&")[1:])
            assert len(part["text"]) <= 3000
        [header, *_] = message.body["blocks"]
        assert len(header["text"]["text"]) <= 150 and len(message.body["blocks"]) <= 50

    def test_of_teams_is_nowhere(self, hostile: str) -> None:
        message = _render(_failed(hostile), render_teams)

        assert message is not None
        [attachment] = message.body["attachments"]
        assert "entities" not in attachment["content"]["msteams"]
        assert {block["type"] for block in attachment["content"]["body"]} == {"RichTextBlock"}
        assert {part["type"] for part in _texts(message.body)} == {"TextRun"}
