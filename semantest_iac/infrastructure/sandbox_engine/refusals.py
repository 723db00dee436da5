"""A stopped run as an error for a person: the one place where the cloud's words are translated."""

from __future__ import annotations

from semantest_iac.domain.errors import DeploymentError, ProviderError, ThrottledError
from semantest_iac.infrastructure.sandbox_engine.run import StepError
from semantest_iac.infrastructure.simulated_cloud.refusal import CloudRefusal

# a word of the cloud's code -> what to do; the first match counts
_HINTS = {
    "Concurren": "Raise the account's concurrency quota, or leave instances.max out.",
    "LimitExceeded": "Raise the quota in the cloud's console, or ask for less.",
    "AlreadyExists": "Another stack or person has that name. Destroy it there, or deploy under another environment.",
    "ResourceConflict": "Another stack or person has that name. Destroy it there, or deploy under another environment.",
    "AccessDenied": "The deploying identity lacks this permission.",
    "DependencyViolation": "Something outside this stack still uses it.",
    "InvalidRequest": "The name is still reserved after an earlier delete; wait, or restore it.",
}
_AGAIN = "Deploy again: what was done is remembered, and the rest is taken up from there."


def translated(error: StepError, provider: str) -> DeploymentError:
    """The error of the house for a run that stopped."""
    name = f"'{error.state.name}' ({error.state.type})" if error.state else "the stack"
    message = f"Cannot deploy {name}: {error.message.rstrip('.')}."
    resource = error.state.urn if error.state else ""
    refusal = error.refusal
    if refusal and refusal.retryable:
        return ThrottledError(message, refusal.code, provider=provider, resource=resource, hint=_AGAIN)
    code = refusal.code if refusal else None
    return ProviderError(message, code, provider=provider, resource=resource, hint=_hint(refusal))


def _hint(refusal: CloudRefusal | None) -> str:
    if refusal is None:
        return "Change the configuration as the message says."
    return next((hint for word, hint in _HINTS.items() if word in refusal.code), _AGAIN)
