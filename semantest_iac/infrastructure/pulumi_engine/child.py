"""One operation of the engine in a process of its own: `python -m semantest_iac.infrastructure.pulumi_engine.child`.

It exists because the SDK runs the program in the process that drives the CLI, with threads and settings for the whole
process: a deployment that hangs, leaks or is killed takes nothing else with it.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from pulumi.automation.errors import CommandError

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.cloud_programs.cloud import cloud
from semantest_iac.infrastructure.pulumi_engine.bench import Bench
from semantest_iac.infrastructure.pulumi_engine.channel import Channel
from semantest_iac.infrastructure.pulumi_engine.locks import wait_until_free
from semantest_iac.infrastructure.pulumi_engine.processes import MARK, sweep
from semantest_iac.infrastructure.pulumi_engine.program_run import ProgramRun
from semantest_iac.infrastructure.pulumi_engine.pulumi_command import CommandStoppedError
from semantest_iac.infrastructure.pulumi_engine.states import State
from semantest_iac.infrastructure.pulumi_engine.tasks import Mutations, Task
from semantest_iac.infrastructure.pulumi_engine.watching import Send, Watch

ORPHANS_GRACE_S = 3.0
_LOCK_PATIENCE_S = 60.0

Message = Mapping[str, Any]


class Errand:
    """Carries out one task and tells how it went."""

    def __init__(self, task: Task, send: Send) -> None:
        self._task = task
        self._send = send
        self._cloud = cloud(task.order.stack.provider)
        self._program = ProgramRun(task.order.work, self._cloud, task.secrets) if task.order.work else None
        self.bench = Bench(task, self._program)
        self._before = State({})

    def carry_out(self) -> Message:
        """The last message: what was done, or why it was not."""
        watch = self._watch()
        try:
            return self._prepared() or _OPERATIONS[self._task.order.operation](self, watch)
        except DeploymentError as error:
            return _told(error)
        except CommandStoppedError as error:
            return self._failed(watch, stopped=str(error))
        except CommandError as error:
            if self._program and self._program.fault:
                return _told(self._program.fault)
            return self._failed(watch, text=str(error))

    def _prepared(self) -> Message | None:
        """Wait for others, make the stack, take up what was cut off; a message where that ends the errand."""
        if self._task.site.files:
            wait_until_free(self._task.site.files, self._task.stack, _LOCK_PATIENCE_S)
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

    def preview(self, watch: Watch) -> Message:
        """The plan, and the fingerprint that lets apply trust it."""
        self.bench.preview(watch)
        return {"done": {"steps": self._judged(watch), "fingerprint": self._fingerprint()}}

    def apply(self, watch: Watch) -> Message:
        """Counts and outputs; first comes a second preview, unless nothing can have changed since the first."""
        plan = self._task.order.held_to
        if plan and plan.fingerprint != self._fingerprint():
            before = self._watch()
            self.bench.preview(before)
            found = mutations(before.steps)
            if not plan.allows(found):
                return {"stale": sorted(found ^ plan.mutations)}
        self.bench.up(watch)
        return {"done": {"steps": self._judged(watch), "outputs": self._state().outputs}}

    def preview_removal(self, watch: Watch) -> Message:
        """What would be deleted."""
        self.bench.preview_removal(watch)
        return {"done": {"steps": self._judged(watch)}}

    def remove(self, watch: Watch) -> Message:
        """What was deleted; what is left where the engine says it succeeded is told too."""
        self.bench.destroy(watch)
        left = [resource["urn"] for resource in self._state().resources]
        return {"done": {"steps": self._judged(watch), "left": left}}

    def detect_drift(self, watch: Watch) -> Message:
        """How the cloud differs from the state."""
        self.bench.preview_refresh(watch)
        return {"done": {"steps": self._judged(watch)}}

    def export(self, watch: Watch) -> Message:
        """The state, secrets sealed."""
        return {"done": {"steps": [], "state": self._state().deployment}}

    def reveal(self, watch: Watch) -> Message:
        """The state, secrets opened: for a service that is played on this machine, and nothing else."""
        return {"done": {"steps": [], "state": self.bench.revealed().deployment}}

    def _watch(self) -> Watch:
        return Watch(self._send, self.bench.command.stop)

    def _state(self) -> State:
        return self.bench.state() or State({})

    def _judged(self, watch: Watch) -> list[dict[str, Any]]:
        """The steps in an order that is the same every time: that of the blueprint, then deletes, dependents first.

        The engine's own order is one of many that the dependencies allow.
        """
        work, stateful = self._task.order.work, self._cloud.stateful
        kinds = [resource.name for resource in work.blueprint.in_order()] if work else []
        known = [resource["urn"] for resource in self._before.resources]
        steps = sorted(watch.steps, key=lambda step: _place(step, kinds, known))
        origins = self._before.origins
        return [
            {**step, "stateful": step["type"] in stateful, "origins": origins.get(step["urn"], {})} for step in steps
        ]

    def _fingerprint(self) -> str:
        """Changes with the state and with everything that the program is made from, secrets included."""
        work = self._task.order.work
        made_from = (self._state().digest, work and (work.blueprint, work.artifact), sorted(self._task.secrets.items()))
        return hashlib.sha256(pickle.dumps(made_from)).hexdigest()

    def _failed(self, watch: Watch, *, stopped: str = "", text: str = "") -> Message:
        errors = [error.as_dict() for error in watch.errors]
        known = {"errors": errors, "exit_code": self.bench.command.exit_code, "has_begun": watch.has_begun}
        return {"failed": {**known, "stopped": stopped, "text": text[-4_000:]}}


_OPERATIONS: Mapping[str, Callable[[Errand, Watch], Message]] = {
    "preview": Errand.preview,
    "apply": Errand.apply,
    "preview_removal": Errand.preview_removal,
    "remove": Errand.remove,
    "detect_drift": Errand.detect_drift,
    "export": Errand.export,
    "reveal": Errand.reveal,
}


def mutations(steps: list[dict[str, Any]]) -> Mutations:
    """What would change, without order: the engine's own order varies."""
    return frozenset((step["urn"], step["op"]) for step in steps if step["op"] != "same")


def _place(step: Mapping[str, Any], kinds: list[str], known: list[str]) -> tuple[bool, int, str]:
    is_delete, urn = step["op"] in ("delete", "keep"), step["urn"]
    if is_delete:
        return True, -known.index(urn) if urn in known else 0, urn
    return False, kinds.index(step["parent"]) if step["parent"] in kinds else -1, urn


class Desk:
    """The errand at hand, for those who have to end it from another thread."""

    def __init__(self) -> None:
        self._bench: Bench | None = None
        self._is_closed = False

    def take(self, errand: Errand) -> None:
        """This one is at hand now; stopped at once where the stop came first."""
        self._bench = errand.bench
        if self._is_closed:
            self.stop()

    def stop(self) -> None:
        """End it in good order."""
        self._is_closed = True
        if self._bench:
            self._bench.command.stop()

    def end_alone(self) -> None:
        """Without a parent: let the CLI finish the operation under way and write it down, then end with everything.

        Where the provider went with the parent there is nothing to finish.
        """
        self.stop()
        if self._bench:
            _wait_for_end(self._bench)
        sweep(os.environ.get(MARK, ""))
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Take tasks from the parent, carry them out, answer."""
    channel, desk = Channel(), Desk()
    channel.listen(stop=desk.stop, end=desk.end_alone)
    for task in channel.tasks():
        errand = Errand(task, channel.send)
        desk.take(errand)
        channel.send(errand.carry_out())
    os._exit(0)  # nothing is left to do, and taking Pulumi and gRPC apart would take a while


def _wait_for_end(bench: Bench) -> None:
    if not bench.is_self_contained:
        bench.command.kill()
    deadline = time.monotonic() + ORPHANS_GRACE_S
    while bench.command.is_running and time.monotonic() < deadline:
        time.sleep(0.05)


def _told(error: DeploymentError) -> Message:
    faults = [fault.as_dict() for fault in error.faults]
    kind = type(error).__name__
    told = {"kind": kind, "message": error.message, "code": error.error_code, "hint": error.hint, "faults": faults}
    return {"refused": told}


if __name__ == "__main__":
    main()
