"""The requests that a process leaves without an answer."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from semantest_iac.infrastructure import file_locks
from semantest_iac.infrastructure.pythoneda_bridge.messages import ReceivedRequest
from semantest_iac.infrastructure.pythoneda_bridge.unanswered_requests import UnansweredRequests

REQUEST = ReceivedRequest("update", "../r", "aws-dev", "p", "us-east-1", ("c",), metadata={"password": "hunter2"})


def list_files(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("*") if path.is_file())


class TestRequestsOfAProcessThatEnds:
    def test_are_none_at_first(self, unanswered: UnansweredRequests, home: Path) -> None:
        assert (list(unanswered.take_over()), home.exists()) == ([], False)

    def test_are_taken_over_by_another_one(self, unanswered: UnansweredRequests, home: Path) -> None:
        unanswered.note(REQUEST)
        unanswered.close()

        [found] = UnansweredRequests(home, "app").take_over()

        assert (found.wanted, found.id, found.stack_name, found.causes) == ("update", "../r", "aws-dev", ("c",))

    def test_are_taken_over_once(self, unanswered: UnansweredRequests, home: Path) -> None:
        unanswered.note(REQUEST)
        unanswered.close()
        first, second = UnansweredRequests(home, "app"), UnansweredRequests(home, "app")

        taken = [len(list(one.take_over())) for one in (first, second, first)]

        assert taken == [1, 0, 1]

    def test_are_those_of_one_application(self, unanswered: UnansweredRequests, home: Path) -> None:
        unanswered.note(REQUEST)
        unanswered.close()

        assert list(UnansweredRequests(home, "other").take_over()) == []

    def test_are_read_past_a_damaged_one(
        self, unanswered: UnansweredRequests, home: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        unanswered.note(REQUEST)
        unanswered.close()
        [path] = home.rglob("*.json")
        damaged = {"a.json": "no json", "b.json": "{}", "c.json": path.read_text().replace("update", "x")}
        for name, text in damaged.items():
            path.with_name(name).write_text(text)

        with caplog.at_level(logging.WARNING):
            found = list(UnansweredRequests(home, "app").take_over())

        assert [request.id for request in found] == ["../r"]
        assert len(caplog.records) == 3


class TestRequestsOfALivingProcess:
    def test_are_its_own(self, unanswered: UnansweredRequests, home: Path) -> None:
        unanswered.note(REQUEST)

        assert list(UnansweredRequests(home, "app").take_over()) == []
        assert list(unanswered.take_over()) == []

    def test_hold_no_metadata(self, unanswered: UnansweredRequests, home: Path) -> None:
        unanswered.note(REQUEST)

        texts = [path.read_text() for path in home.rglob("*.json")]

        assert len(texts) == 1
        assert "hunter2" not in texts[0]

    def test_are_refused_where_nothing_can_be_locked(
        self, unanswered: UnansweredRequests, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(descriptor: int, kind: int) -> bool:
            raise OSError("no locks")

        monkeypatch.setattr(file_locks, "_try_flock", fail)

        with pytest.raises(OSError, match="No locks available"):
            unanswered.note(REQUEST)


class TestAnsweredRequests:
    def test_are_forgotten(self, unanswered: UnansweredRequests, home: Path) -> None:
        unanswered.note(REQUEST)
        unanswered.forget(REQUEST.id)
        unanswered.forget(REQUEST.id)
        unanswered.close()

        assert list_files(home) == []
        assert list(UnansweredRequests(home, "app").take_over()) == []

    def test_of_another_process_leave_nothing_behind(self, unanswered: UnansweredRequests, home: Path) -> None:
        unanswered.note(REQUEST)
        unanswered.close()
        following = UnansweredRequests(home, "app")
        [taken] = following.take_over()

        following.forget(taken.id)

        assert list_files(home) == []
