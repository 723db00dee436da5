"""The steps of a run and their execution, with cloud calls and a journal or as a dry run."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeVar

from semantest_iac.domain.ports.provisioner import ReportProgress, ResourceProgress
from semantest_iac.infrastructure.sandbox_engine.protocol.values import outputs_with_secrets, to_cloud_value
from semantest_iac.infrastructure.sandbox_engine.state.journal import FindCloud, Journal
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState, Snapshot, StateChange
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal

StepOperation = Literal["create", "update", "replace", "delete", "same"]


@dataclass(frozen=True, slots=True)
class ResourceStep:
    """One operation that was taken (or would be), for plans and counts."""

    op: StepOperation
    state: ResourceState
    why: tuple[str, ...] = ()


class StepError(Exception):
    """An operation was refused; the run makes no further ones. `refusal` holds the answer of the cloud, if any."""

    def __init__(self, state: ResourceState | None, message: str, refusal: CloudRefusal | None = None) -> None:
        super().__init__(message)
        self.state = state
        self.message = message
        self.refusal = refusal


@dataclass(slots=True)
class CancelToken:
    """Stops a run from outside: pulled from any thread, looked at before every operation."""

    reason: Exception | None = None

    def pull(self, reason: Exception) -> None:
        """Let the operation under way end and no further one begin; the first reason counts."""
        self.reason = self.reason or reason


class PartialCreateError(Exception):
    """The cloud made a resource and failed to complete it: the effect stands although the operation was refused."""

    def __init__(self, effect: StateChange, refusal: CloudRefusal) -> None:
        super().__init__(refusal.message)
        self.effect = effect
        self.refusal = refusal


class Operator(Protocol):
    """Takes a resource as it should be and returns what is to be remembered; the caller applies it."""

    def create(self, goal: ResourceState, after: StateChange) -> StateChange:
        """Make it; `after` is what becomes of what it replaces."""
        ...

    def update(self, goal: ResourceState, old: ResourceState) -> StateChange:
        """Change it in place."""
        ...

    def delete(self, old: ResourceState, after: StateChange) -> StateChange:
        """Delete it, or leave it behind where it is to be kept."""
        ...

    def note(self, effect: StateChange) -> StateChange:
        """Remember a change that no cloud hears of."""
        ...


class DryRunOperator:
    """Answers what is known beforehand and touches nothing."""

    def __init__(self, cloud_of: FindCloud) -> None:
        self._cloud_of = cloud_of

    def create(self, goal: ResourceState, after: StateChange) -> StateChange:
        """The outputs that follow from the inputs; the rest is unknown."""
        if goal.is_local:
            return replace(after, put=_local_resource(goal, ""))
        return replace(
            after,
            put=_with_outputs(goal, "", self._cloud_of(goal).preview_create(goal.type, to_cloud_value(goal.inputs))),
        )

    def update(self, goal: ResourceState, old: ResourceState) -> StateChange:
        """The old outputs, unknown where the change will reach them."""
        if goal.is_local:
            return StateChange(_local_resource(goal, old.id), old.key)
        outputs = self._cloud_of(goal).preview_update(
            goal.type, to_cloud_value(old.outputs), to_cloud_value(goal.inputs)
        )
        return StateChange(_with_outputs(goal, old.id, outputs), old.key)

    def delete(self, old: ResourceState, after: StateChange) -> StateChange:
        """Gone in mind."""
        return after

    def note(self, effect: StateChange) -> StateChange:
        """Known in mind."""
        return effect


class LiveOperator:
    """Calls the cloud, one journal row before and one after."""

    def __init__(self, cloud_of: FindCloud, journal: Journal) -> None:
        self._cloud_of = cloud_of
        self._journal = journal

    def create(self, goal: ResourceState, after: StateChange) -> StateChange:
        """The cloud keeps the mark of the journal row, so that an unfinished create can be found."""
        if goal.is_local:
            return self.note(replace(after, put=_local_resource(goal, str(uuid.uuid4()) if goal.is_provider else "")))
        owner = self._journal.begin("create", goal, after)
        try:
            created = self._cloud_of(goal).create(goal.type, to_cloud_value(goal.inputs), owner=owner)
        except CloudRefusal as refusal:
            if refusal.created is None:
                raise
            half = replace(
                _with_outputs(goal, refusal.created.id, refusal.created.outputs), init_errors=(refusal.message,)
            )
            raise PartialCreateError(self._ended(owner, replace(after, put=half)), refusal) from refusal
        return self._ended(owner, replace(after, put=_with_outputs(goal, created.id, created.outputs)))

    def update(self, goal: ResourceState, old: ResourceState) -> StateChange:
        """Safe to repeat: an update that was not noted is found as a difference and made again."""
        after = StateChange(drop=old.key)
        if goal.is_local:
            return self.note(replace(after, put=_local_resource(goal, old.id)))
        owner = self._journal.begin("update", replace(goal, id=old.id), after)
        outputs = self._cloud_of(goal).update(goal.type, old.id, to_cloud_value(goal.inputs))
        return self._ended(owner, replace(after, put=_with_outputs(goal, old.id, outputs)))

    def delete(self, old: ResourceState, after: StateChange) -> StateChange:
        """Safe to repeat: a cloud does not mind deleting what is gone."""
        if old.is_local or old.external or old.retain_on_delete:
            return self.note(after)
        owner = self._journal.begin("delete", old, after)
        self._cloud_of(old).delete(old.type, old.id, to_cloud_value(old.outputs))
        return self._ended(owner, after)

    def note(self, effect: StateChange) -> StateChange:
        """One row, no cloud."""
        self._journal.note(effect)
        return effect

    def _ended(self, owner: str, effect: StateChange) -> StateChange:
        self._journal.end(owner, effect)
        return effect


def _local_resource(goal: ResourceState, id_: str) -> ResourceState:
    """A component's outputs are told by the program in the end; a provider's are its configuration."""
    return replace(goal, id=id_, outputs=goal.inputs if goal.is_provider else {})


def _with_outputs(goal: ResourceState, id_: str, outputs: Mapping[str, Any]) -> ResourceState:
    return replace(goal, id=id_, outputs=outputs_with_secrets(outputs, goal.inputs, goal.additional_secret_outputs))


CloudAnswerT = TypeVar("CloudAnswerT")


class StepExecutor:
    """The only one to change the memory of the stack; what is refused is raised as StepError."""

    def __init__(self, snapshot: Snapshot, operator: Operator, progress: ReportProgress, brake: CancelToken) -> None:
        self.snapshot = snapshot
        self.steps: list[ResourceStep] = []
        self.touched: set[str] = set()  # URNs of the parents of whatever was made or changed
        self.brake = brake
        self._operator = operator
        self._progress = progress

    def go_on(self, state: ResourceState) -> None:
        """Raise where the run has been stopped, before anything is done for the resource."""
        if self.brake.reason:
            raise StepError(state, "the run has stopped") from self.brake.reason

    def refuse(self, state: ResourceState, message: str, refusal: CloudRefusal | None = None) -> StepError:
        """Stop the run; the error is for raising."""
        error = StepError(state, message, refusal)
        self.brake.pull(error)
        return error

    def create(self, step: ResourceStep, after: StateChange) -> ResourceState:
        """Make the resource of the step; `after` is what becomes of what it replaces."""
        return self._settled(step, lambda: self._operator.create(step.state, after))

    def update(self, step: ResourceStep, old: ResourceState) -> ResourceState:
        """Change the resource of the step in place."""
        return self._settled(step, lambda: self._operator.update(step.state, old))

    def delete(self, state: ResourceState, after: StateChange) -> None:
        """Take a resource away, or forget what stays; whether that is a step of its own is for the caller to say."""
        op = "keep" if state.retain_on_delete else "delete"
        self._operate(state, op, lambda: self._operator.delete(state, after))

    def note(self, effect: StateChange) -> None:
        """Remember a change that no cloud hears of."""
        self.snapshot.apply(self._operator.note(effect))

    def ask(self, state: ResourceState, act: Callable[[], CloudAnswerT]) -> CloudAnswerT:
        """Ask the cloud something for a resource, its refusal being the end of the run."""
        try:
            return act()
        except CloudRefusal as refusal:
            raise self.refuse(state, refusal.message, refusal) from refusal
        except PartialCreateError as half:
            self.snapshot.apply(half.effect)
            raise self.refuse(state, half.refusal.message, half.refusal) from half

    def _settled(self, step: ResourceStep, act: Callable[[], StateChange]) -> ResourceState:
        self.steps.append(step)
        self.touched.add(step.state.parent)
        effect = self._operate(step.state, step.op, act)
        if effect.put is None:
            raise AssertionError("an operation that makes a resource must return it")
        return effect.put

    def _operate(self, state: ResourceState, op: str, act: Callable[[], StateChange]) -> StateChange:
        started = time.perf_counter()
        self._tell(state, op, "running", started)
        try:
            effect = self.ask(state, act)
        except StepError:
            self._tell(state, op, "failed", started)
            raise
        self.snapshot.apply(effect)
        self._tell(state, op, "done", started)
        return effect

    def _tell(self, state: ResourceState, op: str, stage: str, started: float) -> None:
        if not state.is_local:
            seconds = time.perf_counter() - started
            self._progress(ResourceProgress(state.urn, state.type, state.name, op, stage, seconds))
