"""Turns errors, cancellations and dead processes into terminal events."""

from __future__ import annotations

import logging
from typing import Any, TypedDict

from semantest_iac.application.deployment.context import identity_of
from semantest_iac.domain.deployment.status import UNCHANGED_STATUSES, DeploymentStatus
from semantest_iac.domain.errors import DeploymentError, ProviderError
from semantest_iac_events.deployments import DeploymentCancelled, DeploymentFailed, DeploymentRequested
from semantest_iac_events.event import Event, StackFailure, StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalFailed, InfrastructureRemovalRequested

_LOG = logging.getLogger(__name__)

_PROCESS_DIED = DeploymentError(
    "The process that ran it ended before it did.",
    "INTERRUPTED",
    hint="Run the command again: what was done is remembered, and the rest is taken up from there.",
)

_FAILURE_TYPES: dict[type[Event], type[StackFailure]] = {
    DeploymentRequested: DeploymentFailed,
    InfrastructureRemovalRequested: InfrastructureRemovalFailed,
}


class ErrorFields(TypedDict):
    """The fields that every failure event has."""

    code: str
    reason: str
    hint: str


def failure_event(event: Event, error: Exception) -> StackFailure | None:
    """The failure event for a request whose handling raised; None for events that nobody waits for."""
    failure = _FAILURE_TYPES.get(type(event))
    if failure is None or not isinstance(event, StackRequest):
        return None
    more: dict[str, Any] = {"resource": refused_resource(error)} if failure is DeploymentFailed else {}
    return failure(**identity_of(event), **error_fields(error), **more).caused_by(event)


def process_died(request: StackRequest) -> StackFailure | None:
    """The end of a deployment whose process was killed."""
    return failure_event(request, _PROCESS_DIED)


def cancelled_event(request: StackRequest, state: DeploymentStatus) -> DeploymentCancelled:
    """The end of a deployment that a person stopped; `state` is where it was then."""
    reason = "It was called off before anything was changed."
    if state not in UNCHANGED_STATUSES:
        reason = f"It was called off while {state.replace('_', ' ')}: the next deployment takes up what was done."
    return DeploymentCancelled(**identity_of(request), reason=reason).caused_by(request)


def error_fields(error: Exception) -> ErrorFields:
    """What is said of an error."""
    known = error if isinstance(error, DeploymentError) else _unexpected_error(error)
    reason = " ".join([known.message, *(f"{fault.path}: {fault.message}." for fault in known.faults)])
    return ErrorFields(code=known.error_code, reason=reason, hint=known.hint)


def refused_resource(error: Exception) -> str:
    """The resource that the cloud refused, empty where it was about none."""
    return error.resource if isinstance(error, ProviderError) else ""


def _unexpected_error(error: Exception) -> DeploymentError:
    """A defect of ours: its text may hold anything, so only its kind is told, and the rest to who debugs."""
    _LOG.debug("unexpected error", exc_info=error)
    return DeploymentError(
        f"An unexpected {type(error).__name__} stopped the deployment.",
        "INTERNAL_ERROR",
        hint="This is a defect of semantest-iac; run again with --debug and report what it prints.",
    )
