"""What an error becomes on record."""

from __future__ import annotations

from typing import Any

from semantest_iac.domain.errors import DeploymentError, ProviderError
from semantest_iac_events.deployments import DeploymentFailed, DeploymentRequested
from semantest_iac_events.event import Event
from semantest_iac_events.infrastructure import InfrastructureRemovalFailed, InfrastructureRemovalRequested
from semantest_iac_events.stack_event import StackFailure

INTERRUPTED = DeploymentError(
    "The process that ran it ended before it did.",
    "INTERRUPTED",
    hint="Run the command again: what was done is remembered, and the rest is taken up from there.",
)

_FAILURES: dict[type[Event], type[StackFailure]] = {
    DeploymentRequested: DeploymentFailed,
    InfrastructureRemovalRequested: InfrastructureRemovalFailed,
}

_IDENTITY = {"component", "provider", "environment", "region", "deployment_id"}


def failure_of(event: Event, error: Exception) -> StackFailure | None:
    """The failure event for a request whose handling raised; None for events that nobody waits for."""
    failure = _FAILURES.get(type(event))
    if failure is None:
        return None
    told = error if isinstance(error, DeploymentError) else _unexpected(error)
    fields: dict[str, Any] = event.model_dump(include=_IDENTITY)
    fields |= {"code": told.error_code, "reason": _in_full(told), "hint": told.hint}
    if isinstance(told, ProviderError) and failure is DeploymentFailed:
        fields["resource"] = told.resource
    return failure(**fields).caused_by(event)


def _in_full(error: DeploymentError) -> str:
    return " ".join([error.message, *(f"{fault.path}: {fault.message}." for fault in error.faults)])


def _unexpected(error: Exception) -> DeploymentError:
    """A defect of ours: its text may hold anything, so only its kind is told."""
    return DeploymentError(
        f"An unexpected {type(error).__name__} stopped the deployment.",
        "INTERNAL_ERROR",
        hint="This is a defect of semantest-iac; run again with --debug and report what it prints.",
    )
