"""Runs deployments and destroys from the command to the exit code, with a view on each."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.presentation.cli.application import CliApplication
from semantest_iac.presentation.cli.deployment_views import DeploymentView, JsonView, PlainView
from semantest_iac.presentation.cli.failures import (
    CANCELLED,
    FAILED,
    OK,
    REFUSED,
    STATE_EXIT_CODES,
    USAGE,
    exit_code_for,
    to_deployment_error,
)
from semantest_iac.presentation.cli.formatting import DeploymentResult
from semantest_iac.presentation.cli.session import ResolvedStack, Session
from semantest_iac.presentation.cli.terminal import Terminal
from semantest_iac_events.deployments import DeploymentCompleted
from semantest_iac_events.event import StackRequest

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader
    from semantest_iac.application.ports.run_queue import OnWait
    from semantest_iac.application.use_cases import DeploymentUseCase
    from semantest_iac.domain.deployment.change_plan import ChangePlan
    from semantest_iac_events.event import Event
    from semantest_iac_events.values import HealthAnswer

ReturnedT = TypeVar("ReturnedT")
StartDeployment = Callable[["DeploymentUseCase", "OnWait"], Coroutine[Any, Any, "DeploymentRow"]]

_WORST_EXIT_CODE_FIRST = (FAILED, USAGE, REFUSED, CANCELLED, OK)


class DeployCommand(NamedTuple):
    """A request to deploy or destroy one stack; `start` calls the use case."""

    stack: Stack
    engine: EngineChoice
    variables: Mapping[str, str]
    start: StartDeployment


def execute_commands(session: Session, commands: Sequence[DeployCommand]) -> int:
    """Run the commands concurrently, show each, and return the exit code of the worst outcome.

    Re-raises a refusal if one stack was requested.
    """
    has_labels = len(commands) > 1
    runs = [_CommandRun(each, choose_view(session, str(each.stack) if has_labels else "")) for each in commands]
    with ExitStack() as views:
        for run in runs:
            views.enter_context(run.view)
        try:
            run_interruptible(_run_accounts_first(session.application, runs), session.terminal)
        except KeyboardInterrupt:
            for run in runs:
                run.read_row(session.application.ledger)
            if not any(run.row for run in runs):
                raise
        if len(runs) == 1 and runs[0].row is None:
            raise runs[0].refusal
    return min((run.show_outcome() for run in runs), key=_WORST_EXIT_CODE_FIRST.index)


def preview_destroy(session: Session, target: ResolvedStack) -> ChangePlan:
    """Return the plan of destroying the stack."""
    deployments = session.application.deployments(target.variables, engine=target.engine)
    return run_interruptible(deployments.preview_destroy(target.stack), session.terminal)


def run_interruptible(work: Coroutine[Any, Any, ReturnedT], terminal: Terminal) -> ReturnedT:
    """Run a coroutine to its end.

    The first Ctrl-C or SIGTERM cancels it and raises KeyboardInterrupt once it has stopped; a second one kills at once.
    """
    try:
        return asyncio.run(_await_with_signals(work, terminal))
    except asyncio.CancelledError as error:
        raise KeyboardInterrupt from error


def choose_view(session: Session, label: str = "") -> DeploymentView:
    """Choose JSON with `--json`, a live tree on a terminal, else plain lines.

    One of several stacks has a label before its lines, and never a tree: two live trees cannot share a terminal.
    """
    if session.json:
        return JsonView(session.terminal)
    if session.terminal.is_interactive and not label:
        from semantest_iac.presentation.cli.live_tree import LiveTreeView  # imports rich

        return LiveTreeView(session.terminal, session.home_option, session.application.providers)
    terminal = session.terminal.with_label(f"{label}  ") if label else session.terminal
    return PlainView(terminal, session.home_option, session.application.providers)


class _CommandRun:
    """One running command: its view, its row in the ledger or the error that refused it, and its health check."""

    def __init__(self, command: DeployCommand, view: DeploymentView) -> None:
        self.view = view
        self.row: DeploymentRow | None = None
        self.refusal: BaseException = KeyboardInterrupt()
        self._command = command
        self._deployment: str | None = None
        self._health: HealthAnswer | None = None
        self._started = monotonic()

    @property
    def is_service(self) -> bool:
        """False for account components."""
        return self._command.stack.is_service

    async def execute(self, application: CliApplication) -> None:
        deployments = application.deployments(
            self._command.variables,
            engine=self._command.engine,
            progress=self.view.operation_progressed,
            observer=self._on_event,
        )
        try:
            self.row = await self._command.start(deployments, self.view.on_wait)
        except Exception as error:
            self.refusal = error
        self._seconds = monotonic() - self._started

    def read_row(self, ledger: LedgerReader) -> None:
        """Read the row of a deployment that was cancelled after its request was recorded."""
        self._seconds = monotonic() - self._started
        self.row = self.row or (ledger.deployment(self._deployment) if self._deployment else None)

    def show_outcome(self) -> int:
        """Show how the command ended and return its exit code."""
        if self.row is None:
            self.view.show_refusal(str(self._command.stack), to_deployment_error(self.refusal))
            return exit_code_for(self.refusal)
        self.view.show_result(DeploymentResult(self.row, self._health, self._seconds))
        return STATE_EXIT_CODES.get(self.row.state, FAILED)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, StackRequest):
            self._deployment = event.deployment_id
        elif isinstance(event, DeploymentCompleted):
            self._health = event.health
        self.view.on_event(event)


async def _run_accounts_first(application: CliApplication, runs: Sequence[_CommandRun]) -> None:
    """Account stacks first, then services; each group concurrently."""
    for is_service in (False, True):
        await asyncio.gather(*(run.execute(application) for run in runs if run.is_service is is_service))


async def _await_with_signals(work: Coroutine[Any, Any, ReturnedT], terminal: Terminal) -> ReturnedT:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)

    def cancel(number: int) -> None:
        loop.remove_signal_handler(number)
        terminal.print_remarks("Cancelling after the current operation; press Ctrl-C again to stop at once.")
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, cancel, number)
    return await task
