"""The requests that a process leaves without an answer."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from semantest_iac.infrastructure.pythoneda_bridge.messages import ReceivedRequest
from semantest_iac.infrastructure.pythoneda_bridge.unanswered_requests import UnansweredRequests

REQUEST = ReceivedRequest("update", "../r", "aws-dev", "p", "us-east-1", ("c",), metadata={"password": "hunter2"})


@pytest.fixture
def unanswered(home: Path) -> UnansweredRequests:
    return UnansweredRequests(home, "app")


class TestUnansweredRequests:
    def test_are_none_at_first(self, unanswered: UnansweredRequests, home: Path) -> None:
        assert (list(unanswered.list_all()), home.exists()) == ([], False)

    def test_are_there_for_the_next_process(self, unanswered: UnansweredRequests, home: Path) -> None:
        unanswered.note(REQUEST)

        [found] = UnansweredRequests(home, "app").list_all()

        assert (found.wanted, found.id, found.stack_name, found.causes) == ("update", "../r", "aws-dev", ("c",))
        assert list(UnansweredRequests(home, "other").list_all()) == []

    def test_hold_no_metadata(self, unanswered: UnansweredRequests, home: Path) -> None:
        unanswered.note(REQUEST)

        texts = [path.read_text() for path in home.rglob("*.json")]

        assert len(texts) == 1
        assert "hunter2" not in texts[0]

    def test_are_forgotten_once_answered(self, unanswered: UnansweredRequests) -> None:
        unanswered.note(REQUEST)
        unanswered.forget(REQUEST.id)
        unanswered.forget(REQUEST.id)

        assert list(unanswered.list_all()) == []

    def test_are_read_past_a_damaged_one(
        self, unanswered: UnansweredRequests, home: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        unanswered.note(REQUEST)
        [path] = home.rglob("*.json")
        for name, text in {
            "a.json": "no json",
            "b.json": "{}",
            "c.json": path.read_text().replace("update", "x"),
        }.items():
            path.with_name(name).write_text(text)

        with caplog.at_level(logging.WARNING):
            found = list(unanswered.list_all())

        assert [request.id for request in found] == ["../r"]
        assert len(caplog.records) == 3
