"""Runs one operation in the worker and reports its result."""

from __future__ import annotations

import hashlib
import pickle
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict
from typing import Any

from pulumi.automation.errors import CommandError

from semantest_iac.domain.environments.names import select_secret_values
from semantest_iac.domain.errors import DeploymentError, RefusedError
from semantest_iac.domain.ports.provisioner import WaitReporter, report_step
from semantest_iac.domain.security.redaction import Redactor
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.cloud_programs.context import RetainedResource, split_urn
from semantest_iac.infrastructure.container_images.image_pushing import ImagePush, push_image
from semantest_iac.infrastructure.disk_space import find_full_disk_error
from semantest_iac.infrastructure.pulumi_engine.cli.pulumi_command import CommandStoppedError
from semantest_iac.infrastructure.pulumi_engine.state.backups import back_up_state
from semantest_iac.infrastructure.pulumi_engine.state.locks import wait_for_stack_lock
from semantest_iac.infrastructure.pulumi_engine.state.moves import require_not_moved
from semantest_iac.infrastructure.pulumi_engine.state.owners import name_this_process, record_owner
from semantest_iac.infrastructure.pulumi_engine.state.state_files import StateFiles
from semantest_iac.infrastructure.pulumi_engine.state.states import StackState, restore_previous_state
from semantest_iac.infrastructure.pulumi_engine.worker.automation_stack import AutomationStack
from semantest_iac.infrastructure.pulumi_engine.worker.engine_events import EventWatcher, SendMessage
from semantest_iac.infrastructure.pulumi_engine.worker.ipc import (
    Mutations,
    Operation,
    OperationName,
    PendingCreateRecovery,
    WorkerMessage,
    WorkerTask,
)
from semantest_iac.infrastructure.pulumi_engine.worker.programs import ProgramRun

_LOCK_TIMEOUT_S = 60.0
_ERROR_TEXT_LIMIT = 4_000  # characters


class OperationRunner:
    """Runs one task in the worker and returns its last message."""

    def __init__(self, task: WorkerTask, send: SendMessage) -> None:
        self._task = task
        self._operation = task.operation
        self._send = send
        self._cloud = find_cloud(self._operation.stack.provider)
        work = self._operation.work
        self._redactor = Redactor((*task.secrets.values(), *select_secret_values(task.environment).values()))
        pusher = None if task.providers else self._push_image  # nobody pushes to a simulated cloud
        self._program = ProgramRun(work, self._cloud, task.secrets, pusher) if work else None
        self.stack = AutomationStack(task, self._program)
        self._state_before = StackState({})
        self._is_backed_up = False

    def run(self) -> WorkerMessage:
        """Return the last message: the result, or why there is none."""
        watcher = self._create_watcher()
        try:
            with self._record_owner(), self._back_up_result():
                return self._prepare() or _OPERATIONS[self._operation.name](self, watcher)
        except DeploymentError as error:
            return refusal_message(error)
        except CommandStoppedError as error:
            return self._failure_message(watcher, stopped=str(error))
        except CommandError as error:
            if self._program and self._program.error:
                return refusal_message(self._program.error)
            if not watcher.diagnostics and (full := find_full_disk_error(self._task.settings.folder)):
                return refusal_message(full)
            return self._failure_message(watcher, text=str(error))
        finally:
            self.stack.close()

    def _prepare(self) -> WorkerMessage | None:
        """Wait for the lock, create the stack, settle pending operations; a message if this ends the operation."""
        if self.stack.files is not None:
            self._wait_for_lock(self.stack.files)
            self._require_settled(self.stack.files)
        if backend := self._task.settings.file_backend:
            restore_previous_state(backend, self._task.stack_name)
        state = self.stack.read_state()
        if self.stack.files is not None and _is_changed_by(self._operation, state):
            back_up_state(self.stack.files, self._task.stack_name)
            self._is_backed_up = True
        if state is None and self._operation.work is None:
            return {"done": {"steps": [], "outputs": {}, "state": {}}}
        self.stack.open(state)
        self._state_before = state or self._state_before
        if self._program:
            self._program.retained = [
                RetainedResource.from_state(it["urn"], it["parent"], it.get("inputs") or {})
                for it in self._state_before.retained_resources
            ]
            self._program.deleted = {split_urn(it) for it in self._state_before.deleted_resources}
        return self._recover(state) if state else None

    def _recover(self, state: StackState) -> WorkerMessage | None:
        """Settle what an interrupted operation left open; a message if its creates must be looked for first."""
        creates, recovery = state.pending_creates, self._operation.recovery
        if creates and recovery is None:
            return {"pending": [asdict(create) for create in creates]}
        if creates or state.pending_changes:
            self.stack.recover(recovery or PendingCreateRecovery(), state.pending_changes)
        return None

    @contextmanager
    def _back_up_result(self) -> Iterator[None]:
        """Write a backup of what the block made of the state; the next run writes one where this fails."""
        try:
            yield
        finally:
            if self._is_backed_up and self.stack.files is not None:
                with suppress(DeploymentError, OSError):
                    back_up_state(self.stack.files, self._task.stack_name)

    def _require_settled(self, files: StateFiles) -> None:
        """Raise RefusedError where the state was moved, or a new passphrase was not brought to all states."""
        require_not_moved(files, self._task.stack_name)
        if self._task.settings.is_private and self._task.settings.next_passphrase.exists():
            raise RefusedError(
                "Cannot read the secrets in the states: giving them a new passphrase was interrupted.",
                "STATE_SEALED",
                hint="Run `semantest-iac state rotate-passphrase` again, which goes on.",
            )

    def _record_owner(self) -> AbstractContextManager[None]:
        """Say in the backend who works on the stack, for the block."""
        if self.stack.files is None:
            return nullcontext()
        work = self._operation.work
        command = f"{self._operation.name} of deployment {work.deployment}" if work else self._operation.name
        owner, mark = name_this_process(command), uuid.uuid4().hex
        return record_owner(self.stack.files, self._task.stack_name, owner, mark)

    def _wait_for_lock(self, files: StateFiles) -> None:
        wait = WaitReporter(lambda progress: self._send({"progress": asdict(progress)}))
        try:
            wait_for_stack_lock(
                files,
                self._task.stack_name,
                _LOCK_TIMEOUT_S,
                wait.report_holder,
                is_private=self._task.settings.is_private,
            )
        finally:
            wait.report_end("done")

    def _push_image(self, push: ImagePush) -> None:
        with report_step(lambda it: self._send({"progress": asdict(it)}), "push", f"an image to {push.repository}"):
            push_image(push, self.stack.command.stopped)

    def preview(self, watcher: EventWatcher) -> WorkerMessage:
        """The steps, the fingerprint by which apply trusts them, and the state if the cloud takes work in an order."""
        self.stack.preview(watcher, refresh=self._refreshes)
        state = self._read_state()
        deployment = state.deployment if self._cloud.publishing or self._cloud.lowers_limits_last else {}
        result = {
            "steps": self._sorted_steps(watcher.steps),
            "drift": [step for step in self._sorted_steps(watcher.refreshed) if step["op"] != "same"],
            "fingerprint": self._fingerprint_state_and_program(state),
            "state": deployment,
            "violations": watcher.violations,
        }
        return {"done": result}

    def apply(self, watcher: EventWatcher) -> WorkerMessage:
        """The steps and the outputs; previews again, unless the fingerprint is that of the first preview.

        What the cloud holds has no fingerprint, so that a refresh is always previewed again.
        """
        expected = self._operation.expected
        if expected and (
            self._refreshes or expected.fingerprint != self._fingerprint_state_and_program(self._read_state())
        ):
            previewed = self._create_watcher()
            self.stack.preview(previewed, refresh=self._refreshes)
            if differences := expected.differences(collect_urns_and_operations(previewed.steps)):
                return {"stale": sorted(differences)}
        self.stack.up(watcher, refresh=self._refreshes)
        return {"done": {"steps": self._sorted_steps(watcher.steps), "outputs": self._read_state().outputs}}

    def preview_destroy(self, watcher: EventWatcher) -> WorkerMessage:
        self.stack.preview_destroy(watcher)
        return {"done": {"steps": self._sorted_steps(watcher.steps)}}

    def destroy(self, watcher: EventWatcher) -> WorkerMessage:
        self.stack.destroy(watcher)
        return {"done": {"steps": self._sorted_steps(watcher.steps)}}

    def detect_drift(self, watcher: EventWatcher) -> WorkerMessage:
        """How the cloud differs from the state, as steps."""
        self.stack.preview_refresh(watcher)
        return {"done": {"steps": self._sorted_steps(watcher.refreshed)}}

    def export(self, watcher: EventWatcher) -> WorkerMessage:
        """The state with encrypted secrets."""
        return {"done": {"steps": [], "state": self._read_state().deployment}}

    def reveal(self, watcher: EventWatcher) -> WorkerMessage:
        """The state with its secrets in plain text, only for services that are simulated on this machine."""
        return {"done": {"steps": [], "state": self.stack.export_with_secrets().deployment}}

    def change_key(self, watcher: EventWatcher) -> WorkerMessage:
        """Encrypt the state by the provider of the settings, and compare every secret with what it was."""
        before = self.stack.export_with_secrets()
        self.stack.change_secrets_provider(self._task.settings.secrets_provider)
        if _without_provider(self.stack.export_with_secrets()) != _without_provider(before):
            raise RefusedError(
                f"Cannot trust the state of '{self._task.stack_name}': a secret in it has changed with the provider.",
                "STATE_SEALED",
                hint=f"Go back: semantest-iac state restore {self._task.stack_name}",
            )
        return {"done": {"steps": [], "state": {}}}

    @property
    def _refreshes(self) -> bool:
        return self._operation.work is not None and self._operation.work.refresh

    def _create_watcher(self) -> EventWatcher:
        return EventWatcher(self._send, self.stack.command.stop, self._redactor.redact)

    def _read_state(self) -> StackState:
        return self.stack.read_state() or StackState({})

    def _sorted_steps(self, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The steps in an order that is the same every time: that of the blueprint, then deletes, dependents first.

        The engine's own order is one of many that the dependencies allow.
        """
        work = self._operation.work
        components = [resource.name for resource in work.blueprint.in_order()] if work else []
        urns = [resource["urn"] for resource in self._state_before.resources]
        steps = sorted(found, key=lambda step: _step_sort_key(step, components, urns))
        origins = {**self._state_before.property_origins, **(self._program.property_origins if self._program else {})}
        return [self._to_sent_step(step, origins.get(step["urn"], {})) for step in steps]

    def _to_sent_step(self, step: dict[str, Any], origins: Mapping[str, Any]) -> dict[str, Any]:
        """Return the step with what the cloud knows about it, and without the inputs that this is known from."""
        described = {
            "data": self._cloud.find_lost_data(step["type"]),
            "exposes": self._cloud.find_exposure(step["type"], step["inputs"]),
            "origins": origins,
        }
        return {**{key: value for key, value in step.items() if key != "inputs"}, **described}

    def _fingerprint_state_and_program(self, state: StackState) -> str:
        """A hash of the state and of everything that the program is made from, secrets included."""
        work = self._operation.work
        made_from = work and (work.blueprint, work.artifact, sorted(work.versions.items()))
        sources = (state.digest, made_from, sorted(self._task.secrets.items()))
        return hashlib.sha256(pickle.dumps(sources)).hexdigest()

    def _failure_message(self, watcher: EventWatcher, *, stopped: str = "", text: str = "") -> WorkerMessage:
        return {
            "failed": {
                "errors": watcher.diagnostics,
                "violations": watcher.violations,
                "exit_code": self.stack.command.exit_code,
                "stopped": stopped,
                "text": self._redactor.redact_end(text, _ERROR_TEXT_LIMIT),
            }
        }


_OPERATIONS: Mapping[OperationName, Callable[[OperationRunner, EventWatcher], WorkerMessage]] = {
    "preview": OperationRunner.preview,
    "apply": OperationRunner.apply,
    "preview_destroy": OperationRunner.preview_destroy,
    "destroy": OperationRunner.destroy,
    "detect_drift": OperationRunner.detect_drift,
    "export": OperationRunner.export,
    "reveal": OperationRunner.reveal,
    "change_key": OperationRunner.change_key,
}


def _is_changed_by(operation: Operation, state: StackState | None) -> bool:
    """Whether an operation changes the state, or settles what an interrupted one left in it."""
    is_unsettled = bool(state and (state.pending_creates or state.pending_changes))
    return is_unsettled or operation.name in ("apply", "destroy", "change_key")


def _without_provider(state: StackState) -> dict[str, Any]:
    return {key: value for key, value in state.deployment.items() if key not in ("manifest", "secrets_providers")}


def collect_urns_and_operations(steps: list[dict[str, Any]]) -> Mutations:
    return frozenset((step["urn"], step["op"]) for step in steps if step["op"] != "same")


def _step_sort_key(step: Mapping[str, Any], components: list[str], urns: list[str]) -> tuple[bool, int, str]:
    """The sort key of a step: `components` are in the blueprint's order, `urns` in that of the state."""
    is_delete, urn = step["op"] in ("delete", "keep"), step["urn"]
    if is_delete:
        return True, -urns.index(urn) if urn in urns else 0, urn
    return False, components.index(step["parent"]) if step["parent"] in components else -1, urn


def refusal_message(error: DeploymentError) -> WorkerMessage:
    return {
        "refused": {
            "kind": type(error).__name__,
            "message": error.message,
            "code": error.error_code,
            "hint": error.hint,
            "faults": [fault.as_dict() for fault in error.faults],
        }
    }
