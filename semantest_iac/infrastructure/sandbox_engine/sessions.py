"""Opens runs of stacks, saves their state however they end, and translates their errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import (
    NO_ANSWER_STATUSES,
    CloudUnavailableError,
    DeploymentError,
    ProviderError,
    ThrottledError,
)
from semantest_iac.domain.ports.provisioner import ReportProgress, ResourceProgress
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.clouds.refusal_hints import find_refusal_hint
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from semantest_iac.infrastructure.sandbox_engine.plan.run import SandboxRun
from semantest_iac.infrastructure.sandbox_engine.plan.steps import (
    CancelToken,
    DryRunOperator,
    LiveOperator,
    StepError,
    StepExecutor,
)
from semantest_iac.infrastructure.sandbox_engine.protocol.values import PropertyValues, to_cloud_value
from semantest_iac.infrastructure.sandbox_engine.protocol.wire import UnsupportedError
from semantest_iac.infrastructure.sandbox_engine.simulated_clouds import CloudLookup, CloudResolver
from semantest_iac.infrastructure.sandbox_engine.state.journal import Journal, recover_operations
from semantest_iac.infrastructure.sandbox_engine.state.rebuilding import (
    count_resources_of_stack,
    has_lost_every_resource,
    mark_owners,
    state_missing_error,
)
from semantest_iac.infrastructure.sandbox_engine.state.refreshing import DriftedState, refresh_state
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import Snapshot, order_by_dependencies
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal

_RETRY_HINT = "Deploy again: existing resources are kept, and the missing ones are created."
_CONFIGURATION_HINT = "Change the configuration as the message says."


@contextmanager
def translate_run_errors(stack: Stack) -> Iterator[None]:
    """Raise what stops a run as an error of the domain; other exceptions pass unchanged."""
    try:
        yield
    except StepError as error:
        raise _deployment_error(error, stack) from error
    except (CloudRefusal, UnsupportedError) as error:
        raise ProviderError(
            f"Cannot deploy '{stack}': {_end_with_full_stop(str(error))}", provider=stack.provider
        ) from error


def _deployment_error(error: StepError, stack: Stack) -> DeploymentError:
    name = f"'{error.state.name}' ({error.state.type})" if error.state else f"'{stack}'"
    message = f"Cannot deploy {name}: {_end_with_full_stop(error.message)}"
    resource, provider = error.state.urn if error.state else "", stack.provider
    refusal = error.refusal
    if refusal is None:
        return ProviderError(message, provider=provider, resource=resource, hint=_CONFIGURATION_HINT)
    if refusal.retryable:  # the virtual clock has gone on by what the cloud asked for
        kind = CloudUnavailableError if refusal.status in NO_ANSWER_STATUSES else ThrottledError
        return kind(message, refusal.code, provider=provider, resource=resource, hint=_RETRY_HINT)
    rules = CLOUDS[stack.provider].load_rules()
    hint = rules.explain_refusal(refusal.message, stack) or find_refusal_hint(refusal.code, refusal.message)
    return ProviderError(message, refusal.code, provider=provider, resource=resource, hint=hint or _RETRY_HINT)


def _end_with_full_stop(text: str) -> str:
    return f"{text.rstrip('.')}."


class StackSessions:
    """Opens runs of stacks over one store; raises errors of the domain."""

    def __init__(self, store: StateStore, clouds: CloudLookup) -> None:
        self._store = store
        self._clouds = clouds

    def read_drift(self, stack: Stack) -> tuple[DriftedState, ...]:
        """Return how the cloud differs from the stored state."""
        with translate_run_errors(stack):
            clouds, snapshot, _ = self._recover_state(stack)
            return refresh_state(snapshot, clouds.cloud_of).drift

    def has_lost_cloud(self, stack: Stack) -> bool:
        """Whether resources of the stored state are gone from the cloud; costs one query."""
        with translate_run_errors(stack):
            clouds, snapshot, _ = self._recover_state(stack)
            return has_lost_every_resource(snapshot, clouds.cloud_of)

    def refresh(self, stack: Stack) -> None:
        """Store the state as the cloud has it."""
        with translate_run_errors(stack):
            clouds, snapshot, _ = self._recover_state(stack)
            self._store.save(stack, refresh_state(snapshot, clouds.cloud_of).resources)

    @contextmanager
    def open_dry_run(self, stack: Stack, cancel_token: CancelToken, *, refresh: bool = False) -> Iterator[SandboxRun]:
        """Open a run that changes nothing, even after a killed run."""
        with translate_run_errors(stack):
            clouds, snapshot, _ = self._recover_state(stack)
            if refresh:
                snapshot = Snapshot(refresh_state(snapshot, clouds.cloud_of).resources)
                clouds = CloudResolver(self._clouds, snapshot, stack.region)
            yield SandboxRun(
                StepExecutor(snapshot, DryRunOperator(clouds.cloud_of), _ignore_progress, cancel_token), clouds
            )

    @contextmanager
    def open_live_run(self, stack: Stack, cancel_token: CancelToken, progress: ReportProgress) -> Iterator[SandboxRun]:
        """Open a run whose state is saved however it ends: success, refusal or cancellation."""
        with translate_run_errors(stack):
            clouds, snapshot, was_interrupted = self._recover_state(stack)
            if was_interrupted:
                self._store.save(stack, snapshot)
            journal = self._store.open_journal(stack)
            run = SandboxRun(
                StepExecutor(snapshot, LiveOperator(clouds.cloud_of, journal), progress, cancel_token), clouds
            )
            try:
                yield run
            finally:
                try:
                    run.record_stack_outputs()
                finally:
                    self._save(stack, run, journal)

    def export(self, stack: Stack) -> dict[str, Any]:
        """Return the stored state, with the operations that a killed run did not end."""
        stored = self._store.read(stack)
        return self._store.dump_deployment(stored.snapshot, stored.unfinished)

    def read_deployed_resources(self, stack: Stack) -> list[DeployedResource]:
        """Return the stored state of existing cloud resources, with secrets unwrapped."""
        return [
            DeployedResource(
                state.type,
                state.name,
                to_cloud_value(state.outputs),
                to_cloud_value(state.inputs),
                urn=state.urn,
                id=state.id,
            )
            for state in self._store.read(stack).snapshot
            if state.custom and not state.delete
        ]

    def component_types_and_outputs(self, stack: Stack) -> list[tuple[str, PropertyValues]]:
        """Return type and outputs of each component."""
        return [
            (state.type, to_cloud_value(state.outputs))
            for state in self._store.read(stack).snapshot
            if not state.custom
        ]

    def _recover_state(self, stack: Stack) -> tuple[CloudResolver, Snapshot, bool]:
        """Return the stored state corrected by what the clouds say, and whether the last run was interrupted."""
        stored = self._store.read(stack)
        if not self._store.has_state(stack):
            found = count_resources_of_stack(stack, self._clouds)
            if found and not self._store.has_state(stack):  # else another run has begun the first deployment meanwhile
                raise state_missing_error(stack, found)
        snapshot = stored.snapshot
        clouds = CloudResolver(self._clouds, snapshot, stack.region)
        recover_operations(snapshot, stored.unfinished, clouds.cloud_of)
        snapshot = Snapshot(order_by_dependencies(snapshot)) if stored.unfinished else snapshot
        return CloudResolver(self._clouds, snapshot, stack.region), snapshot, stored.was_interrupted

    def _save(self, stack: Stack, run: SandboxRun, journal: Journal) -> None:
        if journal.is_empty:
            return
        try:
            recover_operations(run.executor.snapshot, journal.unfinished, run.clouds.cloud_of)
            mark_owners(run.executor.snapshot, run.clouds.cloud_of)
            self._store.save(stack, order_by_dependencies(run.executor.snapshot))
        finally:
            journal.close()


def _ignore_progress(_: ResourceProgress) -> None: ...
