"""Folds the events of a stack into its plans, each with what was deployed before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from semantest_iac.application.ports.ledger import RecordedEvent
from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.deployment.events import RequestResolved
from semantest_iac.domain.deployment.status import DEPLOYMENT_KINDS
from semantest_iac_events.deployments import DeploymentCompleted, DeploymentPlanned
from semantest_iac_events.infrastructure import InfrastructureRemoved

_RECORDED_LOSS = "data"  # events say that some is lost, and not which
_IRREVERSIBLE = "irreversible"
FOLDED_TYPES = frozenset(
    {
        *DEPLOYMENT_KINDS,
        RequestResolved.type_name,
        DeploymentPlanned.type_name,
        DeploymentCompleted.type_name,
        InfrastructureRemoved.type_name,
    }
)
"""The types of the events from which plans are folded."""


@dataclass(frozen=True, slots=True)
class RequestedStack:
    """What a request asks for: a configuration, the type of the component, and what its environment extends."""

    configuration: Mapping[str, Any] = field(default_factory=dict)
    base_environment: str | None = None
    component_type: str | None = None

    @classmethod
    def from_fields(cls, data: Mapping[str, Any]) -> RequestedStack:
        """Read the fields of a request, or of what one was resolved to."""
        return cls(data.get("configuration") or {}, data.get("base_environment"), data.get("component_type"))


@dataclass(frozen=True, slots=True)
class StackPast:
    """The changes of each completed deployment since the stack was last destroyed, and what is deployed now."""

    changes: tuple[tuple[PlannedChange, ...], ...] = ()
    deployed: RequestedStack | None = None


@dataclass(frozen=True, slots=True)
class RecordedPlan:
    """A plan as the ledger holds it: without the values of properties, and the past of its stack at that time."""

    deployment: str
    stack: str
    kind: str
    planned_at: datetime
    plan: ChangePlan
    requested: RequestedStack
    past: StackPast


class StackHistory:
    """The plans of one stack, folded from its events in their order; projections are not read."""

    def __init__(self) -> None:
        self.past = StackPast()
        self.plans: dict[str, RecordedPlan] = {}
        self._kinds: dict[str, str] = {}
        self._requests: dict[str, RequestedStack] = {}

    @classmethod
    def fold(cls, events: Iterable[RecordedEvent]) -> StackHistory:
        """Fold the events of a stack; of a deployment that was planned again, the newest plan counts."""
        history = cls()
        for recorded in events:
            if recorded.type in FOLDED_TYPES:
                history._add(recorded)
        return history

    def _add(self, recorded: RecordedEvent) -> None:
        event = recorded.event
        data: Mapping[str, Any] = event["data"]
        deployment = str(data.get("deployment_id"))
        if kind := DEPLOYMENT_KINDS.get(recorded.type):
            self._kinds.setdefault(deployment, kind)
            self._requests.setdefault(deployment, RequestedStack.from_fields(data))
        elif recorded.type == RequestResolved.type_name:
            self._requests[deployment] = RequestedStack.from_fields(data)
        elif recorded.type == DeploymentPlanned.type_name:
            self._add_plan(recorded.stream, deployment, event)
        elif recorded.type == DeploymentCompleted.type_name:
            planned = self.plans.get(deployment)
            changes = planned.plan.resources if planned else ()
            self.past = replace(
                self.past, changes=(*self.past.changes, changes), deployed=self._requests.get(deployment)
            )
        else:
            self.past = StackPast()

    def _add_plan(self, stack: str, deployment: str, event: Mapping[str, Any]) -> None:
        self.plans.pop(deployment, None)  # the order is that of the plans that count
        self.plans[deployment] = RecordedPlan(
            deployment=deployment,
            stack=stack,
            kind=self._kinds.get(deployment, "deploy"),
            planned_at=datetime.fromisoformat(event["time"]),
            plan=ChangePlan(tuple(_read_change(change) for change in event["data"].get("resources") or ())),
            requested=self._requests.get(deployment, RequestedStack()),
            past=self.past,
        )


def _read_change(data: Mapping[str, Any]) -> PlannedChange:
    loses = _RECORDED_LOSS if data.get("reversible") == _IRREVERSIBLE else ""
    return PlannedChange(data["urn"], data["type"], data["name"], data["op"], loses=loses)
