"""The model of the nemesis finds what breaks a promise, planted into a history that breaks none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.application.ports.ledger import RecordedEvent
from tests.campaigns.nemesis_model import NemesisHistory, NemesisModel
from tests.campaigns.nemesis_plan import DEPLOY, NO_FAULT, STACKS, PlannedRequest
from tests.campaigns.queue_history import QueueChange

STACK = STACKS[0]


def an_event(position: int, kind: str, deployment: str, **data: Any) -> RecordedEvent:
    event = {"subject": str(STACK), "data": {"deployment_id": deployment, "requested_by": "", **data}}
    return RecordedEvent(position, str(STACK), position, f"infrastructure.{kind}", json.dumps(event), "")


def a_change(number: int, deployment: str, state: str, before: str, events: int, **given: Any) -> QueueChange:
    position = int(deployment[1:])
    fields: dict[str, Any] = {"priority": 0, "due": None, "replaces_waiting": 1, "attempts": 0, "fence": 0}
    fields |= {"fence_before": given.get("fence", 0), "worker": None, "is_cancelled": 0} | given
    return QueueChange(number, position, deployment, str(STACK), state, before, events=events, **fields)


def a_history() -> NemesisHistory:
    """Three requests of one source: the first is carried out, the second superseded by the third."""
    requests = [PlannedRequest(number, 0, STACK, DEPLOY, "v1", NO_FAULT, 1, sequence=number) for number in (1, 2, 3)]
    events = [
        an_event(1, "deployment.requested", "d1", requested_by="nemesis-1"),
        an_event(2, "deployment.requested", "d2", requested_by="nemesis-2"),
        an_event(3, "deployment.requested", "d3", requested_by="nemesis-3"),
        an_event(4, "deployment.superseded", "d2", successor="d3"),
        an_event(5, "deployment.completed", "d1"),
        an_event(6, "deployment.completed", "d3"),
    ]
    changes = [
        a_change(1, "d1", "waiting", "", 1),
        a_change(2, "d1", "running", "waiting", 1, fence=1, fence_before=0),
        a_change(3, "d2", "waiting", "", 2),
        a_change(4, "d2", "ended", "waiting", 3),
        a_change(5, "d3", "waiting", "", 4),
        a_change(6, "d1", "ended", "running", 5, fence=1),
        a_change(7, "d3", "running", "waiting", 5, fence=2, fence_before=0),
        a_change(8, "d3", "ended", "running", 6, fence=2),
    ]
    answers = [{"what": "answered", "number": number, "deployment": f"d{number}"} for number in (1, 2, 3)]
    work = [
        {"what": what, "at": at, "pid": pid, "stack": str(STACK), "deployment": name}
        for what, at, pid, name in (
            ("begin", 1, 7, "d1"),
            ("end", 2, 7, "d1"),
            ("begin", 3, 8, "d3"),
            ("end", 4, 8, "d3"),
        )
    ]
    return NemesisHistory({each.name: each for each in requests}, events, changes, answers, work, [])


def _without_end(history: NemesisHistory) -> NemesisHistory:
    return replace(history, events=history.events[:-1])


def _ended_twice(history: NemesisHistory) -> NemesisHistory:
    return replace(history, events=[*history.events, an_event(7, "deployment.failed", "d3", code="X")])


def _cancelled(history: NemesisHistory) -> NemesisHistory:
    return replace(history, events=[*history.events[:-1], an_event(6, "deployment.cancelled", "d3")])


def _failed(history: NemesisHistory) -> NemesisHistory:
    ended = an_event(6, "deployment.failed", "d3", code="VERIFICATION_FAILED", reason="It is unhealthy.")
    return replace(history, events=[*history.events[:-1], ended])


def _superseded_after_start(history: NemesisHistory) -> NemesisHistory:
    ended = an_event(5, "deployment.superseded", "d1", successor="d3")
    return replace(history, events=[*history.events[:4], ended, history.events[5]])


def _superseded_by_older(history: NemesisHistory) -> NemesisHistory:
    ended = an_event(4, "deployment.superseded", "d2", successor="d1")
    return replace(history, events=[*history.events[:3], ended, *history.events[4:]])


def _two_at_once(history: NemesisHistory) -> NemesisHistory:
    changes = list(history.changes)
    changes[5], changes[6] = changes[6], changes[5]
    return replace(history, changes=changes)


def _fence_again(history: NemesisHistory) -> NemesisHistory:
    changes = [replace(each, fence=1) if each.deployment == "d3" and each.fence else each for each in history.changes]
    return replace(history, changes=changes)


def _overtaken(history: NemesisHistory) -> NemesisHistory:
    waiting = a_change(9, "d0", "waiting", "", 0)
    return replace(history, changes=[waiting, *history.changes, a_change(10, "d0", "ended", "waiting", 6)])


def _left_too_early(history: NemesisHistory) -> NemesisHistory:
    changes = [replace(each, events=4) if each.number == 6 else each for each in history.changes]
    return replace(history, changes=changes)


def _never_left(history: NemesisHistory) -> NemesisHistory:
    return replace(history, changes=history.changes[:-1])


def _overlapping(history: NemesisHistory) -> NemesisHistory:
    work = [{**line, "at": 2.5} if line["what"] == "end" and line["pid"] == 7 else line for line in history.work]
    return replace(history, work=[{**line, "at": 2.2} if line["at"] == 3 else line for line in work])


def _killed_late(history: NemesisHistory) -> NemesisHistory:
    work = [line for line in history.work if (line["what"], line["pid"]) != ("end", 7)]
    return replace(history, work=work, kills=[(7, 3.5)])


def _gone_early(history: NemesisHistory) -> NemesisHistory:
    """A worker that ended itself, which was found later; its id was given to another process, which was killed."""
    work = [line for line in history.work if (line["what"], line["pid"]) != ("end", 7)]
    gone = {"what": "gone", "pid": 7, "at": 2.0}
    return replace(history, work=[*work, gone], kills=[(7, 3.5), (7, 9.0)])


def _told_two(history: NemesisHistory) -> NemesisHistory:
    return replace(history, answers=[*history.answers, {"what": "answered", "number": 1, "deployment": "d3"}])


def _told_unknown(history: NemesisHistory) -> NemesisHistory:
    return replace(history, answers=[{"what": "answered", "number": 1, "deployment": "d9"}])


def _stale_accepted(history: NemesisHistory) -> NemesisHistory:
    requests: Mapping[str, PlannedRequest] = history.requests
    older = replace(requests["nemesis-3"], sequence=0)
    return replace(history, requests={**requests, "nemesis-3": older})


def _refused_as_stale(history: NemesisHistory) -> NemesisHistory:
    line = {"what": "answered", "number": 3, "deployment": "d3", "refusal": "STALE_REQUEST", "refused_for": "d1"}
    return replace(history, answers=[line])


_PLANTED: Mapping[Callable[[NemesisHistory], NemesisHistory], str] = {
    _without_end: "d3 has 0 terminal events",
    _ended_twice: "d3 has 2 terminal events",
    _cancelled: "d3 was cancelled, and nobody asked for that",
    _failed: "d3, whose fault was 'none', ended as deployment.failed",
    _superseded_after_start: "d1 had started and was superseded",
    _superseded_by_older: "d2 was superseded by d1, which did not come after it",
    _two_at_once: "d3 was claimed while d1 had not ended",
    _fence_again: "d3 was claimed with the fence 1 after 1",
    _overtaken: "d1 was claimed before d0",
    _left_too_early: "d1 left the queue before its terminal event",
    _never_left: "d3 is still carried out",
    _overlapping: "was changed by d1 in 7 and d3 in 8 at once",
    _killed_late: "was changed by d1 in 7 and d3 in 8 at once",
    _told_two: "event 1 became ['d1', 'd3']",
    _told_unknown: "request 1 was told d9, which is not in the ledger",
    _stale_accepted: "d3 with sequence 0 was accepted after 2",
    _refused_as_stale: "request 3 was refused as older than d1, which is not newer",
}


class TestModel:
    def test_finds_nothing_where_nothing_is_broken(self) -> None:
        assert NemesisModel(a_history()).check() == []

    def test_takes_what_a_process_writes_of_its_end_for_the_end_of_its_work(self) -> None:
        assert NemesisModel(_gone_early(a_history())).check() == []

    @pytest.mark.parametrize("plant", _PLANTED, ids=[plant.__name__ for plant in _PLANTED])
    def test_finds_each_broken_promise(self, plant: Callable[[NemesisHistory], NemesisHistory]) -> None:
        violations = NemesisModel(plant(a_history())).check()

        assert [each for each in violations if _PLANTED[plant] in each], violations
