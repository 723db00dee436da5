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
from semantest_iac.presentation.cli.application import CliApplication, Deployments
from semantest_iac.presentation.cli.deployment_views import DeploymentView
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
    from semantest_iac.domain.deployment.change_plan import ChangePlan
    from semantest_iac_events.event import Event
    from semantest_iac_events.values import HealthAnswer


def choose_view(session: Session, label: str = "") -> DeploymentView:
    """JSON where it was asked for, a live tree where a person watches, lines elsewhere.

    Of several at once each has a label before its lines; trees would grow into one another.
    """
    if session.json:
        from semantest_iac.presentation.cli.deployment_views import JsonView

        return JsonView(session.terminal)
    if session.terminal.is_watched and not label:
        from semantest_iac.presentation.cli.live_tree import LiveTreeView

        return LiveTreeView(session.terminal, session.home_option, session.application.providers)
    from semantest_iac.presentation.cli.deployment_views import PlainView

    terminal = session.terminal.labelled(f"{label}  ") if label else session.terminal
    return PlainView(terminal, session.home_option, session.application.providers)


Answer = TypeVar("Answer")
StartDeployment = Callable[[Deployments, "OnWait"], Coroutine[Any, Any, "DeploymentRow"]]

_WORST_EXIT_CODE_FIRST = (FAILED, USAGE, REFUSED, CANCELLED, OK)


class DeployCommand(NamedTuple):
    """What is asked for one stack."""

    stack: Stack
    engine: EngineChoice
    variables: Mapping[str, str]
    ask: StartDeployment


class _CommandRun:
    """One wish on its way: what its view and its row do not remember."""

    def __init__(self, wish: DeployCommand, view: DeploymentView) -> None:
        self.view = view
        self.row: DeploymentRow | None = None
        self.refusal: BaseException = KeyboardInterrupt()
        self._wish = wish
        self._deployment: str | None = None
        self._health: HealthAnswer | None = None
        self._began = monotonic()

    @property
    def is_of_service(self) -> bool:
        """Not of what services stand on."""
        return self._wish.stack.is_service

    async def carry_out(self, application: CliApplication) -> None:
        """To its row, or to why there is none."""
        deployments = application.deployments(
            self._wish.variables, engine=self._wish.engine, progress=self.view.tick, observer=self._see
        )
        try:
            self.row = await self._wish.ask(deployments, self.view.waiting)
        except Exception as error:
            self.refusal = error
        self._seconds = monotonic() - self._began

    def look_up(self, ledger: LedgerReader) -> None:
        """The row of a deployment that was called off once it was on record."""
        self._seconds = monotonic() - self._began
        self.row = self.row or (ledger.deployment(self._deployment) if self._deployment else None)

    def end(self) -> int:
        """Show how it ended and return the exit code of that."""
        if self.row is None:
            self.view.refused(str(self._wish.stack), to_deployment_error(self.refusal))
            return exit_code_for(self.refusal)
        self.view.ended(DeploymentResult(self.row, self._health, self._seconds))
        return STATE_EXIT_CODES.get(self.row.state, FAILED)

    def _see(self, event: Event) -> None:
        if isinstance(event, StackRequest):
            self._deployment = event.deployment_id
        elif isinstance(event, DeploymentCompleted):
            self._health = event.health
        self.view.event(event)


def execute_commands(session: Session, wishes: Sequence[DeployCommand]) -> int:
    """Ask for deployments or removals side by side, show them, and return the exit code of the worst end.

    What is refused at the door is raised where it was the only wish.
    """
    runs = [_CommandRun(wish, choose_view(session, str(wish.stack) if len(wishes) > 1 else "")) for wish in wishes]
    with ExitStack() as views:
        for run in runs:
            views.enter_context(run.view)
        _execute_runs(session, runs)
    return min((run.end() for run in runs), key=_WORST_EXIT_CODE_FIRST.index)


def _execute_runs(session: Session, runs: Sequence[_CommandRun]) -> None:
    try:
        run_interruptible(_run_accounts_first(session.application, runs), session.terminal)
    except KeyboardInterrupt:
        for run in runs:
            run.look_up(session.application.ledger)
        if not any(run.row for run in runs):
            raise
    if len(runs) == 1 and runs[0].row is None:
        raise runs[0].refusal


async def _run_accounts_first(application: CliApplication, runs: Sequence[_CommandRun]) -> None:
    """What services stand on is there before them; within a turn all goes side by side."""
    for is_services in (False, True):
        await asyncio.gather(*(run.carry_out(application) for run in runs if run.is_of_service is is_services))


def preview_destroy(session: Session, meant: ResolvedStack) -> ChangePlan:
    """What `destroy` would delete."""
    deployments = session.application.deployments(meant.variables, engine=meant.engine)
    return run_interruptible(deployments.preview_destroy(meant.stack), session.terminal)


def run_interruptible(work: Coroutine[Any, Any, Answer], terminal: Terminal) -> Answer:
    """Run to the end; Ctrl-C and SIGTERM stop it in good order and raise KeyboardInterrupt, a second one at once."""
    try:
        return asyncio.run(_await_with_signals(work, terminal))
    except asyncio.CancelledError as error:
        raise KeyboardInterrupt from error


async def _await_with_signals(work: Coroutine[Any, Any, Answer], terminal: Terminal) -> Answer:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)

    def call_off(number: int) -> None:
        loop.remove_signal_handler(number)
        terminal.remark("Stopping after the operation under way; once more stops at once.")
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, call_off, number)
    return await task
