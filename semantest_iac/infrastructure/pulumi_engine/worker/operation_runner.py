"""Runs one operation in the worker and reports its result."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from pulumi.automation.errors import CommandError

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.pulumi_engine.cli.pulumi_command import CommandStoppedError
from semantest_iac.infrastructure.pulumi_engine.state.locks import wait_for_stack_lock
from semantest_iac.infrastructure.pulumi_engine.state.states import StackState
from semantest_iac.infrastructure.pulumi_engine.worker.automation_stack import AutomationStack
from semantest_iac.infrastructure.pulumi_engine.worker.engine_events import EventWatcher, SendMessage
from semantest_iac.infrastructure.pulumi_engine.worker.ipc import Mutations, WorkerTask
from semantest_iac.infrastructure.pulumi_engine.worker.programs import ProgramRun

_LOCK_TIMEOUT_S = 60.0

_Message = Mapping[str, Any]


class OperationRunner:
    """Carries out one task and tells how it went."""

    def __init__(self, task: WorkerTask, send: SendMessage) -> None:
        self._task = task
        self._send = send
        self._cloud = find_cloud(task.order.stack.provider)
        self._program = ProgramRun(task.order.work, self._cloud, task.secrets) if task.order.work else None
        self.bench = AutomationStack(task, self._program)
        self._before = StackState({})

    def carry_out(self) -> _Message:
        """The last message: what was done, or why it was not."""
        watch = self._watch()
        try:
            return self._prepared() or _OPERATIONS[self._task.order.operation](self, watch)
        except DeploymentError as error:
            return _refusal_message(error)
        except CommandStoppedError as error:
            return self._failed(watch, stopped=str(error))
        except CommandError as error:
            if self._program and self._program.fault:
                return _refusal_message(self._program.fault)
            return self._failed(watch, text=str(error))

    def _prepared(self) -> _Message | None:
        """Wait for others, make the stack, take up what was cut off; a message where that ends the errand."""
        if self._task.site.files:
            wait_for_stack_lock(self._task.site.files, self._task.stack, _LOCK_TIMEOUT_S)
        state = self.bench.state()
        if state is None and self._task.order.work is None:
            return {"done": {"steps": [], "outputs": {}, "state": {}}}
        self.bench.open(state)
        self._before = state or self._before
        if state and (pending := state.pending_creates):
            if self._task.order.recovery is None:
                return {"pending": [asdict(create) for create in pending]}
            self.bench.recover(self._task.order.recovery)
        return None

    def preview(self, watch: EventWatcher) -> _Message:
        """The plan, the fingerprint that lets apply trust it, and the state that both are of where code comes after."""
        self.bench.preview(watch)
        state = self._state()
        seen = state.deployment if self._cloud.publishing else {}
        return {"done": {"steps": self._judged(watch), "fingerprint": self._fingerprint(state), "state": seen}}

    def apply(self, watch: EventWatcher) -> _Message:
        """Counts and outputs; first comes a second preview, unless nothing can have changed since the first."""
        shown = self._task.order.shown
        if shown and shown.fingerprint != self._fingerprint(self._state()):
            before = self._watch()
            self.bench.preview(before)
            if unlike := shown.unlike(collect_mutations(before.steps)):
                return {"stale": sorted(unlike)}
        self.bench.up(watch)
        return {"done": {"steps": self._judged(watch), "outputs": self._state().outputs}}

    def preview_removal(self, watch: EventWatcher) -> _Message:
        """What would be deleted."""
        self.bench.preview_removal(watch)
        return {"done": {"steps": self._judged(watch)}}

    def remove(self, watch: EventWatcher) -> _Message:
        """What was deleted; what is left where the engine says it succeeded is told too."""
        self.bench.destroy(watch)
        left = [resource["urn"] for resource in self._state().resources]
        return {"done": {"steps": self._judged(watch), "left": left}}

    def detect_drift(self, watch: EventWatcher) -> _Message:
        """How the cloud differs from the state."""
        self.bench.preview_refresh(watch)
        return {"done": {"steps": self._judged(watch)}}

    def export(self, watch: EventWatcher) -> _Message:
        """The state, secrets sealed."""
        return {"done": {"steps": [], "state": self._state().deployment}}

    def reveal(self, watch: EventWatcher) -> _Message:
        """The state, secrets opened: for a service that is played on this machine, and nothing else."""
        return {"done": {"steps": [], "state": self.bench.revealed().deployment}}

    def _watch(self) -> EventWatcher:
        return EventWatcher(self._send, self.bench.command.stop)

    def _state(self) -> StackState:
        return self.bench.state() or StackState({})

    def _judged(self, watch: EventWatcher) -> list[dict[str, Any]]:
        """The steps in an order that is the same every time: that of the blueprint, then deletes, dependents first.

        The engine's own order is one of many that the dependencies allow.
        """
        work, stateful = self._task.order.work, self._cloud.stateful
        kinds = [resource.name for resource in work.blueprint.in_order()] if work else []
        known = [resource["urn"] for resource in self._before.resources]
        steps = sorted(watch.steps, key=lambda step: _step_order(step, kinds, known))
        origins = self._before.origins
        return [
            {**step, "stateful": step["type"] in stateful, "origins": origins.get(step["urn"], {})} for step in steps
        ]

    def _fingerprint(self, state: StackState) -> str:
        """Changes with the state and with everything that the program is made from, secrets included."""
        work = self._task.order.work
        made_from = (state.digest, work and (work.blueprint, work.artifact), sorted(self._task.secrets.items()))
        return hashlib.sha256(pickle.dumps(made_from)).hexdigest()

    def _failed(self, watch: EventWatcher, *, stopped: str = "", text: str = "") -> _Message:
        errors = [error.as_dict() for error in watch.errors]
        known = {"errors": errors, "exit_code": self.bench.command.exit_code, "has_begun": watch.has_begun}
        return {"failed": {**known, "stopped": stopped, "text": text[-4_000:]}}


_OPERATIONS: Mapping[str, Callable[[OperationRunner, EventWatcher], _Message]] = {
    "preview": OperationRunner.preview,
    "apply": OperationRunner.apply,
    "preview_removal": OperationRunner.preview_removal,
    "remove": OperationRunner.remove,
    "detect_drift": OperationRunner.detect_drift,
    "export": OperationRunner.export,
    "reveal": OperationRunner.reveal,
}


def collect_mutations(steps: list[dict[str, Any]]) -> Mutations:
    """What would change, without order: the engine's own order varies."""
    return frozenset((step["urn"], step["op"]) for step in steps if step["op"] != "same")


def _step_order(step: Mapping[str, Any], kinds: list[str], known: list[str]) -> tuple[bool, int, str]:
    is_delete, urn = step["op"] in ("delete", "keep"), step["urn"]
    if is_delete:
        return True, -known.index(urn) if urn in known else 0, urn
    return False, kinds.index(step["parent"]) if step["parent"] in kinds else -1, urn


def _refusal_message(error: DeploymentError) -> _Message:
    faults = [fault.as_dict() for fault in error.faults]
    kind = type(error).__name__
    told = {"kind": kind, "message": error.message, "code": error.error_code, "hint": error.hint, "faults": faults}
    return {"refused": told}
