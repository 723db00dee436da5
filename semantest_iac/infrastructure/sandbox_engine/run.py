"""One run of a program: every registration becomes an operation, and what was not registered is deleted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from semantest_iac.domain.ports.provisioner import Progress, Tick
from semantest_iac.infrastructure.sandbox_engine.decisions import Decision, decide, with_ignored
from semantest_iac.infrastructure.sandbox_engine.goals import Goal
from semantest_iac.infrastructure.sandbox_engine.journal import Effect
from semantest_iac.infrastructure.sandbox_engine.operators import CloudOf, Operator, is_local
from semantest_iac.infrastructure.sandbox_engine.snapshots import Snapshot
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.sandbox_engine.values import Properties, bare
from semantest_iac.infrastructure.simulated_cloud.refusal import CloudRefusal
from semantest_iac.infrastructure.simulated_cloud.values import UNKNOWN

Operation = Literal["create", "update", "replace", "delete", "same"]


class StepError(Exception):
    """An operation was refused; the run makes no further ones. `refusal` holds the answer of the cloud, if any."""

    def __init__(self, state: ResourceState | None, message: str, refusal: CloudRefusal | None = None) -> None:
        super().__init__(message)
        self.state = state
        self.message = message
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Step:
    """One operation that was taken (or would be), for plans and counts."""

    op: Operation
    state: ResourceState
    why: tuple[str, ...] = ()


class Run:
    """Thread-safe: the SDK registers from several threads, operations are taken one at a time."""

    def __init__(self, after: Snapshot, operator: Operator, cloud_of: CloudOf, progress: Progress) -> None:
        self.after = after  # the memory of the stack, changed with each operation
        self.steps: list[Step] = []
        self.failure: Exception | None = None
        self._operator = operator
        self._cloud_of = cloud_of
        self._progress = progress
        self._registered: set[str] = set()
        self._making_way: dict[str, tuple[str, ...]] = {}  # deleted ahead of their replacement, with the reason
        self._lock = threading.Lock()

    def register(self, goal: Goal) -> ResourceState:
        """Bring one resource to its goal and return it as it then is; raises StepError."""
        with self._lock:
            self._refuse_after_failure(goal)
            if goal.urn in self._registered:
                raise self._fail(_wanted(goal, goal.inputs), f"Duplicate resource '{goal.urn}'.")
            old = self._known_as(goal)
            self._registered.update({goal.urn, old.urn} if old else {goal.urn})
            return self._bring(goal, old)

    def complete(self, urn: str, outputs: Properties) -> None:
        """Note the outputs of a component, which only its program knows."""
        with self._lock:
            state = self.after.live(urn)
            if state and state.outputs != outputs:
                self.after.apply(self._operator.remember(replace(state, outputs=outputs), state))

    def look_at(self, state: ResourceState, outputs: Properties | None) -> ResourceState:
        """Note a resource that is only read; raises StepError where there is none."""
        with self._lock:
            if outputs is None:
                raise self._fail(state, f"there is no {state.type} with the id '{state.id}'")
            found = replace(state, outputs=outputs)
            self._registered.add(state.urn)
            self.after.apply(self._operator.remember(found))
            return found

    def stop(self, reason: Exception) -> None:
        """Wait for the operation under way and take no further one."""
        with self._lock:
            self.failure = self.failure or reason

    def has_changed(self, parent: str) -> bool:
        """Whether anything right under that component was created, updated or replaced."""
        with self._lock:
            return any(step.op != "same" and step.state.parent == parent for step in self.steps)

    def finish(self) -> None:
        """Delete replaced resources and those the program no longer has, dependents first; raises StepError."""
        with self._lock:
            for state in reversed(list(self.after)):
                if state.delete or state.urn not in self._registered:
                    self._delete(state)

    def _known_as(self, goal: Goal) -> ResourceState | None:
        return next(filter(None, map(self.after.live, (goal.urn, *goal.aliases))), None)

    def _bring(self, goal: Goal, old: ResourceState | None) -> ResourceState:
        wanted = _wanted(goal, with_ignored(goal, old) if old else goal.inputs)
        if is_local(wanted):
            return self._remember(wanted, old)
        wanted = self._named(wanted, old)
        self._check(wanted)
        if goal.urn in self._making_way:
            return self._take(
                Step("replace", wanted, self._making_way[goal.urn]), lambda: self._operator.create(wanted)
            )
        if old is None:
            return self._take(Step("create", wanted), lambda: self._operator.create(wanted))
        return self._change(goal, wanted, old)

    def _change(self, goal: Goal, wanted: ResourceState, old: ResourceState) -> ResourceState:
        decision = decide(replace(goal, inputs=wanted.inputs), old, self._cloud_of(wanted))
        if decision.op == "same":
            return self._remember(wanted, old)
        if decision.op == "update":
            return self._take(Step("update", wanted, decision.why), lambda: self._operator.update(wanted, old))
        return self._replace(wanted, old, decision)

    def _replace(self, wanted: ResourceState, old: ResourceState, decision: Decision) -> ResourceState:
        step = Step("replace", wanted, decision.why)
        if old.protect:
            raise self._fail(old, f"Cannot replace '{old.name}': it is protected.")
        if not decision.delete_first:
            return self._take(step, lambda: self._operator.create(wanted, replacing=old))
        for dependent in reversed(self._must_go_first(old)):
            self._clear(dependent)
        self._clear(old)
        return self._take(step, lambda: self._operator.create(wanted))

    def _must_go_first(self, root: ResourceState) -> list[ResourceState]:
        """Those that cannot live through the root's replacement: losing its outputs replaces them too."""
        going, found = {root.urn}, []
        for dependent in self.after.depending_on(root.urn):
            lost = {name for name, urns in dependent.property_dependencies.items() if going & set(urns)}
            if not lost or is_local(dependent):
                continue
            inputs = {k: UNKNOWN if k in lost else v for k, v in dependent.inputs.items()}
            diff = self._cloud_of(dependent).diff(
                dependent.type, bare(dependent.inputs), bare(dependent.outputs), bare(inputs)
            )
            if diff.replaces:
                going.add(dependent.urn)
                found.append(dependent)
                self._making_way[dependent.urn] = tuple(diff.replaces)
        return found

    def _clear(self, state: ResourceState) -> None:
        if state.protect:
            raise self._fail(state, f"Cannot replace '{state.name}': it is protected.")
        self._guarded(state, "delete", lambda: self._operator.delete(state))

    def _delete(self, state: ResourceState) -> None:
        if state.protect and not state.delete:
            raise self._fail(state, f"Cannot delete '{state.name}': it is protected.")
        if is_local(state):
            self.after.apply(self._operator.delete(state))
            return
        if not state.delete:  # the replacement was counted when it was made
            self.steps.append(Step("delete", state))
        self._guarded(state, "delete", lambda: self._operator.delete(state))

    def _named(self, wanted: ResourceState, old: ResourceState | None) -> ResourceState:
        """With the physical name that the cloud's provider would choose where the program gives none."""
        given, previous = bare(wanted.inputs), bare(old.inputs) if old else {}
        chosen = self._cloud_of(wanted).named(wanted.type, given, wanted.name, previous=previous, salt=wanted.urn)
        added = {name: value for name, value in chosen.items() if name not in given}
        return replace(wanted, inputs={**wanted.inputs, **added})

    def _check(self, wanted: ResourceState) -> None:
        failures = self._cloud_of(wanted).check(wanted.type, bare(wanted.inputs))
        refused = [f"{failure.property}: {failure.reason}" for failure in failures if not failure.warning]
        if refused:
            raise self._fail(wanted, "; ".join(refused))

    def _remember(self, wanted: ResourceState, old: ResourceState | None) -> ResourceState:
        if old is None:
            return self._take(Step("create", wanted), lambda: self._operator.create(wanted))
        state = replace(wanted, id=old.id, outputs=old.outputs)
        self.steps.append(Step("same", state))
        if state != old:
            self.after.apply(self._operator.remember(state, old))
        return state

    def _take(self, step: Step, act: Callable[[], Effect]) -> ResourceState:
        self.steps.append(step)
        effect = self._guarded(step.state, step.op, act)
        if effect.put is None:
            raise AssertionError("an operation that makes a resource must return it")
        return effect.put

    def _guarded(self, state: ResourceState, op: str, act: Callable[[], Effect]) -> Effect:
        """Take one operation, tell of its beginning and end, and stop the run when it is refused."""
        started = time.perf_counter()
        self._tell(state, op, "running", started)
        try:
            effect = act()
        except CloudRefusal as refusal:
            self._tell(state, op, "failed", started)
            raise self._fail(state, refusal.message, refusal) from refusal
        self.after.apply(effect)
        self._tell(state, op, "done", started)
        return effect

    def _fail(self, state: ResourceState, message: str, refusal: CloudRefusal | None = None) -> StepError:
        error = StepError(state, message, refusal)
        self.failure = self.failure or error
        return error

    def _refuse_after_failure(self, goal: Goal) -> None:
        if self.failure:
            raise StepError(_wanted(goal, goal.inputs), "the run has stopped: an earlier operation failed")

    def _tell(self, state: ResourceState, op: str, stage: str, started: float) -> None:
        if not is_local(state):
            seconds = time.perf_counter() - started
            self._progress(Tick(state.urn, state.type, state.name, op, stage, seconds))


def _wanted(goal: Goal, inputs: Properties) -> ResourceState:
    return ResourceState(
        urn=goal.urn,
        type=goal.type,
        custom=goal.custom,
        inputs=inputs,
        parent=goal.parent,
        provider=goal.provider,
        dependencies=goal.dependencies,
        property_dependencies=goal.property_dependencies,
        additional_secret_outputs=goal.additional_secret_outputs,
        protect=goal.protect,
        retain_on_delete=goal.retain_on_delete,
    )
