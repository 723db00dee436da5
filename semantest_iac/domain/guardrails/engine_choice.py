"""Which engine deploys a stack, and to which kind of cloud."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from semantest_iac.domain.environments.names import Environment, make_printable, suggest_known
from semantest_iac.domain.errors import Fault, RefusedError, ValidationError

SANDBOX_ENGINE, PULUMI_ENGINE = "sandbox", "pulumi"
SIMULATED_CLOUD, REAL_CLOUD = "sandbox", "real"


class EngineTraits(Protocol):
    """What the guardrails need to know about an engine of the registry."""

    @property
    def reaches_real_clouds(self) -> bool:
        """Whether it can deploy to more than simulated clouds."""
        ...


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """`engine` is a name in the registry of engines; `cloud` is sandbox (simulated on this machine) or real."""

    engine: str = SANDBOX_ENGINE
    cloud: str = SIMULATED_CLOUD

    @property
    def is_simulated(self) -> bool:
        """Whether no real cloud is touched."""
        return self.cloud == SIMULATED_CLOUD


def choose_engine(environment: str, engine: str | None = None, cloud: str | None = None) -> EngineChoice:
    """Choose what was not chosen: development is simulated in the sandbox, other environments are real."""
    engine = engine or (SANDBOX_ENGINE if environment == Environment.DEVELOPMENT else PULUMI_ENGINE)
    return EngineChoice(engine, cloud or (SIMULATED_CLOUD if engine == SANDBOX_ENGINE else REAL_CLOUD))


def read_engine_choice(environment: str, configuration: Mapping[str, Any]) -> EngineChoice:
    """Return the choice of a recorded configuration."""
    return choose_engine(environment, configuration.get("engine"), configuration.get("cloud"))


def is_rehearsal(environment: str, *, is_simulated: bool) -> bool:
    """Whether a simulated cloud stands in for the real one to which a built-in environment is deployed by default."""
    return is_simulated and not choose_engine(environment).is_simulated


def describe_rehearsal(stack: str, provider: str) -> str:
    """Say that a stack is not where its environment lets people expect it."""
    return f"'{stack}' is SIMULATED on this machine: nothing of it is in a real {provider} account."


REHEARSAL_ADVICE = (
    "Without an account, rehearse it on this machine: --cloud sandbox runs Pulumi's own engine against a simulated "
    "cloud (the Pulumi CLI is needed), --engine sandbox the same programs in this process (nothing is needed). Use a "
    "--home of its own for it, or destroy the rehearsal before the real deployment."
)


def find_engine_faults(engine: str | None, engines: Collection[str]) -> tuple[Fault, ...]:
    """Return the fault of a configured engine that is not in the registry."""
    if engine is None or engine in engines:
        return ()
    return (Fault("engine", f"'{make_printable(engine)}' is not known", suggest_known(engine, engines)),)


def require_suitable_engine(choice: EngineChoice, engines: Mapping[str, EngineTraits]) -> None:
    """Raise ValidationError for an unknown engine, RefusedError for one that cannot reach the chosen cloud."""
    if faults := find_engine_faults(choice.engine, engines):
        raise ValidationError("Cannot choose the engine.", faults=faults)
    if choice.is_simulated or engines[choice.engine].reaches_real_clouds:
        return
    suitable = ", ".join(name for name, traits in engines.items() if traits.reaches_real_clouds)
    raise RefusedError(
        f"Cannot deploy to a real cloud: the engine '{choice.engine}' reaches none.",
        "ENGINE_UNSUITABLE",
        hint=f"Use --engine {suitable} for a real cloud, or leave --cloud out.",
    )


def require_default_engine(environment: str, available: Collection[str], own_name: str = "") -> str:
    """Return the engine of an environment without a choice; raises RefusedError where it is not available.

    `own_name` is the environment of the file's own that extends it.
    """
    needed = choose_engine(environment).engine
    if needed in available:
        return needed
    raise RefusedError(
        f"Cannot deploy to '{own_name or environment}': it needs the engine '{needed}', which is not available here.",
        "ENGINE_UNAVAILABLE",
        hint=f"Available: {', '.join(sorted(available))}. {REHEARSAL_ADVICE}",
    )


def require_same_engine(stack: str, now: EngineChoice, before: EngineChoice | None) -> None:
    """Raise RefusedError for another engine than the one that deployed the stack: it knows none of its resources."""
    if before is None or before == now:
        return
    raise RefusedError(
        f"Cannot use engine '{now.engine}' (cloud {now.cloud}) for '{stack}': it was deployed with "
        f"engine '{before.engine}' (cloud {before.cloud}).",
        "ENGINE_DIFFERS",
        hint=f"Add --engine {before.engine} --cloud {before.cloud}, or destroy it with them first.",
    )
