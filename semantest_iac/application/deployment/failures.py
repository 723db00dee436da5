"""Turns errors into the fields of failure events."""

from __future__ import annotations

import logging
from typing import TypedDict

from semantest_iac.application.deployment.context import identity_of
from semantest_iac.domain.deployment.deployment import Deployment
from semantest_iac.domain.errors import DeploymentError, ProviderError, as_storage_error
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import Event, StackFailure
from semantest_iac_events.infrastructure import InfrastructureRemovalFailed, InfrastructureRemovalRequested

_LOG = logging.getLogger(__name__)


class ErrorFields(TypedDict):
    """The fields that every failure event has."""

    code: str
    reason: str
    hint: str


def failure_event(event: Event, error: Exception) -> StackFailure | None:
    """Return the terminal event of a request whose handler raised; None for events that are no requests."""
    if isinstance(event, DeploymentRequested):
        return Deployment.from_request(event).fail(as_deployment_error(error)).caused_by(event)
    if isinstance(event, InfrastructureRemovalRequested):
        return InfrastructureRemovalFailed(**identity_of(event), **error_fields(error)).caused_by(event)
    return None


def error_fields(error: Exception) -> ErrorFields:
    """Return code, reason and hint of an error, its faults included."""
    known = as_deployment_error(error)
    return ErrorFields(code=known.error_code, reason=known.reason, hint=known.hint)


def removal_error_fields(error: Exception) -> ErrorFields:
    """Return the fields of an error of a removal: engines word their errors for deployments."""
    fields = error_fields(error)
    if fields["hint"].startswith("Deploy again"):
        fields["hint"] = "Destroy again to delete what is left, or deploy again to create what is missing."
    return fields | {"reason": fields["reason"].replace("Cannot deploy ", "Cannot delete ", 1)}


def refused_resource(error: Exception) -> str:
    """Return the resource that the cloud refused, empty if the error is about none."""
    return error.resource if isinstance(error, ProviderError) else ""


def as_deployment_error(error: Exception) -> DeploymentError:
    """Return the error itself, or for a defect one without its text."""
    return error if isinstance(error, DeploymentError) else as_storage_error(error) or _unexpected_error(error)


def _unexpected_error(error: Exception) -> DeploymentError:
    """Keep the text of a defect out of events: it may hold anything, secrets included."""
    _LOG.debug("unexpected error", exc_info=error)
    return DeploymentError(
        f"An unexpected {type(error).__name__} stopped the deployment.",
        "INTERNAL_ERROR",
        hint="This is a bug in semantest-iac: run the command again with --debug and report the output.",
    )
