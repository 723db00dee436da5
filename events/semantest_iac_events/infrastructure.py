"""A stack as a whole: updated, removed, drifted, scaled, rolled back; and an environment's settings."""

from __future__ import annotations

from pydantic import Field, JsonValue

from semantest_iac_events.event import Event
from semantest_iac_events.stack_event import StackEvent, StackFailure, StackRequest
from semantest_iac_events.values import ChangeCounts, Count, Label, Prose, ResourceChange


class InfrastructureUpdated(StackEvent):
    """The engine finished; its last word on a successful run."""

    type_name = "infrastructure.updated"

    changes: ChangeCounts
    outputs: dict[str, JsonValue] = Field(default_factory=dict)


class InfrastructureUpdateFailed(StackFailure):
    """The engine stopped; `resource` is the one that it stopped at, where there is one."""

    type_name = "infrastructure.update.failed"

    resource: str = ""


class InfrastructureRemovalRequested(StackRequest):
    """Take the whole stack away."""

    type_name = "infrastructure.removal.requested"


class InfrastructureRemoved(StackEvent):
    """Nothing of the stack is left; `generation` is the one that was removed, counted from 1."""

    type_name = "infrastructure.removed"

    changes: ChangeCounts
    generation: int = Field(ge=1)


class InfrastructureRemovalFailed(StackFailure):
    """Some of the stack is left: `remainder` names it."""

    type_name = "infrastructure.removal.failed"

    remainder: tuple[str, ...] = ()


class RollbackRequested(StackRequest):
    """Go back to what a deployment had made; without a target, to the last good one."""

    type_name = "infrastructure.rollback.requested"

    target_deployment: Label | None = None


class ScalingTriggered(StackRequest):
    """Keep between so many instances from now on; `reason` says which metric or person wants it."""

    type_name = "infrastructure.scaling.triggered"

    min_instances: Count
    max_instances: Count
    reason: Prose = ""


class DriftDetected(StackEvent):
    """The cloud differs from what the deployment had made; `resources` is what would put it right."""

    type_name = "infrastructure.drift.detected"

    changes: ChangeCounts
    resources: tuple[ResourceChange, ...] = ()


class EnvironmentConfigured(Event):
    """An environment has these settings from now on; secrets are references, never values."""

    type_name = "infrastructure.environment.configured"

    environment: Label
    provider: Label
    region: Label
    settings: dict[str, JsonValue] = Field(default_factory=dict)
