"""The entry of the worker process: `python -m semantest_iac.infrastructure.pulumi_engine.worker`.

It exists because the SDK runs the program in the process that drives the CLI, with threads and process-wide settings:
a deployment that hangs, leaks or is killed affects no other."""

from __future__ import annotations

import gc
import os
import signal
import time

from semantest_iac.domain.errors import as_storage_error
from semantest_iac.infrastructure.durable_files import name_failed_path
from semantest_iac.infrastructure.pulumi_engine.runs import RUN_MARK_VARIABLE, kill_run_processes
from semantest_iac.infrastructure.pulumi_engine.worker.automation_stack import AutomationStack
from semantest_iac.infrastructure.pulumi_engine.worker.ipc import ParentConnection, WorkerMessage, WorkerTask
from semantest_iac.infrastructure.pulumi_engine.worker.operation_runner import OperationRunner, refusal_message

ORPHAN_GRACE_S = 3.0


class CurrentOperation:
    """The operation that is running, for the thread that has to stop it."""

    def __init__(self) -> None:
        self._stack: AutomationStack | None = None
        self._is_stopped = False

    def set(self, runner: OperationRunner) -> None:
        """Make this the current operation; it is stopped at once if `stop` was called before."""
        self._stack = runner.stack
        if self._is_stopped:
            self.stop()

    def stop(self) -> None:
        """Interrupt the CLI and let it end in good order."""
        self._is_stopped = True
        if self._stack:
            self._stack.command.stop()

    def exit_without_parent(self) -> None:
        """Let the CLI finish and record its pending operation, then kill every process of the run.

        If the provider died with the parent, there is nothing to finish.
        """
        self.stop()
        if self._stack:
            _finish_or_kill_cli(self._stack)
        kill_run_processes(os.environ.get(RUN_MARK_VARIABLE, ""))
        os.kill(os.getpid(), signal.SIGKILL)


def serve_operations() -> None:
    """Run the tasks that the parent sends, and send back their results."""
    gc.set_threshold(5_000, 20, 20)  # nearly all that is made by the imports of the first task stays
    parent, current = ParentConnection(), CurrentOperation()
    parent.listen(on_stop=current.stop, on_parent_exit=current.exit_without_parent)
    for number, task in enumerate(parent.tasks()):
        parent.send(_run_task(task, parent, current))
        if number == 0:
            gc.freeze()  # the modules are loaded; else a later task waits for a look at what stays for good
    os._exit(0)  # the clean-up of Pulumi and gRPC would take a while


def _run_task(task: WorkerTask, parent: ParentConnection, current: CurrentOperation) -> WorkerMessage:
    """Run a task; what the file system refuses is a result, too."""
    try:
        with name_failed_path(task.folder):
            runner = OperationRunner(task, parent.send)
            current.set(runner)
            return runner.run()
    except OSError as error:
        if storage := as_storage_error(error):
            return refusal_message(storage)
        raise


def _finish_or_kill_cli(stack: AutomationStack) -> None:
    if not stack.can_outlive_parent:
        stack.command.kill()
    deadline = time.monotonic() + ORPHAN_GRACE_S
    while stack.command.is_running and time.monotonic() < deadline:
        time.sleep(0.05)


if __name__ == "__main__":
    serve_operations()
