"""Runs deployments and destroys from the command to the exit code, with a view on each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from semantest_iac.application.queries.history import has_other_stacks
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import REMOVAL_KIND, DeploymentStatus
from semantest_iac.domain.guardrails.consent import require_no_destruction, require_plan_consent
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.domain.ports.provisioner import report_step
from semantest_iac.presentation.cli.application import CliApplication
from semantest_iac.presentation.cli.deployment_views import DeploymentView, JsonView, PlainView, StepLines
from semantest_iac.presentation.cli.failures import (
    FAILED,
    OK,
    STATE_EXIT_CODES,
    choose_worst_code,
    exit_code_for,
    to_deployment_error,
)
from semantest_iac.presentation.cli.formatting import (
    DeploymentResult,
    describe_cloud,
    suggest_commands_for_several,
)
from semantest_iac.presentation.cli.home_folder import require_writable_home
from semantest_iac.presentation.cli.process.signals import EndedAtOnce, forward_signals, has_left, leave_behind
from semantest_iac.presentation.cli.session import ResolvedStack, Session
from semantest_iac.presentation.cli.terminal import Terminal
from semantest_iac.presentation.cli.text.plans import format_plan
from semantest_iac_events.deployments import DeploymentCompleted
from semantest_iac_events.event import StackRequest

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader
    from semantest_iac.application.use_cases import DeploymentUseCase
    from semantest_iac.domain.deployment.change_plan import ChangePlan
    from semantest_iac.domain.ports.provisioner import ReportProgress
    from semantest_iac.presentation.cli.text.several_stacks import StackOutcome
    from semantest_iac_events.event import Event
    from semantest_iac_events.values import HealthAnswer

ReturnedT = TypeVar("ReturnedT")
RecordEnd = Callable[[], Coroutine[Any, Any, None]]
"""Records the end of what was cancelled and is not waited for."""

StartDeployment = Callable[["DeploymentUseCase"], Coroutine[Any, Any, "DeploymentRow"]]

_RECORDING_LIMIT_S = 10.0
_QUESTIONS = {"rollback": "Roll back with", "scale": "Scale with"}


class DeployCommand(NamedTuple):
    """A request to deploy or destroy one stack; `start` calls the use case, `words` are those of the command line.

    `not_before`, in seconds since 1970, is when a worker may begin with a queued one.
    """

    words: str
    stack: Stack
    engine: EngineChoice
    variables: Mapping[str, str]
    start: StartDeployment
    not_before: float | None = None


def execute_commands(
    session: Session, commands: Sequence[DeployCommand], *, is_confirmed: bool = False, accounts_last: bool = False
) -> int:
    """Run the commands concurrently, show each, and return the exit code of the worst outcome.

    Before a real cloud is changed, a person at the terminal is asked, unless it `is_confirmed`; without one, what
    replaces or deletes is rejected. The settings of accounts come before the services, with `accounts_last` after them.
    Re-raises a refusal if one stack was requested; raises StorageError for a home that cannot be written.
    """
    require_writable_home(session.application.home)
    approval = _PlanApproval(session, is_one_of_several=len(commands) > 1, is_confirmed=is_confirmed)
    with open_views(session, commands) as views:
        runs = [_CommandRun(command, view, approval) for command, view in zip(commands, views, strict=True)]
        try:
            work = _run_in_groups(session.application, runs, (True, False) if accounts_last else (False, True))
            run_interruptible(work, session.terminal, partial(_record_ends, runs))
        except KeyboardInterrupt:
            for run in runs:
                run.read_row(session.application.ledger)
            if not any(run.row for run in runs):
                raise
        if len(runs) == 1 and runs[0].row is None:
            raise runs[0].refusal
    with suppress(KeyboardInterrupt):  # what was done stays done
        for run in runs:
            run.show_outcome(session.application, session.home_option)
        if not session.json and len(runs) > 1:
            session.terminal.print_lines(*_conclude(runs, session.home_option))
    return choose_worst_code(run.exit_code for run in runs)


def _conclude(runs: Sequence[_CommandRun], home_option: str) -> Sequence[str]:
    """Say what became of several stacks if one of them is not as it should be, else what to try."""
    if all(run.exit_code == OK for run in runs):
        return suggest_commands_for_several(home_option) if sum(run.is_live for run in runs) > 1 else ()
    from semantest_iac.presentation.cli.text.several_stacks import format_outcomes

    return format_outcomes([run.outcome for run in runs], runs[0].words, home_option)


def preview_destroy(session: Session, target: ResolvedStack) -> ChangePlan:
    """Return the plan of destroying the stack; planning is shown."""
    with show_steps(session) as progress:
        deployments = session.application.deployments(target.variables, engine=target.engine, progress=progress)
        previewing = deployments.preview_destroy(target.stack, base_environment=target.base_environment)
        return run_interruptible(previewing, session.terminal)


def run_interruptible(
    work: Coroutine[Any, Any, ReturnedT], terminal: Terminal, record_end: RecordEnd | None = None
) -> ReturnedT:
    """Run a coroutine to its end, whoever reads or does not read what is printed meanwhile.

    The first SIGINT, SIGTERM or SIGHUP cancels it and raises KeyboardInterrupt once it has stopped. A second one calls
    `record_end` and raises EndedAtOnce, while threads of the work may still run: the process must end.
    """
    runner = asyncio.Runner()
    with terminal.queue_output():
        try:
            return runner.run(_await_with_signals(work, terminal, record_end))
        except EndedAtOnce:
            leave_behind(runner)
            raise
        except asyncio.CancelledError as error:
            raise KeyboardInterrupt from error
        finally:
            if not has_left(runner):
                runner.close()


@contextmanager
def open_views(session: Session, commands: Sequence[DeployCommand]) -> Iterator[Sequence[DeploymentView]]:
    """Open a view for each command: JSON with `--json`, a branch of one live tree on a terminal, else plain lines.

    Lines of one of several stacks begin with its name.
    """
    with ExitStack() as opened:
        views = _choose_views(session, commands, opened)
        for view in views:
            opened.enter_context(view)
        yield views


def _choose_views(session: Session, commands: Sequence[DeployCommand], opened: ExitStack) -> Sequence[DeploymentView]:
    terminal, several = session.terminal, len(commands) > 1
    if session.json:
        return [JsonView(terminal) for _ in commands]
    shared = session.home_option, session.application.providers
    if terminal.is_interactive:
        from semantest_iac.presentation.cli.live_tree import LiveDisplay, LiveTreeView  # imports rich

        display = opened.enter_context(LiveDisplay(terminal))
        labels = [(str(each.stack), describe_cloud(each.engine)) if several else ("", "") for each in commands]
        return [LiveTreeView(display, display.add_branch(*label), terminal, *shared) for label in labels]
    width = max(len(str(each.stack)) for each in commands)
    labelled = [terminal.with_label(f"{each.stack!s:<{width}}  ") if several else terminal for each in commands]
    return [PlainView(each, *shared, is_one_of_several=several) for each in labelled]


@contextmanager
def show_reading(session: Session) -> Iterator[None]:
    """Show that the configuration is read: the first sign of life of a command."""
    with show_steps(session) as progress, report_step(progress, "read", "the configuration"):
        yield


@contextmanager
def show_steps(session: Session) -> Iterator[ReportProgress]:
    """Show the steps of a preview as lines that vanish on a terminal, else as remarks; not at all with `--json`."""
    if session.terminal.is_interactive and not session.json:
        from semantest_iac.presentation.cli.live_tree import LiveDisplay  # imports rich

        with LiveDisplay(session.terminal, is_transient=True) as display:
            branch = display.add_branch()
            yield lambda progress: display.update(branch, progress)
        return
    steps = StepLines(session.terminal.print_remarks)
    try:
        yield lambda progress: None if session.json else steps.operation_progressed(progress)
    finally:
        steps.close()


class _PlanApproval:
    """Asks about plans for real clouds: one question at a time, with the plan above it."""

    def __init__(self, session: Session, *, is_one_of_several: bool, is_confirmed: bool) -> None:
        self._session = session
        self._is_one_of_several = is_one_of_several
        self._is_confirmed = is_confirmed
        self._asking = asyncio.Lock()

    async def approve(self, words: str, view: DeploymentView, stack: Stack, plan: ChangePlan) -> None:
        """Return if the plan may be applied; raises RefusedError if not."""
        terminal = self._session.terminal
        if self._is_confirmed:
            return
        if self._session.json or not terminal.can_ask:
            require_no_destruction(stack, plan)
            return
        async with self._asking:
            with view.pause():
                if self._is_one_of_several:
                    terminal.print_lines(f"{stack}:", *format_plan(plan, terminal.width))
                what = f"these changes to {stack}" if self._is_one_of_several else "these changes"
                question = f"{_QUESTIONS.get(words, 'Deploy')} {what}? [y/N] "
                require_plan_consent(stack, await terminal.ask_while_running(question))


class _CommandRun:
    """One running command: its view, its row in the ledger or the error that refused it, and its health check."""

    def __init__(self, command: DeployCommand, view: DeploymentView, approval: _PlanApproval) -> None:
        self.view = view
        self._approval = approval
        self.row: DeploymentRow | None = None
        self.refusal: BaseException = KeyboardInterrupt()
        self._command = command
        self._use_case: DeploymentUseCase | None = None
        self._deployment: str | None = None
        self._health: HealthAnswer | None = None
        self._started = monotonic()

    @property
    def is_service(self) -> bool:
        """False for account components."""
        return self._command.stack.is_service

    @property
    def words(self) -> str:
        return self._command.words

    @property
    def outcome(self) -> StackOutcome:
        """How the command ended, in words."""
        from semantest_iac.presentation.cli.text.several_stacks import StackOutcome

        outcome = "refused" if self.row is None else self.row.state.replace("_", " ")
        is_waiting = self.row is not None and self.row.state is DeploymentStatus.AWAITING_APPROVAL
        return StackOutcome(str(self._command.stack), outcome, self.exit_code == OK, is_waiting)

    @property
    def is_live(self) -> bool:
        """Whether the stack has been deployed."""
        return self.row is not None and self.row.kind != REMOVAL_KIND and self.row.state == "completed"

    async def execute(self, application: CliApplication) -> None:
        self._use_case = deployments = application.deployments(
            self._command.variables,
            engine=self._command.engine,
            progress=self.view.operation_progressed,
            observer=self._on_event,
            approve_plan=partial(self._approval.approve, self.words, self.view),
            show_plan=self.view.show_plan,
            show_review=partial(self.view.show_review, with_costs=not self._command.engine.is_simulated),
        )
        try:
            self.row = await self._command.start(deployments)
        except Exception as error:
            self.refusal = error
        self._seconds = monotonic() - self._started
        self.view.end(self.row.state.replace("_", " ") if self.row else "refused")

    async def record_end(self) -> None:
        """Record that the deployment was cancelled, although it still runs."""
        if self._use_case:
            await self._use_case.abandon()

    def read_row(self, ledger: LedgerReader) -> None:
        """Read the row of a deployment that was cancelled after its request was recorded."""
        self._seconds = monotonic() - self._started
        self.row = self.row or (ledger.deployment(self._deployment) if self._deployment else None)

    @property
    def exit_code(self) -> int:
        """The exit code of how the command ended."""
        return exit_code_for(self.refusal) if self.row is None else STATE_EXIT_CODES.get(self.row.state, FAILED)

    def show_outcome(self, application: CliApplication, home_option: str) -> None:
        """Show how the command ended."""
        ledger = application.ledger
        if self.row is None:
            self.view.show_refusal(str(self._command.stack), to_deployment_error(self.refusal))
            return
        if self.row.state is DeploymentStatus.PENDING:
            self.view.show_queued(self.row, ledger.stack(self.row.stack).held_by, self._command.not_before)
            return
        is_simulated, others = self._command.engine.is_simulated, has_other_stacks(ledger, self._command.stack)
        result = DeploymentResult(self.row, self._health, self._seconds, is_simulated, others)
        if waiting := application.approvals({}).find_waiting(self.row.deployment):
            self.view.show_waiting(result, waiting, home_option)
        else:
            self.view.show_result(result)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, StackRequest):
            self._deployment = event.deployment_id
        elif isinstance(event, DeploymentCompleted):
            self._health = event.health
        self.view.on_event(event)


async def _record_ends(runs: Sequence[_CommandRun]) -> None:
    await asyncio.gather(*(run.record_end() for run in runs))


async def _run_in_groups(application: CliApplication, runs: Sequence[_CommandRun], order: Sequence[bool]) -> None:
    """Run services (True) and account stacks (False) in this order; each group concurrently."""
    for is_service in order:
        await asyncio.gather(*(run.execute(application) for run in runs if run.is_service is is_service))


async def _await_with_signals(
    work: Coroutine[Any, Any, ReturnedT], terminal: Terminal, record_end: RecordEnd | None
) -> ReturnedT:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    is_over = asyncio.Event()

    def cancel(count: int, name: str) -> None:
        if count > 1:
            is_over.set()
            return
        how = "press Ctrl-C again to stop at once" if name == "SIGINT" else f"{name} again stops at once"
        terminal.print_remarks(f"Cancelling after the current operation; {how}.")
        task.cancel()

    def on_signal(count: int, name: str) -> None:
        terminal.hurry()  # also if the work ends before the loop calls back
        loop.call_soon_threadsafe(cancel, count, name)

    with forward_signals(on_signal):
        waiting = asyncio.ensure_future(is_over.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            return task.result()
        leave_behind(task)
        if record_end:
            await asyncio.wait_for(record_end(), _RECORDING_LIMIT_S)
        raise EndedAtOnce
