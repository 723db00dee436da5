"""The life of one deployment: its states, and the recorded events that move it between them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from semantest_iac.domain.errors import InvalidStateError


class DeploymentState(StrEnum):
    """Where a deployment is; the values are part of the `--json` contract."""

    PENDING = "pending"
    VALIDATING = "validating"
    PLANNED = "planned"
    AWAITING_APPROVAL = "awaiting_approval"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    ROLLING_BACK = "rolling_back"
    COMPLETED = "completed"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    NEEDS_OPERATOR = "needs_operator"


S = DeploymentState

TERMINAL = frozenset({S.COMPLETED, S.FAILED, S.ROLLED_BACK, S.SUPERSEDED, S.REJECTED, S.CANCELLED, S.NEEDS_OPERATOR})
LIVE = frozenset(DeploymentState) - TERMINAL
UNTOUCHED = frozenset({S.PENDING, S.VALIDATING, S.PLANNED, S.AWAITING_APPROVAL})  # nothing was changed yet
CHANGING = LIVE - UNTOUCHED

STEP_INTENDED = "infrastructure.journal.step.intended"

# The requests that open a deployment, and what they ask for.
OPENING: Mapping[str, str] = {
    "infrastructure.deployment.requested": "deploy",
    "infrastructure.removal.requested": "destroy",
}

# Wire type -> (the states it may meet, the state it leads to). A journal entry moves a deployment by
# the step that it names. Types that are not here (a function was deployed, a step was observed) tell
# of progress inside a state and leave it as it is.
TRANSITIONS: Mapping[str, tuple[frozenset[DeploymentState], DeploymentState]] = {
    "infrastructure.deployment.started": (frozenset({S.PENDING}), S.VALIDATING),
    "infrastructure.deployment.planned": (frozenset({S.PENDING, S.VALIDATING}), S.PLANNED),
    "infrastructure.approval.requested": (frozenset({S.PLANNED}), S.AWAITING_APPROVAL),
    f"{STEP_INTENDED}:apply": (frozenset({S.PLANNED, S.AWAITING_APPROVAL}), S.IN_PROGRESS),
    f"{STEP_INTENDED}:remove": (UNTOUCHED, S.IN_PROGRESS),
    f"{STEP_INTENDED}:verify": (frozenset({S.IN_PROGRESS}), S.VERIFYING),
    f"{STEP_INTENDED}:roll_back": (CHANGING, S.ROLLING_BACK),
    "infrastructure.deployment.completed": (
        frozenset({S.PLANNED, S.IN_PROGRESS, S.VERIFYING}),
        S.COMPLETED,
    ),
    "infrastructure.deployment.failed": (LIVE, S.FAILED),
    "infrastructure.deployment.rolled_back": (CHANGING, S.ROLLED_BACK),
    "infrastructure.deployment.needs_operator": (LIVE, S.NEEDS_OPERATOR),
    "infrastructure.deployment.cancelled": (LIVE, S.CANCELLED),
    "infrastructure.deployment.rejected": (UNTOUCHED, S.REJECTED),
    "infrastructure.deployment.superseded": (frozenset({S.PENDING}), S.SUPERSEDED),
    "infrastructure.removed": (LIVE - {S.ROLLING_BACK}, S.COMPLETED),
    "infrastructure.removal.failed": (LIVE, S.FAILED),
}


def next_state(state: DeploymentState | None, event_type: str, step: str = "") -> DeploymentState:
    """The state after an event; None is the state before the request. Raises InvalidStateError.

    `step` is the step that a journal entry names. A terminal state is left by nothing.
    """
    if state is None:
        return _opened_by(event_type)
    key = f"{event_type}:{step}" if step else event_type
    allowed, target = TRANSITIONS.get(key, (LIVE, state))
    if state not in allowed or event_type in OPENING:
        raise InvalidStateError(f"Cannot record event '{key}': the deployment is {state}.")
    return target


def _opened_by(event_type: str) -> DeploymentState:
    if event_type in OPENING:
        return DeploymentState.PENDING
    raise InvalidStateError(f"Cannot record event '{event_type}': the deployment was never requested.")
