"""Shows a running deployment as plain lines or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from semantest_iac.domain.deployment.events import PackageBuilt
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import DeploymentStatus
from semantest_iac.domain.guardrails.engine_choice import read_engine_choice
from semantest_iac.presentation.cli.failures import error_to_json
from semantest_iac.presentation.cli.formatting import (
    OPERATION_DONE,
    empty_result,
    format_location,
    format_notes,
    format_plan,
    format_result,
    short_type_name,
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
    """Entered before the deployment starts, left before its result is shown; tells only whom it waits for."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing was opened."""

    def event(self, event: Event) -> None:
        """An event was recorded; must not raise."""

    def tick(self, tick: ResourceProgress) -> None:
        """An operation on a resource began or ended; called from any thread."""

    def waiting(self, holder: LeaseHolder | None) -> None:
        """Another run holds the stack."""
        self._terminal.remark(f"waiting for {holder or 'another run'}")

    def ended(self, result: DeploymentResult) -> None:
        """The last word."""

    def refused(self, stack: str, error: DeploymentError) -> None:
        """The last word where nothing was begun."""
        self._terminal.remark(*format_error(error))


class PlainView(DeploymentView):
    """The plan before it runs, a line per finished operation, the result."""

    def __init__(self, terminal: Terminal, home_option: str, clouds: CloudDescriptions) -> None:
        super().__init__(terminal)
        self._home_option = home_option
        self._clouds = clouds

    def event(self, event: Event) -> None:
        """Where it goes, what was left out of the package and what is planned; an empty plan is told by the result."""
        if isinstance(event, DeploymentRequested):
            self._terminal.say(
                format_location(Stack.parse(event.stack), read_engine_choice(event.environment, event.configuration))
            )
        if isinstance(event, PackageBuilt):
            self._terminal.remark(*format_notes(event.notes))
        if isinstance(event, DeploymentPlanned) and event.resources:
            self._terminal.say(*format_plan(event.changes, event.resources))

    def tick(self, tick: ResourceProgress) -> None:
        """What was done, or failed."""
        if tick.state != "running":
            word = OPERATION_DONE[tick.op] if tick.state == "done" else f"could not {tick.op}"
            self._terminal.say(f"  {word:<8} {short_type_name(tick.type)} {tick.name}  {tick.seconds:.2f} s")

    def ended(self, result: DeploymentResult) -> None:
        """The result, or on stderr why there is none."""
        row = result.row
        if row.state is DeploymentStatus.COMPLETED:
            stack = Stack.parse(row.stack)
            default_region = self._clouds[stack.provider].regions[0]
            self._terminal.say(*format_result(result, stack, self._home_option, default_region))
        else:
            self._terminal.remark(f"{row.stack}: {row.state} after {result.seconds:.1f} s")
            self._terminal.remark(*format_error(result.failure))


_JOURNAL_TYPES = "infrastructure.journal."


class JsonView(DeploymentView):
    """CloudEvents; journal entries are for the ledger alone."""

    def event(self, event: Event) -> None:
        """One line."""
        from semantest_iac_events.forms.cloudevents import to_cloudevent

        if not event.type_name.startswith(_JOURNAL_TYPES):
            self._terminal.json(to_cloudevent(event))

    def refused(self, stack: str, error: DeploymentError) -> None:
        """The last line, as of a deployment."""
        self._terminal.json(empty_result(stack, "rejected") | error_to_json(error))

    def ended(self, result: DeploymentResult) -> None:
        """The last line."""
        self._terminal.json(result.as_dict())
