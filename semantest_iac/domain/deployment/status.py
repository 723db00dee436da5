"""The statuses of a deployment and the events that change them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from semantest_iac.domain.errors import InvalidStateError


class DeploymentStatus(StrEnum):
    """The status of a deployment; the values are part of the `--json` contract."""

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


_Status = DeploymentStatus

TERMINAL_STATUSES = frozenset(
    {
        _Status.COMPLETED,
        _Status.FAILED,
        _Status.ROLLED_BACK,
        _Status.SUPERSEDED,
        _Status.REJECTED,
        _Status.CANCELLED,
        _Status.NEEDS_OPERATOR,
    }
)
ACTIVE_STATUSES = frozenset(DeploymentStatus) - TERMINAL_STATUSES
UNCHANGED_STATUSES = frozenset(
    {_Status.PENDING, _Status.VALIDATING, _Status.PLANNED, _Status.AWAITING_APPROVAL}
)  # nothing was changed yet
CHANGING_STATUSES = ACTIVE_STATUSES - UNCHANGED_STATUSES

INTERRUPTED = "INTERRUPTED"  # the error code of a deployment whose process ended before it did

STEP_INTENDED = "infrastructure.journal.step.intended"
RUN_RESUMED = "infrastructure.journal.run.resumed"
REQUEST_RESOLVED = "infrastructure.journal.request.resolved"
GENERATION_STARTED = "infrastructure.journal.generation.started"
TRAFFIC_SHIFTED = "infrastructure.traffic.shifted"
DEPLOYMENT_REJECTED = "infrastructure.deployment.rejected"
DEPLOYMENT_RESOLVED = "infrastructure.deployment.resolved"

REMOVAL_KIND = "destroy"
"""The kind that deletes a stack; all others bring it to a configuration."""

ROLLBACK_KIND = "rollback"

# The events that open a deployment, with its kind.
DEPLOYMENT_KINDS: Mapping[str, str] = {
    "infrastructure.deployment.requested": "deploy",
    "infrastructure.removal.requested": REMOVAL_KIND,
    "infrastructure.rollback.requested": ROLLBACK_KIND,
    "infrastructure.scaling.triggered": "scale",
}

# Event type -> (allowed statuses, next status). A journal entry counts with the step that it names. Other
# event types (a function was deployed, a step was observed) leave the status as it is.
TRANSITIONS: Mapping[str, tuple[frozenset[DeploymentStatus], DeploymentStatus]] = {
    "infrastructure.deployment.started": (frozenset({_Status.PENDING}), _Status.VALIDATING),
    RUN_RESUMED: (ACTIVE_STATUSES - {_Status.PENDING}, _Status.VALIDATING),
    f"{STEP_INTENDED}:validate": (frozenset({_Status.VALIDATING}), _Status.VALIDATING),
    f"{STEP_INTENDED}:build_artifact": (frozenset({_Status.VALIDATING}), _Status.VALIDATING),
    f"{STEP_INTENDED}:preview": (frozenset({_Status.VALIDATING}), _Status.VALIDATING),
    f"{STEP_INTENDED}:judge": (frozenset({_Status.VALIDATING}), _Status.VALIDATING),
    "infrastructure.deployment.planned": (frozenset({_Status.PENDING, _Status.VALIDATING}), _Status.PLANNED),
    "infrastructure.approval.requested": (frozenset({_Status.PLANNED}), _Status.AWAITING_APPROVAL),
    "infrastructure.approval.granted": (frozenset({_Status.AWAITING_APPROVAL}), _Status.PLANNED),
    "infrastructure.approval.denied": (frozenset({_Status.AWAITING_APPROVAL}), _Status.AWAITING_APPROVAL),
    f"{STEP_INTENDED}:apply": (frozenset({_Status.PLANNED}), _Status.IN_PROGRESS),
    f"{STEP_INTENDED}:publish_code": (frozenset({_Status.IN_PROGRESS}), _Status.IN_PROGRESS),
    f"{STEP_INTENDED}:remove": (UNCHANGED_STATUSES - {_Status.AWAITING_APPROVAL}, _Status.IN_PROGRESS),
    f"{STEP_INTENDED}:verify": (frozenset({_Status.IN_PROGRESS}), _Status.VERIFYING),
    # a resumed run is validating, and goes on with the way back that the run before it had begun
    f"{STEP_INTENDED}:roll_back": (CHANGING_STATUSES | {_Status.VALIDATING}, _Status.ROLLING_BACK),
    "infrastructure.deployment.completed": (
        frozenset({_Status.PLANNED, _Status.IN_PROGRESS, _Status.VERIFYING}),
        _Status.COMPLETED,
    ),
    "infrastructure.deployment.failed": (ACTIVE_STATUSES, _Status.FAILED),
    "infrastructure.deployment.rolled_back": (CHANGING_STATUSES, _Status.ROLLED_BACK),
    "infrastructure.deployment.needs_operator": (ACTIVE_STATUSES, _Status.NEEDS_OPERATOR),
    "infrastructure.deployment.cancelled": (ACTIVE_STATUSES, _Status.CANCELLED),
    DEPLOYMENT_REJECTED: (UNCHANGED_STATUSES, _Status.REJECTED),
    "infrastructure.deployment.superseded": (
        frozenset({_Status.PENDING, _Status.AWAITING_APPROVAL}),
        _Status.SUPERSEDED,
    ),
    "infrastructure.removed": (ACTIVE_STATUSES - {_Status.ROLLING_BACK}, _Status.COMPLETED),
    "infrastructure.removal.failed": (ACTIVE_STATUSES, _Status.FAILED),
    DEPLOYMENT_RESOLVED: (frozenset({_Status.NEEDS_OPERATOR}), _Status.NEEDS_OPERATOR),
}

TERMINAL_EVENT_TYPES = frozenset(
    name for name, (allowed, status) in TRANSITIONS.items() if allowed & ACTIVE_STATUSES and status in TERMINAL_STATUSES
)
"""The event that ends each deployment has one of these types."""


def find_next_status(state: DeploymentStatus | None, event_type: str, step: str = "") -> DeploymentStatus:
    """Return the status after an event; None is the status before the request. Raises InvalidStateError.

    `step` is the step that a journal entry names. A terminal status never changes.
    """
    if state is None:
        return _status_after_request(event_type)
    key = f"{event_type}:{step}" if step else event_type
    allowed, target = TRANSITIONS.get(key, (ACTIVE_STATUSES, state))
    if state not in allowed or event_type in DEPLOYMENT_KINDS:
        raise InvalidStateError(f"Cannot record event '{key}': the deployment is {state}.")
    return target


def _status_after_request(event_type: str) -> DeploymentStatus:
    """The answer to a request that was not accepted is the only event of its deployment."""
    if event_type in DEPLOYMENT_KINDS:
        return DeploymentStatus.PENDING
    if event_type == DEPLOYMENT_REJECTED:
        return DeploymentStatus.REJECTED
    raise InvalidStateError(f"Cannot record event '{event_type}': the deployment was never requested.")


def interrupts_changes(state: DeploymentStatus, event_type: str) -> bool:
    """Whether an event says that a run ended while it changed the stack, so that it may have changed something."""
    return event_type == RUN_RESUMED and state in CHANGING_STATUSES
