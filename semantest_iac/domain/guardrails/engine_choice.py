"""Which engine an environment is deployed with."""

from __future__ import annotations

from collections.abc import Collection

from semantest_iac.domain.errors import RefusedError

SANDBOX, PULUMI = "sandbox", "pulumi"


def engine_for(environment: str, available: Collection[str]) -> str:
    """Development plays in the sandbox; the others are real, and are refused rather than silently played.

    Raises RefusedError when the engine that the environment needs is not here.
    """
    needed = SANDBOX if environment == "development" else PULUMI
    if needed in available:
        return needed
    raise RefusedError(
        f"Cannot deploy to '{environment}': it needs the engine '{needed}', which is not available here.",
        "ENGINE_UNAVAILABLE",
        hint=f"Available: {', '.join(sorted(available))}. Deploy with --env development to rehearse in the sandbox.",
    )
