"""What an error becomes on record, and what a deployment that nobody ended becomes."""

from __future__ import annotations

import logging
from typing import Any, TypedDict

from semantest_iac.application.attempt import identity_of
from semantest_iac.domain.deployment.states import UNTOUCHED, DeploymentState
from semantest_iac.domain.errors import DeploymentError, ProviderError
from semantest_iac_events.deployments import DeploymentCancelled, DeploymentFailed, DeploymentRequested
from semantest_iac_events.event import Event
from semantest_iac_events.infrastructure import InfrastructureRemovalFailed, InfrastructureRemovalRequested
from semantest_iac_events.stack_event import StackFailure, StackRequest

_LOG = logging.getLogger(__name__)

_INTERRUPTED = DeploymentError(
    "The process that ran it ended before it did.",
    "INTERRUPTED",
    hint="Run the command again: what was done is remembered, and the rest is taken up from there.",
)

_FAILURES: dict[type[Event], type[StackFailure]] = {
    DeploymentRequested: DeploymentFailed,
    InfrastructureRemovalRequested: InfrastructureRemovalFailed,
}


class Told(TypedDict):
    """The fields that every failure event has."""

    code: str
    reason: str
    hint: str


def failure_of(event: Event, error: Exception) -> StackFailure | None:
    """The failure event for a request whose handling raised; None for events that nobody waits for."""
    failure = _FAILURES.get(type(event))
    if failure is None or not isinstance(event, StackRequest):
        return None
    more: dict[str, Any] = {"resource": resource_of(error)} if failure is DeploymentFailed else {}
    return failure(**identity_of(event), **told(error), **more).caused_by(event)


def interrupted(request: StackRequest) -> StackFailure | None:
    """The end of a deployment whose process was killed."""
    return failure_of(request, _INTERRUPTED)


def called_off(request: StackRequest, state: DeploymentState) -> DeploymentCancelled:
    """The end of a deployment that a person stopped; `state` is where it was then."""
    reason = "It was called off before anything was changed."
    if state not in UNTOUCHED:
        reason = f"It was called off while {state.replace('_', ' ')}: the next deployment takes up what was done."
    return DeploymentCancelled(**identity_of(request), reason=reason).caused_by(request)


def told(error: Exception) -> Told:
    """What is said of an error."""
    known = error if isinstance(error, DeploymentError) else _unexpected(error)
    reason = " ".join([known.message, *(f"{fault.path}: {fault.message}." for fault in known.faults)])
    return Told(code=known.error_code, reason=reason, hint=known.hint)


def resource_of(error: Exception) -> str:
    """The resource that the cloud refused, empty where it was about none."""
    return error.resource if isinstance(error, ProviderError) else ""


def _unexpected(error: Exception) -> DeploymentError:
    """A defect of ours: its text may hold anything, so only its kind is told, and the rest to who debugs."""
    _LOG.debug("unexpected error", exc_info=error)
    return DeploymentError(
        f"An unexpected {type(error).__name__} stopped the deployment.",
        "INTERNAL_ERROR",
        hint="This is a defect of semantest-iac; run again with --debug and report what it prints.",
    )
