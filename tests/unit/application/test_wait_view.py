"""What a waiting command says: for whom it waits, and how many come before it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from semantest_iac.application.message_bus import EventObservers
from semantest_iac.application.ports.run_queue import QueuedRun, RunHolder
from semantest_iac.application.request_runner import WaitView
from semantest_iac.application.run_follower import RunFollower
from semantest_iac.domain.ports.provisioner import ResourceProgress
from tests.fakes.memory_ledger import STACK, MemoryLedger

_OWN = QueuedRun(3, "own", STACK, "waiting", 0, 0, None, None, is_cancelled=False)
_RUNNING = replace(_OWN, position=1, deployment="d1", state="running", holder=RunHolder("w1", "host-1", 7))
_UNAPPROVED = replace(_RUNNING, state="parked", holder=None)
_SHARING = replace(_UNAPPROVED, deployment="d2")


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ([_RUNNING], "deployment d1 (pid 7 on host-1)"),
        ([_RUNNING, replace(_OWN, deployment="d2")], "deployment d1 (pid 7 on host-1), 1 more before this one"),
        ([replace(_RUNNING, state="retrying", holder=None)], "deployment d1 (which is tried again soon)"),
        ([replace(_RUNNING, state="checking")], "drift check d1 (pid 7 on host-1)"),
        ([_UNAPPROVED], "deployment d1 (which waits for a person: `semantest-iac approve d1`, or reject)"),
        ([_SHARING], "deployment d2 (which waits for a person: `semantest-iac promote d2`, or return)"),
    ],
    ids=["one", "two", "retrying", "drift check", "approval", "canary"],
)
def test_names_what_is_waited_for(before: list[QueuedRun], said: str) -> None:
    progress: list[ResourceProgress] = []
    view = WaitView(
        "own", progress.append, RunFollower(MemoryLedger(), EventObservers(), "own", 1), {"d1"}.__contains__
    )

    view.show([*before, _OWN])

    assert [(each.op, each.name) for each in progress] == [("wait", said)]
