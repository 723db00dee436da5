"""The entry of the worker process: `python -m semantest_iac.infrastructure.pulumi_engine.worker`.

It exists because the SDK runs the program in the process that drives the CLI, with threads and process-wide settings:
a deployment that hangs, leaks or is killed affects no other."""

from __future__ import annotations

import os
import signal
import time

from semantest_iac.infrastructure.pulumi_engine.runs import RUN_MARK_VARIABLE, kill_run_processes
from semantest_iac.infrastructure.pulumi_engine.worker.automation_stack import AutomationStack
from semantest_iac.infrastructure.pulumi_engine.worker.ipc import ParentConnection
from semantest_iac.infrastructure.pulumi_engine.worker.operation_runner import OperationRunner

ORPHAN_GRACE_S = 3.0


class CurrentOperation:
    """The errand at hand, for those who have to end it from another thread."""

    def __init__(self) -> None:
        self._bench: AutomationStack | None = None
        self._is_closed = False

    def take(self, errand: OperationRunner) -> None:
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
            _wait_for_cli(self._bench)
        kill_run_processes(os.environ.get(RUN_MARK_VARIABLE, ""))
        os.kill(os.getpid(), signal.SIGKILL)


def serve_operations() -> None:
    """Take tasks from the parent, carry them out, answer."""
    channel, desk = ParentConnection(), CurrentOperation()
    channel.listen(stop=desk.stop, end=desk.end_alone)
    for task in channel.tasks():
        errand = OperationRunner(task, channel.send)
        desk.take(errand)
        channel.send(errand.carry_out())
    os._exit(0)  # nothing is left to do, and taking Pulumi and gRPC apart would take a while


def _wait_for_cli(bench: AutomationStack) -> None:
    if not bench.is_self_contained:
        bench.command.kill()
    deadline = time.monotonic() + ORPHAN_GRACE_S
    while bench.command.is_running and time.monotonic() < deadline:
        time.sleep(0.05)


if __name__ == "__main__":
    serve_operations()
