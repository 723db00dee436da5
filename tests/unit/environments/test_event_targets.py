"""What the configuration refuses of targets of events, so that none of them publishes nothing for good."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.domain.environments.event_sections import EventTargetSection, find_event_faults
from semantest_iac_events.catalogue import EVENT_TYPES

_URLS: dict[str, dict[str, str]] = {
    "files": {"folder": "events"},
    **{name: {"url": "https://example.com"} for name in ("nats", "websocket", "webhook")},
}


def _find(type_: str, **settings: Any) -> list[tuple[str, str]]:
    section = EventTargetSection.model_validate({"type": type_, **_URLS[type_], **settings})
    return [(fault.path, fault.message) for fault in find_event_faults({}, {"one": section}, {})]


class TestForms:
    @pytest.mark.parametrize("form", ["slack", "teams"])
    def test_of_chats_are_for_webhooks(self, form: str) -> None:
        assert _find("webhook", form=form) == []
        assert _find("nats", form=form) == [("event_targets.one.form", f"nats takes no messages of {form}")]

    @pytest.mark.parametrize("form", ["cloudevents", "cdevents"])
    def test_of_semantest_s_server_are_its_own(self, form: str) -> None:
        message = "Semantest's server takes the form semantest alone"

        assert _find("websocket", form=form) == [("event_targets.one.form", message)]
        assert _find("websocket") == _find("websocket", form="semantest") == []

    @pytest.mark.parametrize("form", ["semantest", "cloudevents", "cdevents"])
    def test_of_events_are_for_all_others(self, form: str) -> None:
        assert _find("files", form=form) == _find("nats", form=form) == _find("webhook", form=form) == []


class TestTypes:
    @pytest.mark.parametrize("pattern", ["*", "infrastructure.deployment.*", "*.failed", *EVENT_TYPES])
    def test_of_published_events_are_accepted(self, pattern: str) -> None:
        assert _find("files", events=[pattern]) == []

    @pytest.mark.parametrize(
        "pattern", ["infrastructure.deploymnt.*", "infrastructure.journal.*", "infrastructure.deployment", "", "[a-z]*"]
    )
    def test_that_no_event_has_are_refused(self, pattern: str) -> None:
        assert _find("files", events=[pattern, "*"]) == [
            ("event_targets.one.events", f"'{pattern}' is no type of an event")
        ]
