"""The steps of a run and their execution, with cloud calls and a journal or as a dry run."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypeVar

from semantest_iac.domain.ports.provisioner import ReportProgress, ResourceProgress
from semantest_iac.infrastructure.sandbox_engine.protocol.values import to_cloud_value
from semantest_iac.infrastructure.sandbox_engine.state.journal import FindCloud, Journal
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState, Snapshot, StateChange
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal

StepOperation = Literal["create", "update", "replace", "delete", "same"]


@dataclass(frozen=True, slots=True)
class ResourceStep:
    """One operation that was carried out (or would be), for plans and counts.

    `old` is the resource before an update or a replacement, and `detailed` the paths that differ, with their kinds.
    """

    op: StepOperation
    state: ResourceState
    why: tuple[str, ...] = ()
    old: ResourceState | None = None
    detailed: Mapping[str, str] = field(default_factory=dict)


class StepError(Exception):
    """An operation was refused, and the run stops. `refusal` is the cloud's response, if the cloud refused it."""

    def __init__(self, state: ResourceState | None, message: str, refusal: CloudRefusal | None = None) -> None:
        super().__init__(message)
        self.state = state
        self.message = message
        self.refusal = refusal


@dataclass(slots=True)
class CancelToken:
    """Stops a run from outside: cancelled from any thread, checked before every operation."""

    reason: Exception | None = None

    def cancel(self, reason: Exception) -> None:
        """Let the current operation end and start no other; only the first reason counts."""
        self.reason = self.reason or reason


class PartialCreateError(Exception):
    """The cloud created a resource but could not complete it: the change is real although the operation was refused."""

    def __init__(self, change: StateChange, refusal: CloudRefusal) -> None:
        super().__init__(refusal.message)
        self.change = change
        self.refusal = refusal


class Operator(Protocol):
    """Carries out operations and returns the resulting state change, which the caller applies."""

    def create(self, desired: ResourceState, after: StateChange) -> StateChange:
        """Create the resource; `after` is the change to the resource that it replaces."""
        ...

    def update(self, desired: ResourceState, old: ResourceState) -> StateChange:
        """Update the resource in place."""
        ...

    def delete(self, old: ResourceState, after: StateChange) -> StateChange:
        """Delete the resource, or only forget it if it must be kept."""
        ...

    def record_local_change(self, change: StateChange) -> StateChange:
        """Record a state change that involves no cloud."""
        ...


class DryRunOperator:
    """Predicts results and changes nothing."""

    def __init__(self, find_cloud: FindCloud) -> None:
        self._find_cloud = find_cloud

    def create(self, desired: ResourceState, after: StateChange) -> StateChange:
        """Return the outputs that follow from the inputs; the others are unknown."""
        if desired.is_local:
            return replace(after, put=_local_resource(desired, ""))
        outputs = self._find_cloud(desired).preview_create(desired.type, to_cloud_value(desired.inputs))
        return replace(after, put=desired.with_outputs(outputs, ""))

    def update(self, desired: ResourceState, old: ResourceState) -> StateChange:
        """Return the old outputs, unknown where the update affects them."""
        if desired.is_local:
            return StateChange(_local_resource(desired, old.id), old.key)
        outputs = self._find_cloud(desired).preview_update(
            desired.type, to_cloud_value(old.outputs), to_cloud_value(desired.inputs)
        )
        return StateChange(desired.with_outputs(outputs, old.id), old.key)

    def delete(self, old: ResourceState, after: StateChange) -> StateChange:
        """Dry run: return the change, delete nothing."""
        return after

    def record_local_change(self, change: StateChange) -> StateChange:
        """Dry run: write no journal row."""
        return change


class LiveOperator:
    """Calls the cloud, with one journal row before and one after each call."""

    def __init__(self, find_cloud: FindCloud, journal: Journal) -> None:
        self._find_cloud = find_cloud
        self._journal = journal

    def create(self, desired: ResourceState, after: StateChange) -> StateChange:
        """Create the resource under the journal row's owner mark, by which an unfinished create is found."""
        if desired.is_local:
            id_ = str(uuid.uuid4()) if desired.is_provider else ""
            return self.record_local_change(replace(after, put=_local_resource(desired, id_)))
        owner = self._journal.begin("create", desired, after)
        try:
            created = self._find_cloud(desired).create(desired.type, to_cloud_value(desired.inputs), owner=owner)
        except CloudRefusal as refusal:
            if refusal.created is None:
                raise
            incomplete = desired.with_outputs(refusal.created.outputs, refusal.created.id)
            partial = replace(incomplete, init_errors=(refusal.message,))
            raise PartialCreateError(self._end(owner, replace(after, put=partial)), refusal) from refusal
        return self._end(owner, replace(after, put=desired.with_outputs(created.outputs, created.id)))

    def update(self, desired: ResourceState, old: ResourceState) -> StateChange:
        """Safe to repeat: an unrecorded update shows up as a difference and is made again."""
        after = StateChange(drop=old.key)
        if desired.is_local:
            return self.record_local_change(replace(after, put=_local_resource(desired, old.id)))
        owner = self._journal.begin("update", replace(desired, id=old.id), after)
        outputs = self._find_cloud(desired).update(desired.type, old.id, to_cloud_value(desired.inputs))
        return self._end(owner, replace(after, put=desired.with_outputs(outputs, old.id)))

    def delete(self, old: ResourceState, after: StateChange) -> StateChange:
        """Safe to repeat: deleting a missing resource succeeds."""
        if old.is_local or old.external or old.retain_on_delete:
            return self.record_local_change(after)
        owner = self._journal.begin("delete", old, after)
        self._find_cloud(old).delete(old.type, old.id, to_cloud_value(old.outputs))
        return self._end(owner, after)

    def record_local_change(self, change: StateChange) -> StateChange:
        """Write one journal row; no cloud is called."""
        self._journal.record_local_change(change)
        return change

    def _end(self, owner: str, change: StateChange) -> StateChange:
        self._journal.end(owner, change)
        return change


def _local_resource(desired: ResourceState, id_: str) -> ResourceState:
    """The program registers a component's outputs at the end; a provider's outputs are its configuration."""
    return replace(desired, id=id_, outputs=desired.inputs if desired.is_provider else {})


CloudAnswerT = TypeVar("CloudAnswerT")


class StepExecutor:
    """The only writer of a stack's snapshot; raises StepError for a refused operation."""

    def __init__(
        self, snapshot: Snapshot, operator: Operator, progress: ReportProgress, cancel_token: CancelToken
    ) -> None:
        self.snapshot = snapshot
        self.steps: list[ResourceStep] = []
        self.changed_parents: set[str] = set()  # URNs of the parents of every created or changed resource
        self.cancel_token = cancel_token
        self._operator = operator
        self._progress = progress

    def require_not_stopped(self, state: ResourceState) -> None:
        """Raise StepError if the run was stopped."""
        if self.cancel_token.reason:
            raise StepError(state, "the run has stopped") from self.cancel_token.reason

    def stop_with_error(self, state: ResourceState, message: str, refusal: CloudRefusal | None = None) -> StepError:
        """Stop the run and return the error to raise."""
        error = StepError(state, message, refusal)
        self.cancel_token.cancel(error)
        return error

    def create(self, step: ResourceStep, after: StateChange) -> ResourceState:
        """Create the resource of the step; `after` is the change to the resource that it replaces."""
        return self._create_or_update(step, lambda: self._operator.create(step.state, after))

    def update(self, step: ResourceStep, old: ResourceState) -> ResourceState:
        return self._create_or_update(step, lambda: self._operator.update(step.state, old))

    def delete(self, state: ResourceState, after: StateChange) -> None:
        """Delete or forget a resource; the caller decides whether that counts as a step."""
        op = "keep" if state.retain_on_delete else "delete"
        self._carry_out(state, op, lambda: self._operator.delete(state, after))

    def record_local_change(self, change: StateChange) -> None:
        """Record a state change that involves no cloud."""
        self.snapshot.apply(self._operator.record_local_change(change))

    def call_cloud(self, state: ResourceState, operation: Callable[[], CloudAnswerT]) -> CloudAnswerT:
        """Call the cloud for a resource; a refusal ends the run."""
        try:
            return operation()
        except CloudRefusal as refusal:
            raise self.stop_with_error(state, refusal.message, refusal) from refusal
        except PartialCreateError as partial:
            self.snapshot.apply(partial.change)
            raise self.stop_with_error(state, partial.refusal.message, partial.refusal) from partial

    def _create_or_update(self, step: ResourceStep, operation: Callable[[], StateChange]) -> ResourceState:
        self.steps.append(step)
        self.changed_parents.add(step.state.parent)
        change = self._carry_out(step.state, step.op, operation)
        if change.put is None:
            raise AssertionError("an operation that creates a resource must return it")
        return change.put

    def _carry_out(self, state: ResourceState, op: str, operation: Callable[[], StateChange]) -> StateChange:
        started = time.perf_counter()
        self._report(state, op, "running", started)
        try:
            change = self.call_cloud(state, operation)
        except StepError:
            self._report(state, op, "failed", started)
            raise
        self.snapshot.apply(change)
        self._report(state, op, "done", started)
        return change

    def _report(self, state: ResourceState, op: str, stage: str, started: float) -> None:
        if not state.is_local:
            seconds = time.perf_counter() - started
            self._progress(ResourceProgress(state.urn, state.type, state.name, op, stage, seconds))
