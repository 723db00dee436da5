"""What a person must say before something is deleted for good."""

from __future__ import annotations

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import RefusedError


def required_consent(stack: Stack) -> str:
    """What has to be said."""
    return str(stack) if stack.environment == "production" else "yes"


def require_consent(stack: Stack, said: str) -> None:
    """`yes` is enough, except in production, where only the stack's own name is; raises RefusedError."""
    wanted = required_consent(stack)
    if said in (wanted, str(stack)):
        return
    hint = "Add --yes." if wanted == "yes" else f"Type the stack's name: {wanted}"
    raise RefusedError(f"Cannot destroy '{stack}': nobody agreed to it.", "CONSENT_MISSING", hint=hint)
