"""Shows a running deployment as plain lines or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from semantest_iac.application.queries.history import JOURNAL_PREFIX
from semantest_iac.domain.deployment.events import PackageBuilt
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.guardrails.engine_choice import read_engine_choice
from semantest_iac.presentation.cli.failures import error_to_json
from semantest_iac.presentation.cli.formatting import (
    OPERATION_DONE,
    OPERATION_RUNNING,
    empty_result,
    format_notes,
    format_packaging_step,
    format_plan,
    format_result,
    format_stack_and_cloud,
    type_name_with_module,
)
from semantest_iac.presentation.cli.terminal import Terminal
from semantest_iac.presentation.error_lines import format_error
from semantest_iac_events.deployments import DeploymentPlanned, DeploymentRequested

if TYPE_CHECKING:
    from semantest_iac.application.ports.run_queue import LeaseHolder
    from semantest_iac.domain.errors import DeploymentError
    from semantest_iac.domain.ports.cloud_rules import CloudDescriptions
    from semantest_iac.domain.ports.provisioner import ResourceProgress
    from semantest_iac.presentation.cli.formatting import DeploymentResult
    from semantest_iac_events.event import Event


class DeploymentView:
    """What a view can show of a deployment; entered before it starts, left before its result is shown."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...

    def on_event(self, event: Event) -> None:
        """Show a recorded event; must not raise."""

    def operation_progressed(self, progress: ResourceProgress) -> None:
        """Show that an operation on a resource started or ended; called from any thread."""

    def on_wait(self, holder: LeaseHolder | None) -> None:
        """Show that another run holds the stack."""
        self._terminal.print_remarks(f"waiting for {holder or 'another run'}")

    def show_result(self, result: DeploymentResult) -> None:
        """Show how the deployment ended."""

    def show_refusal(self, stack: str, error: DeploymentError) -> None:
        """Show why no deployment was started."""
        self._terminal.print_remarks(*format_error(error))


PRINTED_EVENTS = (DeploymentRequested, PackageBuilt, DeploymentPlanned)
"""Events that are shown as lines."""


class PlainView(DeploymentView):
    """Prints the steps of packaging, the plan before it is applied, a line per finished operation, then the result."""

    def __init__(self, terminal: Terminal, home_option: str, clouds: CloudDescriptions) -> None:
        super().__init__(terminal)
        self._home_option = home_option
        self._clouds = clouds

    def on_event(self, event: Event) -> None:
        if isinstance(event, DeploymentRequested):
            choice = read_engine_choice(event.environment, event.configuration)
            self._terminal.print_lines(format_stack_and_cloud(Stack.parse(event.stack), choice))
        if isinstance(event, PackageBuilt):
            self._terminal.print_remarks(*format_notes(event.notes))
        if isinstance(event, DeploymentPlanned) and event.resources:  # the result says that a plan was empty
            self._terminal.print_lines(*format_plan(event.changes, event.resources))

    def operation_progressed(self, progress: ResourceProgress) -> None:
        if progress.op in OPERATION_RUNNING:
            self._terminal.print_lines(format_packaging_step(progress))
            return
        is_in_result = progress.op == "check" and progress.state == "done"  # as the line `health`
        if progress.state != "running" and not is_in_result:
            done = OPERATION_DONE[progress.op] if progress.state == "done" else f"could not {progress.op}"
            resource = f"{type_name_with_module(progress.type)} {progress.name}"
            self._terminal.print_lines(f"  {done:<8} {resource}  {progress.seconds:.2f} s")

    def show_result(self, result: DeploymentResult) -> None:
        row = result.row
        if row.state is DeploymentStatus.COMPLETED:
            stack = Stack.parse(row.stack)
            default_region = self._clouds[stack.provider].regions[0]
            self._terminal.print_lines(*format_result(result, stack, self._home_option, default_region))
        else:
            self._terminal.print_remarks(f"{row.stack}: {row.state} after {result.seconds:.1f} s")
            self._terminal.print_remarks(*format_error(result.failure))


class JsonView(DeploymentView):
    """Prints every event but the journal's as a CloudEvent, and the result on the last line."""

    def on_event(self, event: Event) -> None:
        from semantest_iac_events.forms.cloudevents import to_cloudevent

        if not event.type_name.startswith(JOURNAL_PREFIX):
            self._terminal.print_json(to_cloudevent(event))

    def show_refusal(self, stack: str, error: DeploymentError) -> None:
        self._terminal.print_json(empty_result(stack, "rejected") | error_to_json(error))

    def show_result(self, result: DeploymentResult) -> None:
        self._terminal.print_json(result.as_dict())
