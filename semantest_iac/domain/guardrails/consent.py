"""The confirmation that destroying a stack requires."""

from __future__ import annotations

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.names import Environment
from semantest_iac.domain.errors import RefusedError


def required_consent(stack: Stack) -> str:
    """Return the required answer: `yes`, in production the stack's name."""
    return str(stack) if stack.environment == Environment.PRODUCTION else "yes"


def require_consent(stack: Stack, answer: str) -> None:
    """Raise RefusedError unless the answer is the required one; the stack's name is always enough."""
    required = required_consent(stack)
    if answer in (required, str(stack)):
        return
    hint = "Add --yes." if required == "yes" else f"Type the stack's name: {required}"
    raise RefusedError(f"Cannot destroy '{stack}': it was not confirmed.", "CONSENT_MISSING", hint=hint)
