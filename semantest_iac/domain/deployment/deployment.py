"""One deployment from its request to its end: the only place where its status changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

from semantest_iac.domain.deployment.approval import (
    USUAL_APPROVAL_TIME,
    ApprovalTerms,
    approval_denied_error,
    approval_expired_error,
    approval_fields,
    digest_plan,
    is_rest_of_plan,
)
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.events import (
    RunResumed,
    ShiftRequested,
    StepFailed,
    StepIntended,
    StepObserved,
    StepRetried,
)
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import (
    CHANGING_STATUSES,
    DEPLOYMENT_KINDS,
    REMOVAL_KIND,
    STEP_INTENDED,
    TERMINAL_STATUSES,
    TRANSITIONS,
    DeploymentStatus,
    find_next_status,
    interrupts_changes,
)
from semantest_iac.domain.errors import DeploymentError, InvalidStateError, ProviderError, TooSoonError, describe_error
from semantest_iac.domain.ports.provisioner import EventIdentity, event_identity
from semantest_iac_events.deployments import (
    ApprovalRequested,
    DeploymentApproved,
    DeploymentCancelled,
    DeploymentCompleted,
    DeploymentDisapproved,
    DeploymentFailed,
    DeploymentNeedsOperator,
    DeploymentPlanned,
    DeploymentRejected,
    DeploymentResolved,
    DeploymentRolledBack,
    DeploymentStarted,
    DeploymentSuperseded,
    TrafficShifted,
)
from semantest_iac_events.event import StackEvent, StackFailure, StackRequest
from semantest_iac_events.infrastructure import InfrastructureRemovalFailed, InfrastructureRemoved
from semantest_iac_events.values import ChangeCounts, HealthAnswer

_StackEvent = TypeVar("_StackEvent", bound=StackEvent)

FOLDED_EVENTS = frozenset(
    {
        *(*DEPLOYMENT_KINDS, *(key.partition(":")[0] for key in TRANSITIONS)),
        *(it.type_name for it in (StepObserved, StepFailed, TrafficShifted, ShiftRequested)),
    }
)
"""The types of the events that a deployment is folded from; all others leave it as it is."""

_UNCHANGED = ChangeCounts()
_WAY_BACK = "roll_back"
_CHANGING_STEPS = ("apply", "remove")

# Whether the events and steps are those of a removal; removals and others have those that are not here.
_DEPLOY_EVENTS = (
    DeploymentStarted,
    DeploymentCompleted,
    DeploymentFailed,
    DeploymentRolledBack,
)
_IS_OF_REMOVAL: Mapping[str, bool] = {
    **{event.type_name: False for event in _DEPLOY_EVENTS},
    **{f"{STEP_INTENDED}:{step}": False for step in ("apply", "publish_code", "verify", "roll_back")},
    f"{STEP_INTENDED}:remove": True,
    InfrastructureRemoved.type_name: True,
    InfrastructureRemovalFailed.type_name: True,
}


@dataclass(frozen=True, slots=True)
class DeploymentId:
    """The identity of a deployment; that of its request if the requester named none."""

    value: str

    def __post_init__(self) -> None:
        if not self.value.strip():
            raise ValueError("A deployment needs an id.")

    @classmethod
    def new(cls) -> DeploymentId:
        """Return an id that no other deployment has."""
        return cls(str(uuid4()))

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class DeploymentResults:
    """What a deployment brought about."""

    changes: ChangeCounts = field(default_factory=ChangeCounts)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    health: HealthAnswer | None = None
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Deployment:
    """One attempt to bring a stack to its configuration, or to destroy it, folded from its events.

    A command returns the event to record, caused by the request, or raises InvalidStateError; `apply_event` returns
    the deployment after it. `attempt` counts the runs that carried it out. `was_interrupted`: one of them ended while
    it changed the stack. `step` is the step that has begun and not ended. `approval` is what was asked for last, and
    `approved` the plan that was approved: a run that plans something else needs another approval. `may_go_on` says that
    the run before has ended in good order, to wait for what has come by now. `begun` is the plan of which a part may be
    done. `failed` is what failed last, and
    `is_going_back` says that the last good deployment is restored because of that. `shifted` is the share of the
    traffic that the new version has, `requested_shift` what a person has decided about it since.
    """

    id: DeploymentId
    stack: Stack
    request: StackRequest
    status: DeploymentStatus = DeploymentStatus.PENDING
    attempt: int = 1
    was_interrupted: bool = False
    step: str = ""
    planned: DeploymentPlanned | None = None
    approval: ApprovalRequested | None = None
    approved: DeploymentPlanned | None = None
    may_go_on: bool = False
    begun: DeploymentPlanned | None = None
    is_resolved: bool = False
    failed: StepFailed | None = None
    is_going_back: bool = False
    shifted: TrafficShifted | None = None
    requested_shift: ShiftRequested | None = None

    @classmethod
    def from_request(cls, request: StackRequest) -> Deployment:
        """Return the pending deployment that a request opens; raises ValidationError for a malformed stack."""
        find_next_status(None, request.type_name)
        stack = Stack(request.component, request.provider, request.environment, request.region, request.project)
        return cls(DeploymentId(request.deployment_id), stack, request)

    @classmethod
    def fold(cls, events: Iterable[StackEvent]) -> Deployment:
        """Return the deployment after its events, oldest first; raises InvalidStateError unless a request opens it."""
        rest = iter(events)
        request = next(rest, None)
        if not isinstance(request, StackRequest):
            raise InvalidStateError("Cannot read a deployment: its first event is no request.")
        deployment = cls.from_request(request)
        for event in rest:
            deployment = deployment.apply_event(event)
        return deployment

    @property
    def kind(self) -> str:
        """`deploy`, `destroy`, `rollback` or `scale`."""
        return DEPLOYMENT_KINDS[self.request.type_name]

    @property
    def is_removal(self) -> bool:
        """Whether it deletes the stack; every other kind brings it to a configuration."""
        return self.kind == REMOVAL_KIND

    @property
    def identity(self) -> EventIdentity:
        """The fields that every event of this deployment shares."""
        return event_identity(str(self.id), self.stack)

    @property
    def has_ended(self) -> bool:
        return self.status in TERMINAL_STATUSES

    @property
    def may_have_changed_stack(self) -> bool:
        return self.was_interrupted or self.status in CHANGING_STATUSES

    @property
    def failure(self) -> DeploymentError:
        """The error of the step that failed last."""
        failed = self.failed
        if failed is None:
            raise InvalidStateError(f"Cannot say why deployment '{self.id}' failed: no step of it has.")
        return DeploymentError(failed.reason, failed.code, hint=failed.hint)

    @property
    def approval_end(self) -> datetime:
        """Until when the plan may be approved; raises InvalidStateError where no approval was asked for."""
        if self.approval is None:
            raise InvalidStateError(f"Deployment '{self.id}' has not asked for an approval.")
        return self.approval.expires_at or self.approval.occurred_at + USUAL_APPROVAL_TIME

    @property
    def is_approved(self) -> bool:
        """Whether a person approved what was planned last, or what an interrupted run has left of it to do."""
        planned, approved = self.planned, self.approved
        if planned is None or approved is None:
            return False
        is_rest = self.was_interrupted and is_rest_of_plan(planned, approved)
        return is_rest or digest_plan(planned) == digest_plan(approved)

    @property
    def is_rest_of_begun(self) -> bool:
        """Whether what was planned last is what an interrupted run has left of a plan that nobody stopped."""
        planned, begun = self.planned, self.begun
        if self.is_removal or not self.was_interrupted:
            return self.was_interrupted
        return planned is not None and begun is not None and is_rest_of_plan(planned, begun)

    def apply_event(self, event: StackEvent) -> Deployment:
        """Return the deployment after a recorded event, which is a fact: one that it cannot have changes nothing."""
        try:
            status = find_next_status(self.status, event.type_name, _step_of(event))
        except InvalidStateError:
            return self
        after = replace(self, status=status)
        match event:
            case StepIntended():
                begun = self.planned if event.step in _CHANGING_STEPS else self.begun
                is_going_back = self.is_going_back or event.step == _WAY_BACK
                return replace(after, step=event.step, begun=begun, is_going_back=is_going_back)
            case StepObserved() | StepFailed():
                return replace(after, step="", failed=self._find_failed(event))
            case RunResumed():
                was_interrupted = self.was_interrupted or interrupts_changes(self.status, event.type_name)
                return replace(after, step="", attempt=event.attempt, was_interrupted=was_interrupted, may_go_on=False)
            case DeploymentResolved():
                return replace(after, is_resolved=True)
        return after._follow_plan(event)

    def _follow_plan(self, event: StackEvent) -> Deployment:
        match event:
            case DeploymentPlanned():
                return replace(self, planned=event)
            case ApprovalRequested():
                return replace(self, approval=event)
            case DeploymentApproved():
                return replace(self, approved=self.planned, may_go_on=True)
            case TrafficShifted():
                return replace(self, shifted=event, requested_shift=self._find_unanswered(event), may_go_on=True)
            case ShiftRequested():
                return replace(self, requested_shift=event)
        return self

    def _find_unanswered(self, event: TrafficShifted) -> ShiftRequested | None:
        """Return what a person has decided while this change of the traffic was carried out already."""
        asked = self.requested_shift
        return None if asked is None or asked.id in event.previous_event_ids else asked

    def _find_failed(self, event: StepObserved | StepFailed) -> StepFailed | None:
        """Return what failed last; a way back that fails is not the reason for it."""
        return event if isinstance(event, StepFailed) and event.step != _WAY_BACK else self.failed

    def start(self) -> DeploymentStarted:
        """Start the first run."""
        return self._decide("start", DeploymentStarted(**self.identity))

    def resume(self) -> RunResumed:
        """Carry the deployment out again from its first step, after a run that ended before it did."""
        return self._decide("resume", RunResumed(**self.identity, attempt=self.attempt + 1))

    def validate(self) -> StepIntended:
        """Begin to validate the configuration."""
        return self._begin_step("validate", "validate")

    def build_artifact(self) -> StepIntended:
        """Begin to build the package."""
        return self._begin_step("build the package of", "build_artifact")

    def preview(self) -> StepIntended:
        """Begin to preview the changes."""
        return self._begin_step("preview", "preview")

    def plan(self, plan: ChangePlan, artifact_digest: str | None = None) -> DeploymentPlanned:
        """Plan these changes; unchanged resources are counted and not listed."""
        planned = DeploymentPlanned(
            **self.identity,
            changes=plan.changes,
            resources=tuple(change.to_event_value() for change in plan.mutations),
            artifact_digest=artifact_digest,
        )
        return self._decide("plan", planned)

    def await_approval(self, reasons: Iterable[str], terms: ApprovalTerms) -> ApprovalRequested:
        """Wait until a person approves the plan, for these reasons."""
        planned = self.planned
        if planned is None:
            raise InvalidStateError(f"Cannot await the approval of deployment '{self.id}': it has no plan.")
        fields = approval_fields(planned, reasons, terms)
        event = ApprovalRequested(**self.identity, **fields, requested_by=self.request.requested_by)
        return self._decide("await the approval of", event)

    def approve(self, approved_by: str) -> DeploymentApproved:
        """Approve the plan that waits for it."""
        digest = self.approval.plan_digest if self.approval else None
        approved = DeploymentApproved(**self.identity, approved_by=approved_by, plan_digest=digest)
        return self._decide("approve", approved)

    def disapprove(self, disapproved_by: str, reason: str = "") -> tuple[DeploymentDisapproved, DeploymentRejected]:
        """End without a change, because a person rejected the plan that waits for approval."""
        denied = DeploymentDisapproved(**self.identity, disapproved_by=disapproved_by, reason=reason)
        return self._decide("reject the plan of", denied), self.reject(approval_denied_error(disapproved_by, reason))

    def expire(self) -> DeploymentRejected:
        """End without a change, because nobody has approved the plan in time."""
        return self.reject(approval_expired_error(self.approval_end))

    def apply(self) -> StepIntended:
        """Begin to apply the plan."""
        return self._begin_step("apply", "apply")

    def publish_code(self) -> StepIntended:
        """Begin to publish the code."""
        return self._begin_step("publish the code of", "publish_code")

    def verify(self) -> StepIntended:
        """Begin to verify that the service is healthy."""
        return self._begin_step("verify", "verify")

    def roll_back(self) -> StepIntended:
        """Begin to restore the last good deployment."""
        return self._begin_step("roll back", _WAY_BACK)

    def remove(self) -> StepIntended:
        """Begin to delete every resource of the stack."""
        return self._begin_step("remove the resources of", "remove")

    def complete_step(self) -> StepObserved:
        """End the step that has begun, because it succeeded."""
        return self._decide("end a step of", StepObserved(**self.identity, step=self._require_step()))

    def retry_step(self, error: DeploymentError, attempt: int, pause_s: float) -> StepRetried:
        """Take the step that has begun once more after a pause; `attempt` counts its tries, that one included."""
        retried = StepRetried(
            **self.identity,
            step=self._require_step(),
            attempt=attempt,
            pause_s=pause_s,
            code=error.error_code,
            reason=error.reason,
        )
        return self._decide("repeat a step of", retried)

    def fail_step(self, error: DeploymentError) -> StepFailed:
        """End the step that has begun with an error."""
        failed = StepFailed(**self.identity, **describe_error(error), step=self._require_step())
        return self._decide("end a step of", failed)

    def complete(self, results: DeploymentResults) -> DeploymentCompleted:
        """End well."""
        outputs = dict(results.outputs)
        completed = DeploymentCompleted(
            **self.identity,
            changes=results.changes,
            outputs=outputs,
            endpoint=outputs.get("endpoint"),
            health=results.health,
            duration_s=results.duration_s,
        )
        return self._decide("complete", completed)

    def complete_removal(self, changes: ChangeCounts, generation: int) -> InfrastructureRemoved:
        """End well, with nothing of this generation left."""
        removed = InfrastructureRemoved(**self.identity, changes=changes, generation=generation)
        return self._decide("complete the removal of", removed)

    def complete_rollback(
        self,
        error: DeploymentError,
        *,
        changes: ChangeCounts,
        restored_deployment: str | None,
        outputs: Mapping[str, Any],
    ) -> DeploymentRolledBack:
        """End with the stack as it was before the error; without a restored deployment, nothing of it is left."""
        rolled_back = DeploymentRolledBack(
            **self.identity,
            **describe_error(error),
            changes=changes,
            restored_deployment=restored_deployment,
            outputs=dict(outputs),
        )
        return self._decide("complete the rollback of", rolled_back)

    def fail(
        self,
        error: DeploymentError,
        *,
        changes: ChangeCounts = _UNCHANGED,
        duration_s: float = 0.0,
        advice: str = "",
        remainder: Iterable[str] = (),
    ) -> StackFailure:
        """End with an error after these changes; `advice` follows its hint.

        A destroy names with `remainder` what it could not delete; only a deploy has the duration and the resource.
        """
        fields = describe_error(error)
        fields["hint"] = " ".join(filter(None, (error.hint, advice)))
        if self.is_removal:
            removal_failed = InfrastructureRemovalFailed(
                **self.identity, **fields, changes=changes, remainder=tuple(remainder)
            )
            return self._decide("fail", removal_failed)
        resource = error.resource if isinstance(error, ProviderError) else ""
        failed = DeploymentFailed(**self.identity, **fields, resource=resource, changes=changes, duration_s=duration_s)
        return self._decide("fail", failed)

    def need_operator(
        self,
        error: DeploymentError,
        *,
        commands: Iterable[str],
        changes: ChangeCounts = _UNCHANGED,
        remainder: Iterable[str] = (),
    ) -> DeploymentNeedsOperator:
        """End with an error that a person must repair; the stack is held until `resolve`."""
        needs_operator = DeploymentNeedsOperator(
            **self.identity,
            **describe_error(error),
            changes=changes,
            remainder=tuple(remainder),
            commands=tuple(commands),
        )
        return self._decide("request an operator for", needs_operator)

    def reject(self, error: DeploymentError, ancestry: Iterable[str] = ()) -> DeploymentRejected:
        """End before anything is changed, because the request is not allowed."""
        retry_at = error.retry_at if isinstance(error, TooSoonError) else None
        described = describe_error(error)
        rejected = DeploymentRejected(**self.identity, **described, ancestry=tuple(ancestry), retry_at=retry_at)
        return self._decide("reject", rejected)

    def cancel(self) -> DeploymentCancelled:
        """End because a person cancelled it; the reason says how far it was."""
        reason = "Cancelled before anything was changed."
        if self.may_have_changed_stack:
            state = self.status.replace("_", " ")
            reason = f"Cancelled while {state}; the next deployment continues from what was done."
        return self._decide("cancel", DeploymentCancelled(**self.identity, reason=reason))

    def supersede(self, successor: str) -> DeploymentSuperseded:
        """End before anything is changed, because this later deployment replaces it."""
        return self._decide("supersede", DeploymentSuperseded(**self.identity, successor=successor))

    def resolve(self, resolved_by: str, reason: str = "") -> DeploymentResolved:
        """Free the stack that the deployment has held since it needed an operator; its status stays."""
        if self.is_resolved:
            raise InvalidStateError(f"Cannot resolve deployment '{self.id}': it is resolved already.")
        return self._decide("resolve", DeploymentResolved(**self.identity, resolved_by=resolved_by, reason=reason))

    def _begin_step(self, command: str, step: str) -> StepIntended:
        return self._decide(command, StepIntended(**self.identity, step=step))

    def _require_step(self) -> str:
        if not self.step:
            raise InvalidStateError(f"Cannot end a step of deployment '{self.id}': none has begun.")
        return self.step

    def _decide(self, command: str, event: _StackEvent) -> _StackEvent:
        """Return the event as caused by the request; raises InvalidStateError if the command is not allowed now."""
        step = _step_of(event)
        key = f"{event.type_name}:{step}" if step else event.type_name
        if self.is_removal is not _IS_OF_REMOVAL.get(key, self.is_removal):
            raise InvalidStateError(f"Cannot {command} deployment '{self.id}': it is a {self.kind}.")
        try:
            find_next_status(self.status, event.type_name, step)
        except InvalidStateError as error:
            message = f"Cannot {command} deployment '{self.id}': its status is {self.status.replace('_', ' ')}."
            raise InvalidStateError(message, hint=_hint_for(self.status)) from error
        return event.caused_by(self.request)


def _step_of(event: StackEvent) -> str:
    """Return the step that a journal entry names, empty for other events."""
    return event.step if isinstance(event, StepIntended | StepObserved | StepFailed) else ""


def _hint_for(status: DeploymentStatus) -> str:
    if status in TERMINAL_STATUSES:
        return "A deployment ends once: deploy or destroy again to change its stack."
    return "`semantest-iac history` shows the deployments and their statuses."
