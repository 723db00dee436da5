"""The port to an engine, which brings stacks to their blueprints."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic
from typing import Any, Protocol, TypedDict

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange, combine_plans
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.security.access import AppSecret
from semantest_iac_events.values import ChangeCounts

_LOG = logging.getLogger(__name__)

StackOutputs = Mapping[str, Any]

RevealSecret = Callable[[Stack, AppSecret], str]
"""Returns the value of a secret of a stack: that of its version, without one that of the configuration.

May block; raises DeploymentError where there is none.
"""


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
    project: str
    deployment_id: str


def event_identity(deployment: str, stack: Stack) -> EventIdentity:
    """Return the fields that every event of this deployment shares."""
    return EventIdentity(
        component=stack.component,
        provider=stack.provider,
        environment=stack.environment,
        region=stack.region,
        project=stack.project,
        deployment_id=deployment,
    )


class Deferred(StrEnum):
    """What waits: for the code, resources that the cloud creates or changes only where the code runs.

    `LIMITS` wait for the rest of the work: the cloud lowers them only once less is in use. `TRAFFIC` stays where it is,
    or goes to the new version, until what is to receive it runs its code.
    """

    NOTHING = ""
    CHANGES = "changes"
    ALL = "all"
    LIMITS = "limits"
    TRAFFIC = "traffic"


@dataclass(frozen=True, slots=True)
class Work:
    """A blueprint to apply in one deployment; the `deferred` part is applied after the rest.

    With `refresh`, the state is read from the cloud before it is compared with the blueprint. `versions` are published
    versions by the names of functions: they receive the requests, and the functions stay as they are. An engine raises
    a DeploymentError where a version is gone, has another package, or has other settings than its function has now;
    clouds without versions ignore it.
    """

    deployment: str
    blueprint: Blueprint
    artifact: Artifact | None
    deferred: Deferred = Deferred.NOTHING
    refresh: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def defers_limits(self) -> bool:
        """Whether another run must lower limits when this one is done."""
        return self.deferred is Deferred.LIMITS

    @property
    def identity(self) -> EventIdentity:
        """Return the fields that every event of this work shares."""
        return event_identity(self.deployment, self.blueprint.stack)


@dataclass(frozen=True, slots=True)
class Removal:
    """One generation of a stack to destroy."""

    deployment: str
    stack: Stack
    generation: int

    @property
    def identity(self) -> EventIdentity:
        """Return the fields that every event of this removal shares."""
        return event_identity(self.deployment, self.stack)


STEP_OPERATIONS = (
    "read",
    "package",
    "install",
    "build",
    "bundle",
    "plan",
    "wait",
    "apply",
    "push",
    "rollback",
    "check",
)
"""What takes time beside or around the operations on resources."""


@dataclass(frozen=True, slots=True)
class ResourceProgress:
    """The start or end of an operation on one resource, or of a step; shown to users, never recorded.

    A step that reports `running` again under the same URN is the same step with other words for it.
    """

    urn: str
    type: str
    name: str
    op: str
    state: str  # running, done or failed
    seconds: float = 0.0

    @property
    def is_step(self) -> bool:
        """Whether it is about no single resource, as packaging, planning, waiting, checking are."""
        return self.op in STEP_OPERATIONS


ReportProgress = Callable[[ResourceProgress], None]

_STEP_TYPE = "semantest:step:Step"


def ignore_progress(progress: ResourceProgress) -> None:
    """Ignore the progress."""


def guard_progress(progress: ReportProgress) -> ReportProgress:
    """Return a function that passes progress on until that raises: who watches a run never stops it."""
    has_failed = False

    def report(each: ResourceProgress) -> None:
        nonlocal has_failed
        if has_failed:
            return
        try:
            progress(each)
        except Exception as error:
            has_failed = True
            _LOG.warning("Progress is not shown any more: %s.", type(error).__name__)

    return report


def step_progress(op: str, name: str, state: str, seconds: float = 0.0, *, key: str = "") -> ResourceProgress:
    """Return the progress of a step; `key` distinguishes steps of one kind that run at the same time."""
    return ResourceProgress(
        f"urn:pulumi:step::semantest::{_STEP_TYPE}::{op} {key}", _STEP_TYPE, name, op, state, seconds
    )


class WaitReporter:
    """Reports waiting for another run as a step, from the first time that the other run is named."""

    def __init__(self, progress: ReportProgress) -> None:
        self._progress = progress
        self._began = monotonic()
        self._holder = ""

    def report_holder(self, holder: str) -> None:
        """Report for whom or what is waited now, once for each."""
        if holder != self._holder:
            self._holder = holder
            self._progress(step_progress("wait", holder, "running"))

    def report_end(self, state: str) -> None:
        """Report that the wait is over, if there was any: `done` or `failed`."""
        if self._holder:
            self._progress(step_progress("wait", self._holder, state, monotonic() - self._began))
            self._holder = ""


@contextmanager
def report_step(progress: ReportProgress, op: str, name: str) -> Iterator[None]:
    """Report that a step, one of STEP_OPERATIONS, begins, and how it ends."""
    began, state = monotonic(), "failed"
    progress(step_progress(op, name, "running", key=name))
    try:
        yield
        state = "done"
    finally:
        progress(step_progress(op, name, state, monotonic() - began, key=name))


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """The applied changes, and the outputs of the stack without secret ones."""

    done: ChangePlan
    outputs: StackOutputs

    @property
    def changes(self) -> ChangeCounts:
        """Return the number of resources per operation."""
        return self.done.changes

    def then(self, more: ApplyResult) -> ApplyResult:
        """Return this result followed by another one."""
        return ApplyResult(combine_plans(self.done, more.done), more.outputs)


class Provisioner(Protocol):
    """Previews, applies, publishes code and destroys; raises ProviderError when the cloud refuses.

    `publish` is called as each changed kind settles, and records it durably before it returns; the caller decides
    which event that becomes. `progress` may be called from any thread, and is called before each operation: a failure
    before the first call that is about a resource has changed nothing. Cancelling stops after the operation under way;
    nothing is published after that.
    """

    async def preview(self, work: Work, progress: ReportProgress = ignore_progress) -> ChangePlan:
        """Return what `apply`, and `publish_code` if code is missing, would do; changes nothing."""
        ...

    async def apply(
        self, work: Work, plan: ChangePlan, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        """Apply the blueprint; first finds and finishes what an interrupted run left."""
        ...

    async def publish_code(
        self, work: Work, applied: ApplyResult, publish: PublishSettled, progress: ReportProgress
    ) -> ApplyResult:
        """Publish the package to applied resources that do not run it yet, according to the cloud.

        Called after `apply` if the plan lacks code; may be repeated. Applies what was deferred, returns the sum of both
        results (`applied` itself if nothing was missing), and publishes every kind of the stack.
        """
        ...

    async def preview_destroy(self, stack: Stack) -> ChangePlan:
        """Return what `destroy` would do."""
        ...

    async def detect_drift(self, stack: Stack) -> tuple[PlannedChange, ...]:
        """Return what was updated or deleted in the cloud since the last run, with the values before and now."""
        ...

    async def destroy(self, removal: Removal, progress: ReportProgress) -> ChangeCounts:
        """Delete every resource of the stack, dependents first, or forget it if it outlives the stack.

        An empty stack is no error; when it returns, nothing is left.
        """
        ...
