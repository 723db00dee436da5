"""Shows a running deployment as plain lines or as JSON."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from threading import Lock, Timer
from typing import TYPE_CHECKING, Self

from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.application.queries.history import JOURNAL_PREFIX
from semantest_iac.domain.deployment.events import PackageBuilt
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.guardrails.engine_choice import read_engine_choice
from semantest_iac.presentation.cli.failures import error_to_json
from semantest_iac.presentation.cli.formatting import (
    describe_end,
    empty_result,
    format_moment,
    format_notes,
    format_result,
    format_stack_and_cloud,
    format_step,
    suggest_next_commands,
    type_name_with_module,
)
from semantest_iac.presentation.cli.terminal import Terminal
from semantest_iac.presentation.cli.text.approvals import describe_wait, format_commands
from semantest_iac.presentation.cli.text.guardrails import format_review
from semantest_iac.presentation.cli.text.plans import format_plan
from semantest_iac.presentation.cli.text.traffic import format_shift
from semantest_iac.presentation.error_lines import format_error
from semantest_iac.presentation.styles import join_styled, style_text
from semantest_iac_events.deployments import DeploymentPlanned, DeploymentRequested, TrafficShifted

if TYPE_CHECKING:
    from semantest_iac.application.operators.approvals import WaitingPlan
    from semantest_iac.application.reviews.plan_reviewer import PlanReview
    from semantest_iac.domain.deployment.change_plan import ChangePlan
    from semantest_iac.domain.errors import DeploymentError
    from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
    from semantest_iac.domain.ports.provisioner import ResourceProgress
    from semantest_iac.presentation.cli.formatting import DeploymentResult
    from semantest_iac_events.event import Event


STEP_SHOWN_AFTER_S = 0.5


class StepLines:
    """Prints a line when a step has lasted for a while and one when it ends; nothing of a quick step.

    Its methods are called from any thread.
    """

    def __init__(self, print_line: Callable[[str], None], shown_after_s: float = STEP_SHOWN_AFTER_S) -> None:
        self._print_line = print_line
        self._shown_after_s = shown_after_s
        self._lock = Lock()
        self._latest: dict[str, ResourceProgress] = {}  # running steps by URN
        self._timers: dict[str, Timer] = {}
        self._shown: set[str] = set()

    def operation_progressed(self, progress: ResourceProgress) -> None:
        """Take the progress of a step; other words for a running step are shown when it ends."""
        with self._lock:
            is_new = progress.urn not in self._latest
            if progress.state == "running":
                self._latest[progress.urn] = progress
                if is_new:
                    self._start_timer(progress.urn)
                return
            self._latest.pop(progress.urn, None)
            if timer := self._timers.pop(progress.urn, None):
                timer.cancel()
            is_shown = progress.urn in self._shown
            self._shown.discard(progress.urn)
        if is_shown:
            self._print_line(format_step(progress))

    def close(self) -> None:
        """Print nothing more about the steps that are running."""
        with self._lock:
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()
            self._latest.clear()

    def _start_timer(self, urn: str) -> None:
        self._timers[urn] = timer = Timer(self._shown_after_s, self._show_start, [urn])
        timer.daemon = True
        timer.start()

    def _show_start(self, urn: str) -> None:
        with self._lock:
            progress = self._latest.get(urn)
            if progress is None or self._timers.pop(urn, None) is None:
                return
            self._shown.add(urn)
            self._print_line(format_step(progress))


class DeploymentView:
    """What a view can show of a deployment; entered before it starts, left before its result is shown."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...

    def on_event(self, event: Event) -> None:
        """Show a recorded event; must not raise."""

    def show_plan(self, plan: ChangePlan) -> None:
        """Show what is about to change; events never hold the values of properties, so the plan is handed in."""

    def show_review(self, review: PlanReview, *, with_costs: bool = True) -> None:
        """Show what it costs and what guardrails note; what they refuse or ask is told with the outcome."""

    def operation_progressed(self, progress: ResourceProgress) -> None:
        """Show that an operation on a resource or a step started or ended; called from any thread."""

    def end(self, outcome: str) -> None:
        """Show that nothing more comes of this stack: the state of its deployment, such as `rolled back`."""

    def pause(self) -> AbstractContextManager[None]:
        """Leave the terminal to a question for the block."""
        return nullcontext()

    def show_result(self, result: DeploymentResult) -> None:
        """Show how the deployment ended."""

    def show_queued(self, row: DeploymentRow, held_by: str | None, not_before: float | None) -> None:
        """Show that the deployment is left to a worker, from when on, and whether its stack is held."""
        follow = f"semantest-iac events --follow --deployment {row.deployment}"
        begin = f", not before {format_moment(not_before)}" if not_before is not None else ""
        self._terminal.print_lines(f"Queued {row.stack} for a worker{begin}.", f"  {follow}")
        if held_by:
            line = f"It waits: deployment {held_by} needs an operator, and holds the stack."
            self._terminal.print_lines(line, f"  semantest-iac resolve {held_by}")

    def show_waiting(self, result: DeploymentResult, waiting: WaitingPlan, home_option: str) -> None:
        """Show that the plan waits for an approval, for whom and until when."""
        lines = [f"{result.row.stack} is not changed yet.", *describe_wait(waiting)]
        self._terminal.print_lines(*lines, *format_commands(waiting, home_option))

    def show_refusal(self, stack: str, error: DeploymentError) -> None:
        """Show why no deployment was started."""
        self._terminal.print_remarks(*format_error(error))


class PlainView(DeploymentView):
    """Prints the plan before it is applied, a line per finished operation, then the result; slow steps as remarks.

    One of several stacks leaves the commands to try next to the whole.
    """

    def __init__(
        self, terminal: Terminal, home_option: str, clouds: CloudDescriptions, *, is_one_of_several: bool = False
    ) -> None:
        super().__init__(terminal)
        self._home_option = home_option
        self._clouds = clouds
        self._is_one_of_several = is_one_of_several
        self._steps = StepLines(terminal.print_remarks)

    def __exit__(self, *error: object) -> None:
        self._steps.close()

    def on_event(self, event: Event) -> None:
        if isinstance(event, DeploymentRequested):
            choice = read_engine_choice(event.built_in_environment, event.configuration)
            line = format_stack_and_cloud(Stack.parse(event.stack), choice)
            self._terminal.print_prose(line.partition(": ")[2] if self._is_one_of_several else line)
        if isinstance(event, PackageBuilt):
            self._terminal.print_remarks(*format_notes(event.notes))
        if isinstance(event, DeploymentPlanned) and event.traffic:
            self._terminal.print_prose(f"Traffic: {event.traffic}.")
        if isinstance(event, TrafficShifted):
            self._terminal.print_prose(format_shift(event))

    def show_plan(self, plan: ChangePlan) -> None:
        if not plan.is_empty or plan.drift:  # the result says that a plan was empty
            self._terminal.print_lines(*format_plan(plan, self._terminal.width))

    def show_review(self, review: PlanReview, *, with_costs: bool = True) -> None:
        notes = tuple(finding for finding in review.findings if finding.effect == "note")
        self._terminal.print_lines(*format_review(replace(review, findings=notes), with_costs=with_costs))

    def operation_progressed(self, progress: ResourceProgress) -> None:
        if progress.is_step:
            self._steps.operation_progressed(progress)
        elif progress.state != "running":
            key = progress.op if progress.state == "done" else "failed"
            operation = style_text(f"{describe_end(progress):<8}", key)
            resource = f" {type_name_with_module(progress.type)} {progress.name}  {progress.seconds:.2f} s"
            self._terminal.print_lines(join_styled("  ", operation, resource))

    def show_result(self, result: DeploymentResult) -> None:
        row, stack = result.row, Stack.parse(result.row.stack)
        if row.state is not DeploymentStatus.COMPLETED:
            name = "" if self._is_one_of_several else f"{stack}: "
            state = style_text(str(row.state), str(row.state))
            self._terminal.print_remarks(join_styled(name, state, f" after {result.seconds:.1f} s"))
            self._terminal.print_remarks(*format_error(result.failure))
            return
        self._terminal.print_prose(*format_result(result))
        if not self._is_one_of_several:
            default_region = self._clouds[stack.provider].regions[0]
            self._terminal.print_lines(*suggest_next_commands(result, stack, self._home_option, default_region))


class JsonView(DeploymentView):
    """Prints every event but the journal's as a CloudEvent, and the result on the last line; waiting as a remark."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._steps = StepLines(terminal.print_remarks)

    def __exit__(self, *error: object) -> None:
        self._steps.close()

    def operation_progressed(self, progress: ResourceProgress) -> None:
        if progress.op == "wait":
            self._steps.operation_progressed(progress)

    def on_event(self, event: Event) -> None:
        from semantest_iac_events.forms.cloudevents import to_cloudevent

        if not event.type_name.startswith(JOURNAL_PREFIX):
            self._terminal.print_json(to_cloudevent(event))

    def show_refusal(self, stack: str, error: DeploymentError) -> None:
        self._terminal.print_json(empty_result(stack, "rejected") | error_to_json(error))

    def show_queued(self, row: DeploymentRow, held_by: str | None, not_before: float | None) -> None:
        due = None if not_before is None else format_moment(not_before)
        queued = {"deployment": row.deployment, "held_by": held_by, "due": due}
        self._terminal.print_json(empty_result(row.stack, str(row.state)) | queued)

    def show_waiting(self, result: DeploymentResult, waiting: WaitingPlan, home_option: str) -> None:
        self._terminal.print_json(result.as_dict() | {"approval": waiting.as_dict()})

    def show_result(self, result: DeploymentResult) -> None:
        self._terminal.print_json(result.as_dict())
