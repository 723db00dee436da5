"""The engine that brings a stack to its blueprint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypedDict

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.change_plan import ChangePlan, combine_plans
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac_events.values import ChangeCounts

StackOutputs = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SettledResource:
    """A neutral resource that an engine has deployed: its kind (`semantest:<area>:<Kind>`) and its outputs."""

    kind: str
    outputs: StackOutputs

    @property
    def needs_code(self) -> bool:
        """Whether the resource can do nothing before its code has been published."""
        return bool(self.outputs.get("takes_code"))


PublishSettled = Callable[[SettledResource], Awaitable[None]]


class EventIdentity(TypedDict):
    """The fields that every event of one deployment shares."""

    component: str
    provider: str
    environment: str
    region: str
    deployment_id: str


def event_identity(deployment: str, stack: Stack) -> EventIdentity:
    """Who an event of this deployment is about."""
    return EventIdentity(
        component=stack.component,
        provider=stack.provider,
        environment=stack.environment,
        region=stack.region,
        deployment_id=deployment,
    )


class Deferred(StrEnum):
    """How much must wait of what the cloud only makes, or changes, where the code behind it runs."""

    NOTHING = ""
    CHANGES = "changes"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Work:
    """One blueprint to bring about for one deployment; what is `held` back, the engine does once code is published."""

    deployment: str
    blueprint: Blueprint
    artifact: Artifact | None
    held: Deferred = Deferred.NOTHING

    @property
    def identity(self) -> EventIdentity:
        """The fields that every event of this work shares."""
        return event_identity(self.deployment, self.blueprint.stack)


@dataclass(frozen=True, slots=True)
class Removal:
    """One generation of a stack to take away."""

    deployment: str
    stack: Stack
    generation: int

    @property
    def identity(self) -> EventIdentity:
        """The fields that every event of this removal shares."""
        return event_identity(self.deployment, self.stack)


@dataclass(frozen=True, slots=True)
class ResourceProgress:
    """One resource beginning or ending one operation: for people watching, never recorded."""

    urn: str
    type: str
    name: str
    op: str
    state: str  # running, done or failed
    seconds: float = 0.0


ReportProgress = Callable[[ResourceProgress], None]


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What was done, and what the stack now offers (secret outputs are left out)."""

    done: ChangePlan
    outputs: StackOutputs

    @property
    def changes(self) -> ChangeCounts:
        """How many resources each operation touched."""
        return self.done.changes

    def then(self, more: ApplyResult) -> ApplyResult:
        """Both in one, in this order."""
        return ApplyResult(combine_plans(self.done, more.done), more.outputs)


class Provisioner(Protocol):
    """Previews, applies, publishes code and destroys; raises ProviderError when the cloud refuses.

    `publish` is called as each changed kind settles, and records it durably before it returns; the caller decides
    which event that becomes. `progress` may be called from any thread, and is called before each operation: a failure
    before the first call has changed nothing. Cancelling stops after the operation under way; nothing is published
    after that.
    """

    async def preview(self, work: Work) -> ChangePlan:
        """What `apply`, and `publish_code` where code is lacking, would do now; changes nothing."""
        ...

    async def apply(
        self, work: Work, plan: ChangePlan, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        """Bring the stack to the blueprint; what an interrupted run left is found and finished first."""
        ...

    async def publish_code(
        self, work: Work, applied: ApplyResult, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        """Bring the package to what was applied, where the cloud itself says that it does not run yet.

        Called after `apply` where the plan lacks code, and may be repeated. What waited for the code is applied then:
        the result is everything that was done, and `applied` itself where nothing waited. Publishes every kind of the
        stack.
        """
        ...

    async def preview_destroy(self, stack: Stack) -> ChangePlan:
        """What `destroy` would do now."""
        ...

    async def destroy(self, removal: Removal, progress: ReportProgress) -> ChangeCounts:
        """Delete every resource of the stack, dependents first, or forget it where it outlives its stack.

        An empty stack is no error; when it returns, nothing is left.
        """
        ...
