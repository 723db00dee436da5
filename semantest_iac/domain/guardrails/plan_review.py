"""The review of a plan before it is applied: what guardrails find in it, and what follows from that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.errors import Fault, RefusedError
from semantest_iac_events.event import StackRequest

FindingEffect = Literal["refuse", "ask", "note"]
"""`refuse` rejects the deployment, `ask` lets it wait for a person's approval, `note` is only shown."""

_ORDER: tuple[FindingEffect, ...] = ("refuse", "ask", "note")


@dataclass(frozen=True, slots=True)
class PlanFinding:
    """What a guardrail has found in a plan; `resource` is the name of the one that it is about, if it is about one."""

    guardrail: str
    effect: FindingEffect
    reason: str
    hint: str = ""
    resource: str = ""

    @property
    def summary(self) -> str:
        """The finding in one line: `deletes: function is deleted`."""
        about = f"{self.resource}: " if self.resource else ""
        return f"{self.guardrail}: {about}{self.reason}"


@dataclass(frozen=True, slots=True)
class PlanToReview:
    """A plan with what it comes from: `kind` is `deploy`, `destroy`, `rollback` or `scale`.

    `configuration` is what the deployment was requested with; that of a destroy is what the stack was deployed with,
    and then there are neither settings nor a blueprint. `now` is the time of the review.
    """

    stack: Stack
    kind: str
    plan: ChangePlan
    configuration: Mapping[str, Any]
    request: StackRequest
    now: datetime
    settings: ComponentSettings | None = None
    blueprint: Blueprint | None = None


ReviewPlan = Callable[[PlanToReview], tuple[PlanFinding, ...]]
"""Returns what guardrails find in a plan that changes something; it changes nothing itself."""


def find_nothing(reviewed: PlanToReview) -> tuple[PlanFinding, ...]:
    """Find nothing: there are no guardrails."""
    return ()


def select_findings(findings: Iterable[PlanFinding], effect: FindingEffect) -> tuple[PlanFinding, ...]:
    """Return the findings with one effect."""
    return tuple(finding for finding in findings if finding.effect == effect)


def require_unrefused(stack: Stack, kind: str, findings: Sequence[PlanFinding]) -> None:
    """Raise RefusedError with every finding where a guardrail refuses the plan, those that refuse it first."""
    if not select_findings(findings, "refuse"):
        return
    ordered = sorted(findings, key=lambda finding: _ORDER.index(finding.effect))
    faults = [
        Fault(it.guardrail, f"{it.resource}: {it.reason}" if it.resource else it.reason, it.hint) for it in ordered
    ]
    raise RefusedError(
        f"Cannot {_VERBS.get(kind, kind)} '{stack}': the guardrails of its environment refuse the plan.",
        "GUARDRAIL_REFUSED",
        hint="Nothing was changed.",
        faults=faults,
    )


_VERBS = {"rollback": "roll back"}
