"""Turns what a step raised into an error that events can hold."""

from __future__ import annotations

import logging

from semantest_iac.domain.errors import (
    DeploymentError,
    ErrorFields,
    ProviderError,
    as_storage_error,
    describe_error,
)

_LOG = logging.getLogger(__name__)


def error_fields(error: Exception) -> ErrorFields:
    """Return code, reason and hint of an error, its faults included."""
    return describe_error(as_deployment_error(error))


def as_removal_error(error: Exception) -> DeploymentError:
    """Return the error in the words of a removal: engines word theirs for deployments."""
    known = as_deployment_error(error)
    hint = known.hint
    if hint.startswith("Deploy again"):
        hint = "Destroy again to delete what is left, or deploy again to create what is missing."
    reason = known.reason.replace("Cannot deploy ", "Cannot delete ", 1)
    return DeploymentError(reason, known.error_code, hint=hint)


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
