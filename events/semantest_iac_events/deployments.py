"""The life of a deployment, from the request over its approval to exactly one terminal event."""

from __future__ import annotations

from pydantic import Field, JsonValue

from semantest_iac_events.event import StackEvent, StackFailure, StackRequest
from semantest_iac_events.values import (
    ChangeCounts,
    Count,
    HealthAnswer,
    Label,
    Moment,
    Prose,
    ResourceChange,
    Seconds,
)


class DeploymentRequested(StackRequest):
    """A stack shall be brought to `configuration`; `hops` counts the deployments that led to this request.

    `component_type` is the type of a component with a name of its own, whose `configuration` may say it too. With
    `keep_failed`, a first deployment that fails is kept for inspection and not removed. With `refresh`, the state is
    read from the cloud before planning. `rotated_secrets` are those whose new values the deployment brings to the
    functions, and which get their earlier ones again if it fails.
    """

    type_name = "infrastructure.deployment.requested"

    configuration: dict[str, JsonValue] = Field(default_factory=dict)
    hops: Count = 0
    component_type: Label | None = Field(default=None, exclude_if=lambda name: name is None)
    keep_failed: bool = Field(default=False, exclude_if=lambda keeps: not keeps)  # omitted if false
    refresh: bool = Field(default=False, exclude_if=lambda reads: not reads)
    rotated_secrets: tuple[Label, ...] = Field(default=(), exclude_if=lambda secrets: not secrets)


class DeploymentStarted(StackEvent):
    """The deployment began."""

    type_name = "infrastructure.deployment.started"


class DeploymentPlanned(StackEvent):
    """The engine planned its changes; nothing is changed yet.

    `traffic` says how a new version takes over the traffic, where a canary was asked for.
    """

    type_name = "infrastructure.deployment.planned"

    changes: ChangeCounts
    resources: tuple[ResourceChange, ...] = ()
    artifact_digest: str | None = None
    traffic: Prose = Field(default="", exclude_if=lambda text: not text)


class TrafficShifted(StackEvent):
    """The new version gets `weight` percent of the traffic, and the version before it the rest.

    `until` is when it is decided how that goes on; without it the traffic stays so. `reasons` are what led to this
    share. `changes` counts all operations of the deployment so far.
    """

    type_name = "infrastructure.traffic.shifted"

    weight: int = Field(ge=0, le=100)
    until: Moment | None = Field(default=None, exclude_if=lambda moment: moment is None)
    reasons: tuple[Prose, ...] = ()
    changes: ChangeCounts = ChangeCounts()


class DeploymentCompleted(StackEvent):
    """The stack matches its configuration and is healthy; terminal."""

    type_name = "infrastructure.deployment.completed"

    changes: ChangeCounts
    outputs: dict[str, JsonValue] = Field(default_factory=dict)
    endpoint: str | None = None
    health: HealthAnswer | None = None
    duration_s: Seconds = 0.0


class DeploymentFailed(StackFailure):
    """The deployment failed after `changes`; terminal."""

    type_name = "infrastructure.deployment.failed"

    resource: str = ""
    changes: ChangeCounts = ChangeCounts()
    duration_s: Seconds = 0.0


class DeploymentRolledBack(StackFailure):
    """The deployment failed and the stack was restored to the named deployment, or removed; terminal.

    `changes` counts all operations of the deployment and of the rollback.
    """

    type_name = "infrastructure.deployment.rolled_back"

    restored_deployment: str | None = None
    changes: ChangeCounts = ChangeCounts()
    outputs: dict[str, JsonValue] = Field(default_factory=dict)


class DeploymentCancelled(StackEvent):
    """A person cancelled the deployment; terminal."""

    type_name = "infrastructure.deployment.cancelled"

    reason: Prose


class DeploymentSuperseded(StackEvent):
    """A later request replaced the deployment before it changed anything; terminal."""

    type_name = "infrastructure.deployment.superseded"

    successor: Label


class DeploymentRejected(StackFailure):
    """The request is not carried out; terminal.

    `ancestry` is the path of stacks if they form a loop. A request that was never accepted is not in the ledger:
    `request_type` is its type. `accepted_deployment` was accepted in its place, and it may be sent again at
    `retry_at`.
    """

    type_name = "infrastructure.deployment.rejected"

    ancestry: tuple[str, ...] = ()
    request_type: Label | None = Field(default=None, exclude_if=lambda name: name is None)  # omitted if None
    accepted_deployment: Label | None = Field(default=None, exclude_if=lambda deployment: deployment is None)
    retry_at: Moment | None = Field(default=None, exclude_if=lambda moment: moment is None)


class DeploymentNeedsOperator(StackFailure):
    """The deployment failed and could not be rolled back; `commands` are for a person to run; terminal.

    `remainder` names what is left over; `changes` counts all operations in both directions.
    """

    type_name = "infrastructure.deployment.needs_operator"

    changes: ChangeCounts = ChangeCounts()
    remainder: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


class DeploymentResolved(StackEvent):
    """A person has put the stack in order after the deployment needed an operator; the stack is free again."""

    type_name = "infrastructure.deployment.resolved"

    resolved_by: Label
    reason: Prose = ""


class ApprovalRequested(StackEvent):
    """The plan waits for a person's approval, for these reasons; nothing is changed meanwhile.

    `plan_digest` names the plan whose `resources` change: only a plan with the same digest is carried out. Who may
    approve is in `approvers`, empty for anybody; with `four_eyes`, not `requested_by`. Without an approval until
    `expires_at` the deployment is rejected.
    """

    type_name = "infrastructure.approval.requested"

    changes: ChangeCounts
    reasons: tuple[Prose, ...] = ()
    plan_digest: Label | None = Field(default=None, exclude_if=lambda digest: digest is None)
    resources: tuple[ResourceChange, ...] = Field(default=(), exclude_if=lambda resources: not resources)
    expires_at: Moment | None = Field(default=None, exclude_if=lambda moment: moment is None)
    approvers: tuple[Label, ...] = Field(default=(), exclude_if=lambda names: not names)
    four_eyes: bool = Field(default=False, exclude_if=lambda needs_two: not needs_two)
    requested_by: str = Field(default="", exclude_if=lambda name: not name)


class DeploymentApproved(StackEvent):
    """A person approved the plan with this digest."""

    type_name = "infrastructure.approval.granted"

    approved_by: Label
    plan_digest: Label | None = Field(default=None, exclude_if=lambda digest: digest is None)


class DeploymentDisapproved(StackEvent):
    """A person rejected the plan."""

    type_name = "infrastructure.approval.denied"

    disapproved_by: Label
    reason: Prose = ""
