"""Renders what people are told, for the incoming webhooks of Slack and the workflow webhooks of Microsoft Teams.

Slack: https://docs.slack.dev/reference/block-kit/composition-objects/text-object (plain text is not formatted; `&`, `<`
and `>` are escaped in every text). Teams: https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards,
where the runs of a RichTextBlock are no Markdown, unlike a TextBlock or a Fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semantest_iac.application.relay.messages import FormedMessage, RelayedEvent
from semantest_iac.infrastructure.transports.chat.summary import ChatSummary, Tone, summarize_event

_SLACK_HEADER = 150
_SLACK_TEXT = 3000
_SLACK_MARKS: Mapping[Tone, str] = {"good": "✅", "bad": "❌", "waiting": "⏳", "neutral": "ℹ️"}
_CARD_COLORS: Mapping[Tone, str] = {"good": "good", "bad": "attention", "waiting": "warning", "neutral": "default"}
_CARD_TYPE = "application/vnd.microsoft.card.adaptive"
_CARD_SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"


def render_slack(event: RelayedEvent) -> FormedMessage | None:
    """Return the message for Slack; None for an event that people are not told of."""
    summary = summarize_event(event.read())
    return FormedMessage(event.recorded.type, _build_slack_message(summary)) if summary else None


def render_teams(event: RelayedEvent) -> FormedMessage | None:
    """Return the Adaptive Card for Teams; None for an event that people are not told of."""
    summary = summarize_event(event.read())
    return FormedMessage(event.recorded.type, _build_card_message(summary)) if summary else None


def _build_slack_message(summary: ChatSummary) -> dict[str, Any]:
    """Return plain text throughout; `text` is what notifications show."""
    title = f"{_SLACK_MARKS[summary.tone]} {summary.title}"
    lines = [f"{label}: {value}" for label, value in summary.facts]
    blocks = [{"type": "header", "text": _plain(title, _SLACK_HEADER)}]
    blocks += [{"type": "section", "text": _plain(line, _SLACK_TEXT)} for line in lines]
    return {"text": _escape(title, _SLACK_TEXT), "mrkdwn": False, "blocks": blocks}


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": _escape(text, limit), "emoji": False}


def _escape(text: str, limit: int) -> str:
    """Return the text with Slack's control characters escaped, cut between characters."""
    escaped = [{"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(char, char) for char in text]
    while sum(map(len, escaped)) > limit:
        escaped[-2:] = ["…"]
    return "".join(escaped)


def _build_card_message(summary: ChatSummary) -> dict[str, Any]:
    title = _run(summary.title, weight="bolder", size="large", color=_CARD_COLORS[summary.tone])
    facts = [_block(_run(f"{label}: ", weight="bolder"), _run(value)) for label, value in summary.facts]
    card = {
        "$schema": _CARD_SCHEMA,
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [_block(title), *facts],
        "msteams": {"width": "Full"},
    }
    return {"type": "message", "attachments": [{"contentType": _CARD_TYPE, "contentUrl": None, "content": card}]}


def _block(*runs: dict[str, str]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str, **style: str) -> dict[str, str]:
    return {"type": "TextRun", "text": text, **style}
