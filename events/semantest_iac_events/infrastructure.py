"""Deployed resources, changes of a stack as a whole, and the configuration of an environment."""

from __future__ import annotations

from pydantic import Field, JsonValue

from semantest_iac_events.event import Event, StackEvent, StackFailure, StackRequest
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


class FunctionDeployed(StackEvent):
    """A serverless function runs this version of this artifact; `arn` is the cloud's own id for it."""

    type_name = "infrastructure.function.deployed"

    function_name: Label
    arn: str
    version: str
    endpoint: str | None = None
    runtime: str
    memory_mb: int = Field(gt=0)
    artifact_digest: str


class _ApiDeployed(StackEvent):
    """What HTTP and WebSocket APIs have in common."""

    api_name: Label
    api_id: str
    endpoint: str
    routes: tuple[str, ...] = ()


class HttpApiDeployed(_ApiDeployed):
    """An HTTP API answers at its endpoint; routes are written `METHOD /path`."""

    type_name = "infrastructure.httpapi.deployed"


class WebSocketApiDeployed(_ApiDeployed):
    """A WebSocket API accepts connections at its endpoint; routes are the route keys."""

    type_name = "infrastructure.websocketapi.deployed"


class ContainerServiceDeployed(StackEvent):
    """A container service runs this image."""

    type_name = "infrastructure.containerservice.deployed"

    service_name: Label
    image: str
    endpoint: str | None = None
