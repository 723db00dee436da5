"""A deployment as lines, for logs and pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from semantest_iac.domain.deployment.journal import PackageBuilt
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.states import DeploymentState
from semantest_iac.domain.guardrails.engine_choice import choice_in
from semantest_iac.presentation.cli.terminal import Terminal
from semantest_iac.presentation.cli.views.view import View
from semantest_iac.presentation.cli.wording import DONE, kind_of, note_lines, plan_lines, result_lines, where
from semantest_iac.presentation.error_lines import as_lines
from semantest_iac_events.deployments import DeploymentPlanned, DeploymentRequested

if TYPE_CHECKING:
    from semantest_iac.domain.ports.provisioner import Tick
    from semantest_iac.presentation.cli.result import Result
    from semantest_iac_events.event import Event


class PlainLines(View):
    """The plan before it runs, a line per finished operation, the result."""

    def __init__(self, terminal: Terminal, home_option: str) -> None:
        super().__init__(terminal)
        self._home_option = home_option

    def event(self, event: Event) -> None:
        """Where it goes, what was left out of the package and what is planned; an empty plan is told by the result."""
        if isinstance(event, DeploymentRequested):
            self._terminal.say(where(Stack.parse(event.stack), choice_in(event.environment, event.configuration)))
        if isinstance(event, PackageBuilt):
            self._terminal.remark(*note_lines(event.notes))
        if isinstance(event, DeploymentPlanned) and event.resources:
            self._terminal.say(*plan_lines(event.changes, event.resources))

    def tick(self, tick: Tick) -> None:
        """What was done, or failed."""
        if tick.state != "running":
            word = DONE[tick.op] if tick.state == "done" else f"could not {tick.op}"
            self._terminal.say(f"  {word:<8} {kind_of(tick.type)} {tick.name}  {tick.seconds:.2f} s")

    def ended(self, result: Result) -> None:
        """The result, or on stderr why there is none."""
        row = result.row
        if row.state is DeploymentState.COMPLETED:
            self._terminal.say(*result_lines(result, Stack.parse(row.stack), self._home_option))
        else:
            self._terminal.remark(f"{row.stack}: {row.state} after {result.seconds:.1f} s")
            self._terminal.remark(*as_lines(result.failure))
