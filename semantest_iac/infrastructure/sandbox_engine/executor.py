"""Carries out the steps of one run, tells of them, and stops for good at the first one that is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from semantest_iac.domain.ports.provisioner import Progress, Tick
from semantest_iac.infrastructure.sandbox_engine.operators import HalfDoneError, Operator
from semantest_iac.infrastructure.sandbox_engine.snapshots import Effect, Snapshot
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState
from semantest_iac.infrastructure.sandbox_engine.steps import Brake, Step, StepError
from semantest_iac.infrastructure.simulated_cloud.refusal import CloudRefusal

Answer = TypeVar("Answer")


class Executor:
    """The only one to change the memory of the stack; what is refused is raised as StepError."""

    def __init__(self, snapshot: Snapshot, operator: Operator, progress: Progress, brake: Brake) -> None:
        self.snapshot = snapshot
        self.steps: list[Step] = []
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

    def create(self, step: Step, after: Effect) -> ResourceState:
        """Make the resource of the step; `after` is what becomes of what it replaces."""
        return self._settled(step, lambda: self._operator.create(step.state, after))

    def update(self, step: Step, old: ResourceState) -> ResourceState:
        """Change the resource of the step in place."""
        return self._settled(step, lambda: self._operator.update(step.state, old))

    def delete(self, state: ResourceState, after: Effect) -> None:
        """Take a resource away, or forget what stays; whether that is a step of its own is for the caller to say."""
        op = "keep" if state.retain_on_delete else "delete"
        self._operate(state, op, lambda: self._operator.delete(state, after))

    def note(self, effect: Effect) -> None:
        """Remember a change that no cloud hears of."""
        self.snapshot.apply(self._operator.note(effect))

    def ask(self, state: ResourceState, act: Callable[[], Answer]) -> Answer:
        """Ask the cloud something for a resource, its refusal being the end of the run."""
        try:
            return act()
        except CloudRefusal as refusal:
            raise self.refuse(state, refusal.message, refusal) from refusal
        except HalfDoneError as half:
            self.snapshot.apply(half.effect)
            raise self.refuse(state, half.refusal.message, half.refusal) from half

    def _settled(self, step: Step, act: Callable[[], Effect]) -> ResourceState:
        self.steps.append(step)
        self.touched.add(step.state.parent)
        effect = self._operate(step.state, step.op, act)
        if effect.put is None:
            raise AssertionError("an operation that makes a resource must return it")
        return effect.put

    def _operate(self, state: ResourceState, op: str, act: Callable[[], Effect]) -> Effect:
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
            self._progress(Tick(state.urn, state.type, state.name, op, stage, seconds))
