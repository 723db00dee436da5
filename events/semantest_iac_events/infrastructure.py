"""Deployed resources, changes of a stack as a whole, and the configuration of an environment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from semantest_iac_events.event import Event, StackEvent, StackFailure, StackRequest
from semantest_iac_events.stack_names import DEFAULT_PROJECT
from semantest_iac_events.values import ChangeCounts, Count, Label, Prose, ResourceChange


class InfrastructureUpdated(StackEvent):
    """The engine finished successfully; its last event."""

    type_name = "infrastructure.updated"

    changes: ChangeCounts
    outputs: dict[str, JsonValue] = Field(default_factory=dict)


class InfrastructureUpdateFailed(StackFailure):
    """The engine failed; `resource` is the one that it failed at, if there is one."""

    type_name = "infrastructure.update.failed"

    resource: str = ""


class InfrastructureRemovalRequested(StackRequest):
    """The whole stack shall be destroyed."""

    type_name = "infrastructure.removal.requested"


class InfrastructureRemoved(StackEvent):
    """The stack was destroyed; `generation` is the destroyed one, counted from 1."""

    type_name = "infrastructure.removed"

    changes: ChangeCounts
    generation: int = Field(ge=1)


class InfrastructureRemovalFailed(StackFailure):
    """The destroy failed; `changes` counts what was deleted before that, and `remainder` names what is left."""

    type_name = "infrastructure.removal.failed"

    changes: ChangeCounts = Field(default_factory=ChangeCounts)
    remainder: tuple[str, ...] = ()


class RollbackRequested(StackRequest):
    """The stack shall be restored to a deployment, by default the last good one.

    `accepted_data_loss` names the resources whose data may be lost for good; without them, what loses data is refused.
    """

    type_name = "infrastructure.rollback.requested"

    target_deployment: Label | None = None
    accepted_data_loss: tuple[Label, ...] = Field(default=(), exclude_if=lambda names: not names)  # omitted if empty


class ScalingTriggered(StackRequest):
    """The number of instances shall stay between these; what is not given stays as it is deployed.

    `min_step` and `max_step` are added to what is deployed, or taken away from it, in place of a number. `reason` names
    the metric or person. It is `automatic` if an event asked for it, and not a person: then the cooldown holds.
    """

    type_name = "infrastructure.scaling.triggered"

    min_instances: Count | None = Field(default=None, exclude_if=lambda count: count is None)
    max_instances: Count | None = Field(default=None, exclude_if=lambda count: count is None)
    min_step: int = Field(default=0, exclude_if=lambda step: step == 0)
    max_step: int = Field(default=0, exclude_if=lambda step: step == 0)
    automatic: bool = Field(default=False, exclude_if=lambda automatic: not automatic)
    reason: Prose = ""


class DriftDetected(StackEvent):
    """The cloud differs from the deployment; `resources` are the changes that would correct it."""

    type_name = "infrastructure.drift.detected"

    changes: ChangeCounts
    resources: tuple[ResourceChange, ...] = ()


class SecretChanged(StackEvent):
    """A secret of the stack has another value from the next deployment on; the value itself is in no event.

    `version` is the id of the value in the cloud's own store, whose secret has the `address`. One that was `rotated`
    has the id of the deployment that brings it to the functions, and counts unless that fails. `generation` is that of
    the stack: a destroy deletes the values.
    """

    type_name = "infrastructure.secret.changed"

    secret: Label
    action: Literal["set", "rotated"]
    version: Label
    address: Label
    changed_by: str = ""
    generation: int = Field(default=1, ge=1)


class EnvironmentConfigured(Event):
    """An environment has new settings; secrets are references, never values.

    `settings` is what its configuration says besides the defaults of `base_environment`, the built-in environment that
    one of the configuration's own extends. `digest` covers both: equal ones are published once.
    """

    type_name = "infrastructure.environment.configured"

    environment: Label
    provider: Label
    region: Label
    project: Label = Field(default=DEFAULT_PROJECT, exclude_if=lambda project: project == DEFAULT_PROJECT)
    base_environment: Label | None = Field(default=None, exclude_if=lambda base: base is None)  # omitted if None
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    digest: str = ""


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
    api_name: Label
    api_id: str
    endpoint: str
    routes: tuple[str, ...] = ()


class HttpApiDeployed(_ApiDeployed):
    """An HTTP API is deployed; routes are written `METHOD /path`."""

    type_name = "infrastructure.httpapi.deployed"


class WebSocketApiDeployed(_ApiDeployed):
    """A WebSocket API is deployed; routes are the route keys."""

    type_name = "infrastructure.websocketapi.deployed"


class ContainerServiceDeployed(StackEvent):
    """A container service runs this image."""

    type_name = "infrastructure.containerservice.deployed"

    service_name: Label
    image: str
    endpoint: str | None = None
