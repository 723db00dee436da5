"""Turns errors into the fields of failure events."""

from __future__ import annotations

import logging
from typing import Any, TypedDict

from semantest_iac.application.deployment.context import identity_of
from semantest_iac.domain.errors import DeploymentError, ProviderError
from semantest_iac_events.deployments import DeploymentFailed, DeploymentRequested
from semantest_iac_events.event import Event, StackFailure, StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalFailed, InfrastructureRemovalRequested

_LOG = logging.getLogger(__name__)

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
    """Return the terminal event of a request whose handler raised; None for events that are no requests."""
    failure = _FAILURE_TYPES.get(type(event))
    if failure is None or not isinstance(event, StackRequest):
        return None
    more: dict[str, Any] = {"resource": refused_resource(error)} if failure is DeploymentFailed else {}
    return failure(**identity_of(event), **error_fields(error), **more).caused_by(event)


def error_fields(error: Exception) -> ErrorFields:
    """Return code, reason and hint of an error, its faults included."""
    known = error if isinstance(error, DeploymentError) else _unexpected_error(error)
    reason = " ".join([known.message, *(f"{fault.path}: {fault.message}." for fault in known.faults)])
    return ErrorFields(code=known.error_code, reason=reason, hint=known.hint)


def refused_resource(error: Exception) -> str:
    """Return the resource that the cloud refused, empty if the error is about none."""
    return error.resource if isinstance(error, ProviderError) else ""


def _unexpected_error(error: Exception) -> DeploymentError:
    """Keep the text of a defect out of events: it may hold anything, secrets included."""
    _LOG.debug("unexpected error", exc_info=error)
    return DeploymentError(
        f"An unexpected {type(error).__name__} stopped the deployment.",
        "INTERNAL_ERROR",
        hint="This is a defect of semantest-iac; run again with --debug and report what it prints.",
    )
