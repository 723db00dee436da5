"""One run of a program: each registration becomes an operation, and unregistered resources are deleted."""

from __future__ import annotations

from dataclasses import replace

from semantest_iac.infrastructure.sandbox_engine.plan.decisions import (
    Decision,
    check_resource,
    decide_operation,
    deletes_first,
    diff_resource,
    forced_replacements,
    mark_requested_replacements,
)
from semantest_iac.infrastructure.sandbox_engine.plan.desired_state import DesiredState, DuplicateUrnError, UrnRegistry
from semantest_iac.infrastructure.sandbox_engine.plan.steps import ResourceStep, StepExecutor
from semantest_iac.infrastructure.sandbox_engine.protocol.urns import ROOT_STACK_TYPE
from semantest_iac.infrastructure.sandbox_engine.protocol.values import (
    PropertyValues,
    outputs_with_secrets,
    stored_outputs_with_secrets,
    to_cloud_value,
)
from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import CloudResolver
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import (
    ResourceState,
    StateChange,
    order_by_dependencies,
)
from semantest_iac.infrastructure.simulated_cloud.schema.differences import ResourceDiff


class SandboxRun:
    """Carries out one operation at a time, in the program's order, and stops after the first refused one."""

    def __init__(self, executor: StepExecutor, clouds: CloudResolver) -> None:
        self.executor = executor
        self.clouds = clouds
        self._urns = UrnRegistry()
        self._deleted_ahead: dict[str, tuple[str, ...]] = {}  # deleted before their replacement, with the reason
        self._deleted_again: list[ResourceState] = []  # see _replace_deleted
        self._stack_outputs: tuple[str, PropertyValues] | None = None

    def register(self, desired: DesiredState) -> ResourceState:
        """Bring one resource to its desired state and return the result; raises StepError."""
        self.executor.require_not_stopped(desired.resource)
        old, desired = self._claim_urn(desired)
        if old is None:
            return self.executor.create(ResourceStep("create", self._check(desired, None)), StateChange())
        if old.external:
            return self.executor.create(ResourceStep("replace", self._check(desired, None)), _mark_for_deletion(old))
        if old.pending_replacement:
            return self._replace_deleted(desired, old)
        return self._change(desired, self._check(desired, old), old)

    def read(self, resource: ResourceState) -> ResourceState:
        """Record a resource that is managed elsewhere as it is; raises StepError if it does not exist."""
        self.executor.require_not_stopped(resource)
        old, desired = self._claim_urn(DesiredState(resource))
        outputs = outputs_with_secrets(self._read_from_cloud(resource), {}, resource.additional_secret_outputs)
        found = replace(desired.resource, outputs=outputs)
        is_other = old and not old.external and old.id != resource.id
        change = _mark_for_deletion(old) if old and is_other else StateChange(drop=old.key if old else None)
        self.executor.record_local_change(replace(change, put=found))
        return found

    def complete_component(self, urn: str, outputs: PropertyValues) -> None:
        """Record the outputs of a component; those of the stack are recorded at the end."""
        state = self.executor.snapshot.find_finished_in_run(urn)
        if state and state.type == ROOT_STACK_TYPE:
            self._stack_outputs = urn, outputs
        elif state and state.outputs != outputs:
            self.executor.record_local_change(StateChange(replace(state, outputs=outputs)))

    def delete_unregistered(self) -> None:
        """Delete replaced and unregistered resources, dependents first; raises StepError.

        A protected resource stops only the deletion of what it needs; resources replaced earlier are deleted anyway.
        """
        protected: list[ResourceState] = []
        needed: set[str] = set()
        remaining = list(self.executor.snapshot.remaining.values())
        for state in reversed(order_by_dependencies([*remaining, *self._deleted_again])):
            self.executor.require_not_stopped(state)
            if state.protect and not state.delete:
                protected.append(state)
            if state in protected or (state.urn in needed and state.key not in self.executor.snapshot.replaced):
                needed |= state.needs
            else:
                self._delete(state)
        if protected:
            names = ", ".join(sorted(f"'{state.name}'" for state in protected))
            raise self.executor.stop_with_error(protected[0], f"{names} must not be deleted: it is protected")

    def record_stack_outputs(self) -> None:
        """Record the outputs of the stack; after a failure, earlier outputs stay where there are no newer ones."""
        urn, outputs = self._stack_outputs or ("", {})
        state = self.executor.snapshot.find_finished_in_run(urn)
        if state is None:
            return
        known = {**state.outputs, **outputs} if self.executor.cancel_token.reason else outputs
        if known != state.outputs:
            self.executor.record_local_change(StateChange(replace(state, outputs=known)))

    def has_changed(self, parent: str) -> bool:
        """Whether any direct child of that component was created, updated or replaced."""
        return parent in self.executor.changed_parents

    def _claim_urn(self, desired: DesiredState) -> tuple[ResourceState | None, DesiredState]:
        try:
            return self._urns.claim(desired, self.executor.snapshot)
        except DuplicateUrnError as error:
            raise self.executor.stop_with_error(desired.resource, str(error)) from error

    def _check(self, desired: DesiredState, old: ResourceState | None) -> ResourceState:
        resource, faults = check_resource(desired.resource, old, self.clouds)
        if faults:
            raise self.executor.stop_with_error(resource, "; ".join(faults))
        return resource

    def _read_from_cloud(self, resource: ResourceState) -> PropertyValues:
        if not resource.id:  # in a preview, when the resource does not exist yet
            return {}
        cloud = self.clouds.cloud_of(resource)
        found = self.executor.call_cloud(
            resource, lambda: cloud.read(resource.type, resource.id, to_cloud_value(resource.inputs))
        )
        if found is None:
            raise self.executor.stop_with_error(resource, f"there is no {resource.type} with the id '{resource.id}'")
        return found

    def _change(self, desired: DesiredState, resource: ResourceState, old: ResourceState) -> ResourceState:
        diff = diff_resource(resource, old, self.clouds)
        decision = decide_operation(desired, old, diff)
        if decision.op == "replace":
            return self._replace(desired, old, decision, diff)
        if decision.op == "update":
            return self.executor.update(ResourceStep("update", resource, decision.why, old, diff.detailed), old)
        return self._keep_unchanged(resource, old)

    def _keep_unchanged(self, resource: ResourceState, old: ResourceState) -> ResourceState:
        outputs = stored_outputs_with_secrets(old.outputs, resource.inputs, resource.additional_secret_outputs)
        state = replace(resource, id=old.id, outputs=outputs)
        self.executor.steps.append(ResourceStep("same", state))
        record = self.executor.snapshot.apply if state == old else self.executor.record_local_change
        record(StateChange(state, old.key))
        return state

    def _replace(
        self, desired: DesiredState, old: ResourceState, decision: Decision, diff: ResourceDiff
    ) -> ResourceState:
        if old.protect and desired.resource.protect:
            raise self.executor.stop_with_error(desired.resource, "it must be replaced and is protected")
        detailed = mark_requested_replacements(desired.resource.replace_on_changes, diff.detailed)
        step = ResourceStep("replace", self._check(desired, None), decision.why, old, detailed)
        if not decision.delete_first:
            return self.executor.create(step, _mark_for_deletion(old))
        for dependent, why in reversed(
            forced_replacements(old, self.executor.snapshot.remaining.values(), self.clouds)
        ):
            self._delete_ahead(dependent, why)
        self._delete_ahead(old, ())
        del self._deleted_ahead[old.urn]
        return self.executor.create(step, StateChange(drop=old.key))

    def _replace_deleted(self, desired: DesiredState, old: ResourceState) -> ResourceState:
        """Create the replacement of a resource that was deleted ahead, in this run or in one that failed after it.

        After a failed run Pulumi deletes the old resource once more, unless this replacement is one that deletes first.
        """
        resource, why = self._check(desired, None), self._deleted_ahead.pop(old.urn, None)
        diff = diff_resource(self._check(desired, old), old, self.clouds)
        step = ResourceStep("replace", resource, why or (), old, diff.detailed)
        created = self.executor.create(step, StateChange(drop=old.key))
        if why is None and not deletes_first(desired, diff):
            self._deleted_again.append(replace(old, delete=True))
        return created

    def _delete_ahead(self, state: ResourceState, why: tuple[str, ...]) -> None:
        """Delete a resource before its replacement; the program decides later whether it is created again."""
        if state.delete:
            return self._delete(state)
        if state.protect and why:
            raise self.executor.stop_with_error(state, "it must be replaced and is protected")
        self._deleted_ahead[state.urn] = why
        return self.executor.delete(state, StateChange(mark=replace(state, pending_replacement=True)))

    def _delete(self, state: ResourceState) -> None:
        forget = StateChange(drop=state.key)
        if state.urn in self._deleted_ahead or not (state.delete or state.pending_replacement or state.external):
            # a replaced resource was counted with its replacement
            self.executor.steps.append(ResourceStep("delete", state))
        is_gone = state.pending_replacement and not state.delete
        if is_gone or state.external:
            self.executor.record_local_change(forget)
        else:
            self.executor.delete(state, forget)


def _mark_for_deletion(old: ResourceState) -> StateChange:
    return StateChange(mark=replace(old, delete=True))
