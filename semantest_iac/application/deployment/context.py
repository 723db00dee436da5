"""What is known so far about one deployment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Literal

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange, count_operations
from semantest_iac.domain.deployment.deployment import DeploymentResults
from semantest_iac.domain.deployment.events import PackageBuilt, PackageRecord
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.names import read_component_type
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.domain.ports.provisioner import ApplyResult, EventIdentity, Work, event_identity
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.event import StackEvent
from semantest_iac_events.infrastructure import DriftDetected
from semantest_iac_events.values import HealthAnswer, ResourceChange


@dataclass(frozen=True, slots=True, weakref_slot=True)
class DeploymentContext:
    """The request and the result of each step that was taken; every step returns a new one.

    `new_share` is the percent of the traffic that the new version gets, None for all of it; `traffic` says how it takes
    over the rest, in previews.
    `kind` is that of the request before it was resolved: `deploy`, `rollback` or `scale`.
    `restored` is the deployment that configuration and package are taken from, if they are those of one before.
    `accepted_loss` names the resources whose data the requester gives up; with None, nobody is asked about lost data.
    """

    request: DeploymentRequested
    settings: ComponentSettings | None = None
    artifact: Artifact | None = None
    work: Work | None = None
    plan: ChangePlan = field(default_factory=ChangePlan)
    applied: ApplyResult | None = None
    health: HealthAnswer | None = None
    new_share: int | None = None
    traffic: str = ""
    began: float = field(default_factory=monotonic)
    accepted_loss: tuple[str, ...] | None = None
    restored: str | None = None
    kind: str = "deploy"

    @property
    def stack(self) -> Stack:
        return stack_of(self.request)

    @property
    def generation(self) -> int:
        """The generation of the planned names, 0 before the preview."""
        return self.work.blueprint.generation if self.work else 0

    @property
    def identity(self) -> EventIdentity:
        return identity_of(self.request)

    def drift_event(self) -> DriftDetected:
        """Return the event with what was changed outside of this tool, as the operations that correct it."""
        return build_drift_event(self.identity, self.plan.drift)

    def package_built_event(self, artifact: Artifact) -> PackageBuilt:
        """Return the journal entry from which a later deployment can roll back to this one."""
        companions = {name: PackageRecord.from_artifact(companion) for name, companion in artifact.companions.items()}
        return PackageBuilt.from_artifact(
            artifact, **self.identity, notes=artifact.notes, companions=companions, is_verbatim=True
        )

    def results(self) -> DeploymentResults:
        """Return what the deployment brought about so far."""
        return DeploymentResults(
            changes=self.applied.changes if self.applied else self.plan.changes,
            outputs=self.applied.outputs if self.applied else {},
            health=self.health,
            duration_s=round(monotonic() - self.began, 3),
        )


def stack_of(event: StackEvent) -> Stack:
    """Return the stack of an event; raises ValidationError for parts that are no valid names."""
    return Stack(event.component, event.provider, event.environment, event.region, event.project)


def component_type_of(request: DeploymentRequested) -> str:
    """Return the type of the requested component."""
    return request.component_type or read_component_type(request.component, request.configuration)


def identity_of(event: StackEvent) -> EventIdentity:
    """Return the fields that all events of one deployment share."""
    return event_identity(event.deployment_id, stack_of(event))


def build_drift_event(identity: EventIdentity, drift: Sequence[PlannedChange]) -> DriftDetected:
    """Return the event with what was changed outside of this tool, as the operations that correct it."""
    corrections: dict[str, Literal["create", "update"]] = {"update": "update", "delete": "create"}
    resources = [
        ResourceChange(urn=it.urn, type=it.type, name=it.name, op=corrections[it.op], why=it.why) for it in drift
    ]
    changes = count_operations(change.op for change in resources)
    return DriftDetected(**identity, changes=changes, resources=tuple(resources))
