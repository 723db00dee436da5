"""One run of a program: each registration becomes an operation, and unregistered resources are deleted."""

from __future__ import annotations

from dataclasses import replace

from semantest_iac.infrastructure.sandbox_engine.plan.decisions import (
    Decision,
    check_resource,
    decide_operation,
    diff_resource,
    forced_replacements,
)
from semantest_iac.infrastructure.sandbox_engine.plan.desired_state import DesiredState, DuplicateUrnError, UrnRegistry
from semantest_iac.infrastructure.sandbox_engine.plan.steps import ResourceStep, StepExecutor
from semantest_iac.infrastructure.sandbox_engine.protocol.urns import ROOT_STACK_TYPE
from semantest_iac.infrastructure.sandbox_engine.protocol.values import (
    PropertyValues,
    outputs_with_secrets,
    to_cloud_value,
    unchanged_outputs,
)
from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import CloudResolver
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState, StateChange


class SandboxRun:
    """Takes one operation at a time, in the order in which the program asks for them; a refused one is its last."""

    def __init__(self, executor: StepExecutor, regions: CloudResolver) -> None:
        self.executor = executor
        self.regions = regions
        self._claims = UrnRegistry()
        self._cleared: dict[str, tuple[str, ...]] = {}  # deleted ahead of their replacement, with the reason
        self._stack_outputs: tuple[str, PropertyValues] | None = None

    def register(self, goal: DesiredState) -> ResourceState:
        """Bring one resource to its goal and return it as it then is; raises StepError."""
        self.executor.go_on(goal.wanted)
        old, goal = self._known(goal)
        if old is None:
            return self.executor.create(ResourceStep("create", self._checked(goal, None)), StateChange())
        if old.external:
            return self.executor.create(ResourceStep("replace", self._checked(goal, None)), _mark_for_deletion(old))
        if old.pending_replacement:
            step = ResourceStep("replace", self._checked(goal, None), self._cleared.pop(old.urn, ()))
            return self.executor.create(step, StateChange(drop=old.key))
        return self._change(goal, self._checked(goal, old), old)

    def read(self, wanted: ResourceState) -> ResourceState:
        """Note a resource that somebody else keeps, as it is; raises StepError where there is none."""
        self.executor.go_on(wanted)
        old, goal = self._known(DesiredState(wanted))
        outputs = outputs_with_secrets(self._looked_up(wanted), {}, wanted.additional_secret_outputs)
        found = replace(goal.wanted, outputs=outputs)
        is_other = old and not old.external and old.id != wanted.id
        gone = _mark_for_deletion(old) if old and is_other else StateChange(drop=old.key if old else None)
        self.executor.note(replace(gone, put=found))
        return found

    def complete(self, urn: str, outputs: PropertyValues) -> None:
        """Note the outputs of a component, which only its program knows; those of the stack wait for the end."""
        state = self.executor.snapshot.new(urn)
        if state and state.type == ROOT_STACK_TYPE:
            self._stack_outputs = urn, outputs
        elif state and state.outputs != outputs:
            self.executor.note(StateChange(replace(state, outputs=outputs)))

    def finish(self) -> None:
        """Delete replaced resources and those the program no longer has, dependents first; raises StepError.

        Something protected stops only the deletion of what it needs, which is nothing that was replaced before.
        """
        protected: list[ResourceState] = []
        kept: set[str] = set()
        for state in reversed(list(self.executor.snapshot.olds.values())):
            self.executor.go_on(state)
            if state.protect and not state.delete:
                protected.append(state)
            if state in protected or (state.urn in kept and state.key not in self.executor.snapshot.outlived):
                kept |= state.needs
            else:
                self._delete(state)
        if protected:
            names = ", ".join(sorted(f"'{state.name}'" for state in protected))
            raise self.executor.refuse(protected[0], f"{names} must not be deleted: it is protected")

    def conclude(self) -> None:
        """Note the outputs of the stack; after a failure those of before stand where there are no newer ones."""
        urn, outputs = self._stack_outputs or ("", {})
        state = self.executor.snapshot.new(urn)
        if state is None:
            return
        known = {**state.outputs, **outputs} if self.executor.brake.reason else outputs
        if known != state.outputs:
            self.executor.note(StateChange(replace(state, outputs=known)))

    def has_changed(self, parent: str) -> bool:
        """Whether anything right under that component was created, updated or replaced."""
        return parent in self.executor.touched

    def _known(self, goal: DesiredState) -> tuple[ResourceState | None, DesiredState]:
        try:
            return self._claims.settle(goal, self.executor.snapshot)
        except DuplicateUrnError as error:
            raise self.executor.refuse(goal.wanted, str(error)) from error

    def _checked(self, goal: DesiredState, old: ResourceState | None) -> ResourceState:
        wanted, faults = check_resource(goal.wanted, old, self.regions)
        if faults:
            raise self.executor.refuse(wanted, "; ".join(faults))
        return wanted

    def _looked_up(self, wanted: ResourceState) -> PropertyValues:
        if not wanted.id:  # in a preview, of something that is yet to be made
            return {}
        cloud = self.regions.of(wanted)
        found = self.executor.ask(wanted, lambda: cloud.read(wanted.type, wanted.id, to_cloud_value(wanted.inputs)))
        if found is None:
            raise self.executor.refuse(wanted, f"there is no {wanted.type} with the id '{wanted.id}'")
        return found

    def _change(self, goal: DesiredState, wanted: ResourceState, old: ResourceState) -> ResourceState:
        decision = decide_operation(goal, old, diff_resource(wanted, old, self.regions))
        if decision.op == "replace":
            return self._replace(goal, old, decision)
        if decision.op == "update":
            return self.executor.update(ResourceStep("update", wanted, decision.why), old)
        return self._keep(wanted, old)

    def _keep(self, wanted: ResourceState, old: ResourceState) -> ResourceState:
        outputs = unchanged_outputs(old.outputs, wanted.inputs, wanted.additional_secret_outputs)
        state = replace(wanted, id=old.id, outputs=outputs)
        self.executor.steps.append(ResourceStep("same", state))
        note = self.executor.snapshot.apply if state == old else self.executor.note
        note(StateChange(state, old.key))
        return state

    def _replace(self, goal: DesiredState, old: ResourceState, decision: Decision) -> ResourceState:
        if old.protect and goal.wanted.protect:
            raise self.executor.refuse(goal.wanted, "it must be replaced and is protected")
        step = ResourceStep("replace", self._checked(goal, None), decision.why)
        if not decision.delete_first:
            return self.executor.create(step, _mark_for_deletion(old))
        for dependent, why in reversed(forced_replacements(old, self.executor.snapshot.olds.values(), self.regions)):
            self._clear(dependent, why)
        self._clear(old, ())
        del self._cleared[old.urn]
        return self.executor.create(step, StateChange(drop=old.key))

    def _clear(self, state: ResourceState, why: tuple[str, ...]) -> None:
        """Delete what is in the way of a replacement; the program has yet to say whether it wants it again."""
        if state.delete:
            return self._delete(state)
        if state.protect and why:
            raise self.executor.refuse(state, "it must be replaced and is protected")
        self._cleared[state.urn] = why
        return self.executor.delete(state, StateChange(mark=replace(state, pending_replacement=True)))

    def _delete(self, state: ResourceState) -> None:
        forget = StateChange(drop=state.key)
        if state.urn in self._cleared or not (state.delete or state.pending_replacement or state.external):
            self.executor.steps.append(ResourceStep("delete", state))  # a replaced one was counted with its replacement
        if state.pending_replacement or state.external:
            self.executor.note(forget)
        else:
            self.executor.delete(state, forget)


def _mark_for_deletion(old: ResourceState) -> StateChange:
    return StateChange(mark=replace(old, delete=True))
