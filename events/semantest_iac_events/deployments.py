"""The life of a deployment, from the request over its approval to exactly one terminal event."""

from __future__ import annotations

from pydantic import Field, JsonValue

from semantest_iac_events.event import StackEvent, StackFailure, StackRequest
from semantest_iac_events.values import ChangeCounts, Count, HealthAnswer, Label, Prose, ResourceChange, Seconds


class DeploymentRequested(StackRequest):
    """Bring the stack to what `configuration` says; `hops` counts the deployments that led here."""

    type_name = "infrastructure.deployment.requested"

    configuration: dict[str, JsonValue] = Field(default_factory=dict)
    hops: Count = 0


class DeploymentStarted(StackEvent):
    """The request was taken up."""

    type_name = "infrastructure.deployment.started"


class DeploymentPlanned(StackEvent):
    """What the engine would do; nothing has been changed yet."""

    type_name = "infrastructure.deployment.planned"

    changes: ChangeCounts
    resources: tuple[ResourceChange, ...] = ()
    artifact_digest: str | None = None


class DeploymentCompleted(StackEvent):
    """The stack is as it was asked for and answers; terminal."""

    type_name = "infrastructure.deployment.completed"

    changes: ChangeCounts
    outputs: dict[str, JsonValue] = Field(default_factory=dict)
    endpoint: str | None = None
    health: HealthAnswer | None = None
    duration_s: Seconds = 0.0


class DeploymentFailed(StackFailure):
    """The stack could not be brought there; `changes` had been made by then; terminal."""

    type_name = "infrastructure.deployment.failed"

    resource: str = ""
    changes: ChangeCounts = ChangeCounts()
    duration_s: Seconds = 0.0


class DeploymentRolledBack(StackFailure):
    """It failed and the stack is what it was before: the named deployment, or nothing at all; terminal.

    `changes` are all that it made, on the way there and on the way back.
    """

    type_name = "infrastructure.deployment.rolled_back"

    restored_deployment: str | None = None
    changes: ChangeCounts = ChangeCounts()
    outputs: dict[str, JsonValue] = Field(default_factory=dict)


class DeploymentCancelled(StackEvent):
    """A person called it off; terminal."""

    type_name = "infrastructure.deployment.cancelled"

    reason: Prose


class DeploymentSuperseded(StackEvent):
    """A later request took its place before it started; terminal."""

    type_name = "infrastructure.deployment.superseded"

    successor: Label


class DeploymentRejected(StackFailure):
    """Understood and not allowed; `ancestry` is the path of stacks when it is a loop; terminal."""

    type_name = "infrastructure.deployment.rejected"

    ancestry: tuple[str, ...] = ()


class DeploymentNeedsOperator(StackFailure):
    """Neither forward nor back: what is left over, and the commands for a person to run; terminal.

    `changes` are all that it made, as far as it got, in both directions.
    """

    type_name = "infrastructure.deployment.needs_operator"

    changes: ChangeCounts = ChangeCounts()
    remainder: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


class ApprovalRequested(StackEvent):
    """The plan waits for a person, for these reasons."""

    type_name = "infrastructure.approval.requested"

    changes: ChangeCounts
    reasons: tuple[Prose, ...] = ()


class DeploymentApproved(StackEvent):
    """A person said yes to the plan that was shown."""

    type_name = "infrastructure.approval.granted"

    approved_by: Label


class DeploymentDisapproved(StackEvent):
    """A person said no."""

    type_name = "infrastructure.approval.denied"

    disapproved_by: Label
    reason: Prose = ""
