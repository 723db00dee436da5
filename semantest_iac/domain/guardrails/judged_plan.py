"""A plan with everything that guardrails ask about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.costs.estimates import CostRise
from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import REMOVAL_KIND
from semantest_iac.domain.environments.guardrail_sections import Effect, GuardrailsSection
from semantest_iac.domain.guardrails.plan_review import PlanFinding
from semantest_iac.domain.ports.freeze_calendar import FreezeCalendar


@dataclass(frozen=True, slots=True)
class JudgedPlan:
    """A plan of a deployment of some `kind`; `now` is when it would be applied.

    `past` are the changes of each completed deployment of the stack since it was last destroyed, oldest first. `costs`
    is None where nothing is known of them. `is_recorded`: the plan is one of the ledger, which holds no values. The
    `blueprint` is what the plan leads to, None for a removal.
    """

    stack: Stack
    kind: str
    plan: ChangePlan
    now: datetime
    calendar: FreezeCalendar
    tags: Mapping[str, str] = field(default_factory=dict)
    past: Sequence[Sequence[PlannedChange]] = ()
    costs: CostRise | None = None
    is_recorded: bool = False
    blueprint: Blueprint | None = None

    @property
    def is_removal(self) -> bool:
        return self.kind == REMOVAL_KIND

    def list_changes(self, *operations: str) -> list[PlannedChange]:
        """Return the changes with one of these operations, by name: engines plan them in any order."""
        return sorted((it for it in self.plan.mutations if it.op in operations), key=lambda it: (it.name, it.urn))


JudgePlan = Callable[[GuardrailsSection, JudgedPlan], Iterator[PlanFinding]]


def report(guardrail: str, effect: Effect, reason: str, *, hint: str = "", resource: str = "") -> Iterator[PlanFinding]:
    """Yield what a guardrail found, nothing where that is allowed."""
    if effect != "allow":
        yield PlanFinding(guardrail, effect, reason, hint, resource)
