from __future__ import annotations

import pytest

from semantest_iac.domain.deployment.status import (
    ACTIVE_STATUSES,
    DEPLOYMENT_RESOLVED,
    TERMINAL_EVENT_TYPES,
    TERMINAL_STATUSES,
    TRANSITIONS,
    DeploymentStatus,
    find_next_status,
)
from semantest_iac.domain.errors import InvalidStateError

REQUESTED, STARTED, PLANNED = "deployment.requested", "deployment.started", "deployment.planned"
INTENDED, RESUMED = "journal.step.intended", "journal.run.resumed"
TO_APPLY = [REQUESTED, STARTED, PLANNED, f"{INTENDED}:apply"]
LIVES = {
    "a deploy": (
        [*TO_APPLY, "function.deployed", "updated", f"{INTENDED}:verify", "deployment.completed"],
        ["pending", "validating", "planned", *["in_progress"] * 3, "verifying", "completed"],
    ),
    "a deploy without change": (
        [REQUESTED, STARTED, PLANNED, "deployment.completed"],
        ["pending", "validating", "planned", "completed"],
    ),
    "a deploy that was approved": (
        [REQUESTED, STARTED, PLANNED, "approval.requested", "approval.granted", f"{INTENDED}:apply"],
        ["pending", "validating", "planned", "awaiting_approval", "planned", "in_progress"],
    ),
    "a deploy that was undone": (
        [*TO_APPLY, "update.failed", f"{INTENDED}:roll_back", "deployment.rolled_back"],
        ["pending", "validating", "planned", "in_progress", "in_progress", "rolling_back", "rolled_back"],
    ),
    "a deploy that could not be undone": (
        [*TO_APPLY, f"{INTENDED}:roll_back", "deployment.needs_operator"],
        ["pending", "validating", "planned", "in_progress", "rolling_back", "needs_operator"],
    ),
    "a deploy that was interrupted and carried out again": (
        [*TO_APPLY, RESUMED, f"{INTENDED}:validate", PLANNED, f"{INTENDED}:apply", "deployment.completed"],
        ["pending", "validating", "planned", "in_progress", *["validating"] * 2, "planned", "in_progress", "completed"],
    ),
    "a destroy that was interrupted and carried out again": (
        ["removal.requested", f"{INTENDED}:remove", RESUMED, f"{INTENDED}:remove", "removed"],
        ["pending", "in_progress", "validating", "in_progress", "completed"],
    ),
    "a deploy that an operator resolved": (
        [*TO_APPLY, "deployment.needs_operator", "deployment.resolved"],
        ["pending", "validating", "planned", "in_progress", "needs_operator", "needs_operator"],
    ),
    "a request that was overtaken": ([REQUESTED, "deployment.superseded"], ["pending", "superseded"]),
    "a deploy that waited for its approval and was overtaken": (
        [REQUESTED, STARTED, PLANNED, "approval.requested", "deployment.superseded"],
        ["pending", "validating", "planned", "awaiting_approval", "superseded"],
    ),
    "a destroy that was approved": (
        [
            "removal.requested",
            PLANNED,
            "approval.requested",
            "approval.granted",
            RESUMED,
            PLANNED,
            f"{INTENDED}:remove",
        ],
        ["pending", "planned", "awaiting_approval", "planned", "validating", "planned", "in_progress"],
    ),
    "a request that was refused": ([REQUESTED, "deployment.rejected"], ["pending", "rejected"]),
    "a request that was not accepted": (["deployment.rejected"], ["rejected"]),
    "a destroy": (
        ["removal.requested", f"{INTENDED}:remove", "journal.step.observed:remove", "removed"],
        ["pending", "in_progress", "in_progress", "completed"],
    ),
    "a destroy that failed": (
        ["removal.requested", f"{INTENDED}:remove", "removal.failed"],
        ["pending", "in_progress", "failed"],
    ),
}
ILLEGAL = {
    "an end before the request": ([], "deployment.completed"),
    "a second request": ([REQUESTED], REQUESTED),
    "completion without a plan": ([REQUESTED, STARTED], "deployment.completed"),
    "changes without a plan": ([REQUESTED, STARTED], f"{INTENDED}:apply"),
    "a step back": (TO_APPLY, PLANNED),
    "changes without the approval that was asked for": (
        [REQUESTED, STARTED, PLANNED, "approval.requested"],
        f"{INTENDED}:apply",
    ),
    "removal without the approval that was asked for": (
        ["removal.requested", PLANNED, "approval.requested"],
        f"{INTENDED}:remove",
    ),
    "resuming what was not started": ([REQUESTED], RESUMED),
    "resolving what needs no operator": ([*TO_APPLY, "deployment.failed"], "deployment.resolved"),
    "superseding what was started": ([REQUESTED, STARTED], "deployment.superseded"),
    "rejecting what was changed": (TO_APPLY, "deployment.rejected"),
    "completion while going back": ([*TO_APPLY, f"{INTENDED}:roll_back"], "deployment.completed"),
}

AFTER_THE_END = [
    (state, event)
    for state in sorted(TERMINAL_STATUSES)
    for event in [*TRANSITIONS, "infrastructure.function.deployed"]
    if (state, event) != (DeploymentStatus.NEEDS_OPERATOR, DEPLOYMENT_RESOLVED)
]


def _find_statuses(events: list[str]) -> list[DeploymentStatus]:
    """The states that a deployment goes through; `kind:step` is a journal entry about a step."""
    states: list[DeploymentStatus] = []
    for event in events:
        kind, _, step = event.partition(":")
        states.append(find_next_status(states[-1] if states else None, f"infrastructure.{kind}", step))
    return states


class TestFindNextStatus:
    @pytest.mark.parametrize(("events", "states"), LIVES.values(), ids=LIVES)
    def test_follows_every_legal_sequence(self, events: list[str], states: list[str]) -> None:
        assert _find_statuses(events) == states

    @pytest.mark.parametrize(("before", "event"), ILLEGAL.values(), ids=ILLEGAL)
    def test_refuses_illegal_transitions(self, before: list[str], event: str) -> None:
        with pytest.raises(InvalidStateError):
            _find_statuses([*before, event])

    @pytest.mark.parametrize(("state", "event"), AFTER_THE_END)
    def test_refuses_every_event_but_the_resolution_after_a_terminal_status(
        self, state: DeploymentStatus, event: str
    ) -> None:
        kind, _, step = event.partition(":")

        with pytest.raises(InvalidStateError, match=f"the deployment is {state}"):
            find_next_status(state, kind, step)

    @pytest.mark.parametrize("state", sorted(ACTIVE_STATUSES))
    def test_allows_every_active_deployment_to_fail_be_cancelled_or_need_an_operator(
        self, state: DeploymentStatus
    ) -> None:
        ends = [find_next_status(state, f"infrastructure.deployment.{end}") for end in ("failed", "cancelled")]

        assert ends == ["failed", "cancelled"]
        assert find_next_status(state, "infrastructure.deployment.needs_operator") == "needs_operator"


class TestTransitions:
    def test_use_published_event_types(self) -> None:
        from semantest_iac_events.catalogue import EVENT_TYPES

        kinds = {kind for kind in TRANSITIONS if not kind.startswith("infrastructure.journal.")}
        assert kinds - EVENT_TYPES.keys() == set()

    def test_have_one_end_for_a_deployment_that_is_resolved(self) -> None:
        ends = {kind for kind in TERMINAL_EVENT_TYPES if TRANSITIONS[kind][1] is DeploymentStatus.NEEDS_OPERATOR}

        assert ends == {"infrastructure.deployment.needs_operator"}
