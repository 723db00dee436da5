"""Opens runs of stacks, saves their state however they end, and translates their errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import DeploymentError, ProviderError, ThrottledError
from semantest_iac.domain.ports.provisioner import ReportProgress, ResourceProgress
from semantest_iac.domain.resource import DeployedResource
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
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import Snapshot, order_by_dependencies
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal

# a word of the cloud's code or sentence -> what to do; the first match counts
_HINTS = {
    "Concurren": "Raise the account's concurrency quota, or leave instances.max out.",
    "LimitExceeded": "Raise the quota in the cloud's console, or ask for less.",
    "AlreadyExists": "Another stack or person has that name. Destroy it there, or deploy under another environment.",
    "ResourceConflict": "Another stack or person has that name. Destroy it there, or deploy under another environment.",
    "AccessDenied": "The deploying identity lacks this permission.",
    "DependencyViolation": "Something outside this stack still uses it.",
    "InvalidRequest": "The name is still reserved after an earlier delete; wait, or restore it.",
}
_RETRY_HINT = "Deploy again: what is there is kept, and the rest is made."
_CONFIGURATION_HINT = "Change the configuration as the message says."


@contextmanager
def translate_run_errors(stack: Stack) -> Iterator[None]:
    """Raise what stops a run of the stack as an error of the house; a defect of ours passes as it is."""
    try:
        yield
    except StepError as error:
        raise _deployment_error(error, stack) from error
    except (CloudRefusal, UnsupportedError) as error:
        raise ProviderError(f"Cannot deploy '{stack}': {_as_sentence(str(error))}", provider=stack.provider) from error


def _deployment_error(error: StepError, stack: Stack) -> DeploymentError:
    name = f"'{error.state.name}' ({error.state.type})" if error.state else f"'{stack}'"
    message = f"Cannot deploy {name}: {_as_sentence(error.message)}"
    resource, provider = error.state.urn if error.state else "", stack.provider
    refusal = error.refusal
    if refusal is None:
        return ProviderError(message, provider=provider, resource=resource, hint=_CONFIGURATION_HINT)
    if refusal.retryable:
        return ThrottledError(message, refusal.code, provider=provider, resource=resource, hint=_RETRY_HINT)
    hint = CLOUDS[stack.provider].load_rules().explain_refusal(refusal.message, stack) or _find_hint(refusal)
    return ProviderError(message, refusal.code, provider=provider, resource=resource, hint=hint)


def _find_hint(refusal: CloudRefusal) -> str:
    said = f"{refusal.code} {refusal.message}"
    return next((hint for word, hint in _HINTS.items() if word in said), _RETRY_HINT)


def _as_sentence(text: str) -> str:
    return f"{text.rstrip('.')}."


class StackSessions:
    """Opens runs of stacks over one store; errors leave them in the words of the house."""

    def __init__(self, store: StateStore, clouds: CloudLookup) -> None:
        self._store = store
        self._clouds = clouds

    @contextmanager
    def dry(self, stack: Stack, brake: CancelToken) -> Iterator[SandboxRun]:
        """A run that changes nothing, not even after one that was killed."""
        with translate_run_errors(stack):
            regions, snapshot, _ = self._true(stack)
            yield SandboxRun(StepExecutor(snapshot, DryRunOperator(regions.of), _ignore_progress, brake), regions)

    @contextmanager
    def live(self, stack: Stack, brake: CancelToken, progress: ReportProgress) -> Iterator[SandboxRun]:
        """A run whose end is written down however it comes: success, refusal or cancellation."""
        with translate_run_errors(stack):
            regions, snapshot, cut_short = self._true(stack)
            if cut_short:
                self._store.save(stack, snapshot)
            journal = self._store.journal(stack)
            run = SandboxRun(StepExecutor(snapshot, LiveOperator(regions.of, journal), progress, brake), regions)
            try:
                yield run
            finally:
                run.conclude()
                self._settle(stack, run, journal)

    def export(self, stack: Stack) -> dict[str, Any]:
        """The state as it is on file, with the operations that a killed run did not end."""
        remembered = self._store.remembered(stack)
        return self._store.deployment(remembered.snapshot, remembered.begun)

    def deployed(self, stack: Stack) -> list[DeployedResource]:
        """What is remembered of the living resources that a cloud has, secrets opened."""
        return [
            DeployedResource(
                state.type, state.name, to_cloud_value(state.outputs), to_cloud_value(state.inputs), urn=state.urn
            )
            for state in self._store.remembered(stack).snapshot
            if state.custom and not state.delete
        ]

    def kinds(self, stack: Stack) -> list[tuple[str, PropertyValues]]:
        """Type and outputs of the components."""
        return [
            (state.type, to_cloud_value(state.outputs))
            for state in self._store.remembered(stack).snapshot
            if not state.custom
        ]

    def _true(self, stack: Stack) -> tuple[CloudResolver, Snapshot, bool]:
        """What is remembered, put right by asking the clouds, and whether the last run was cut short."""
        remembered = self._store.remembered(stack)
        snapshot = remembered.snapshot
        regions = CloudResolver(self._clouds, snapshot, stack.region)
        recover_operations(snapshot, remembered.begun, regions.of)
        snapshot = Snapshot(order_by_dependencies(snapshot)) if remembered.begun else snapshot
        return CloudResolver(self._clouds, snapshot, stack.region), snapshot, remembered.cut_short

    def _settle(self, stack: Stack, run: SandboxRun, journal: Journal) -> None:
        if journal.is_empty:
            return
        recover_operations(run.executor.snapshot, journal.unfinished, run.regions.of)
        self._store.save(stack, order_by_dependencies(run.executor.snapshot))
        journal.close()


def _ignore_progress(tick: ResourceProgress) -> None:
    """A preview has no progress to show."""
