"""Which engine deploys, and to which kind of cloud."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.errors import RefusedError

SANDBOX_ENGINE, PULUMI_ENGINE = "sandbox", "pulumi"
SIMULATED_CLOUD, REAL_CLOUD = "sandbox", "real"


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """`engine` is sandbox or pulumi; `cloud` is sandbox (simulated here) or real."""

    engine: str = SANDBOX_ENGINE
    cloud: str = SIMULATED_CLOUD

    @property
    def is_played(self) -> bool:
        """Nothing real is touched."""
        return self.cloud == SIMULATED_CLOUD


def choose_engine(environment: str, engine: str | None = None, cloud: str | None = None) -> EngineChoice:
    """Development plays in the sandbox and the others are real, unless somebody says otherwise.

    Raises RefusedError for the sandbox on a real cloud, which it cannot reach.
    """
    engine = engine or (SANDBOX_ENGINE if environment == "development" else PULUMI_ENGINE)
    cloud = cloud or (SIMULATED_CLOUD if engine == SANDBOX_ENGINE else REAL_CLOUD)
    if engine == SANDBOX_ENGINE and cloud == REAL_CLOUD:
        hint = "Use --engine pulumi for a real cloud, or leave --cloud out."
        raise RefusedError("Cannot deploy to a real cloud: the sandbox reaches none.", "ENGINE_UNSUITABLE", hint=hint)
    return EngineChoice(engine, cloud)


def read_engine_choice(environment: str, configuration: Mapping[str, Any]) -> EngineChoice:
    """The choice that a recorded configuration stands for."""
    return choose_engine(environment, configuration.get("engine"), configuration.get("cloud"))


def find_default_engine(environment: str, available: Collection[str]) -> str:
    """The engine of an environment when nobody chooses; raises RefusedError where it is not available."""
    needed = choose_engine(environment).engine
    if needed in available:
        return needed
    raise RefusedError(
        f"Cannot deploy to '{environment}': it needs the engine '{needed}', which is not available here.",
        "ENGINE_UNAVAILABLE",
        hint=f"Available: {', '.join(sorted(available))}. Deploy with --env development to rehearse in the sandbox.",
    )


def require_same_engine(stack: str, now: EngineChoice, before: EngineChoice | None) -> None:
    """A stack stays with the engine that made it: another one knows nothing of what is there. Raises RefusedError."""
    if before is None or before == now:
        return
    raise RefusedError(
        f"Cannot use engine '{now.engine}' (cloud {now.cloud}) for '{stack}': it was deployed with "
        f"engine '{before.engine}' (cloud {before.cloud}).",
        "ENGINE_DIFFERS",
        hint=f"Add --engine {before.engine} --cloud {before.cloud}, or destroy it with them first.",
    )
