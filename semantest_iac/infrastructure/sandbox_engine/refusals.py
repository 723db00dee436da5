"""A stopped run as an error for a person: the one place where the cloud's words are translated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from semantest_iac.domain.deployment.account_settings import advice
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError, ProviderError, ThrottledError
from semantest_iac.infrastructure.sandbox_engine.steps import StepError
from semantest_iac.infrastructure.sandbox_engine.unsupported import UnsupportedError
from semantest_iac.infrastructure.simulated_cloud.refusal import CloudRefusal

# a word of the cloud's code or sentence -> what to do; the first match counts
_HINTS = {
    "Concurren": "Raise the account's concurrency quota, or leave instances.max out.",
    "LimitExceeded": "Raise the quota in the cloud's console, or ask for less.",
    "AlreadyExists": "Another stack or person has that name. Destroy it there, or deploy under another environment.",
    "ResourceConflict": "Another stack or person has that name. Destroy it there, or deploy under another environment.",
    "AccessDenied": "The deploying identity lacks this permission.",
    "DependencyViolation": "Something outside this stack still uses it.",
    "InvalidRequest": "The name is still reserved after an earlier delete; wait, or restore it.",
}
_AGAIN = "Deploy again: what is there is kept, and the rest is made."
_CHANGE = "Change the configuration as the message says."


@contextmanager
def translated(stack: Stack) -> Iterator[None]:
    """Raise what stops a run of the stack as an error of the house; a defect of ours passes as it is."""
    try:
        yield
    except StepError as error:
        raise _refused(error, stack) from error
    except (CloudRefusal, UnsupportedError) as error:
        raise ProviderError(f"Cannot deploy '{stack}': {_sentence(str(error))}", provider=stack.provider) from error


def _refused(error: StepError, stack: Stack) -> DeploymentError:
    name = f"'{error.state.name}' ({error.state.type})" if error.state else f"'{stack}'"
    message = f"Cannot deploy {name}: {_sentence(error.message)}"
    resource, provider = error.state.urn if error.state else "", stack.provider
    refusal = error.refusal
    if refusal is None:
        return ProviderError(message, provider=provider, resource=resource, hint=_CHANGE)
    if refusal.retryable:
        return ThrottledError(message, refusal.code, provider=provider, resource=resource, hint=_AGAIN)
    hint = advice(refusal.message, stack) or _hint(refusal)
    return ProviderError(message, refusal.code, provider=provider, resource=resource, hint=hint)


def _hint(refusal: CloudRefusal) -> str:
    said = f"{refusal.code} {refusal.message}"
    return next((hint for word, hint in _HINTS.items() if word in said), _AGAIN)


def _sentence(text: str) -> str:
    return f"{text.rstrip('.')}."
