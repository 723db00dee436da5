"""`drift`: shows what was changed in the cloud outside of this tool, and restores it."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import click

from semantest_iac.domain.errors import DeploymentError, NotFoundError
from semantest_iac.presentation.cli.failures import FAILED, OK, error_to_json, exit_code_for
from semantest_iac.presentation.cli.formatting import format_stack_and_cloud
from semantest_iac.presentation.cli.options import configuration_options, many_stacks_options, session_options
from semantest_iac.presentation.cli.parsing.deployed_stacks import is_owned, resolve_every_deployed_stack
from semantest_iac.presentation.cli.session import ConfigurationOptions, MultiStackSelector, ResolvedStack, Session
from semantest_iac.presentation.cli.text.plans import format_drift
from semantest_iac.presentation.error_lines import format_error

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import DeploymentRow
    from semantest_iac.application.use_cases import DeploymentUseCase
    from semantest_iac.domain.deployment.change_plan import PlannedChange
    from semantest_iac.presentation.cli.execution import DeployCommand

NO_DRIFT = "No drift: the cloud has what was deployed."

DRIFT_HELP = """Show what was changed in the cloud outside of this tool since the last deployment.

\b
  semantest-iac drift
  semantest-iac drift rest-api --env qa --json
  semantest-iac drift rest-api --fix

Looks at every deployed stack that fits, reads the cloud and changes nothing. What it finds is recorded as an event.
With --fix, deploys the last good deployment of each stack that has drifted again, with the settings and the package of
then; before it changes a real cloud it asks, as deploy does.

Exit codes: 0 no drift, or all of it is fixed; 1 drift; 4 a deployment has not ended.
"""


class StackDrift(NamedTuple):
    """What was found in one stack, or why nothing could be."""

    target: ResolvedStack
    drift: tuple[PlannedChange, ...] = ()
    error: DeploymentError | None = None
    held_by: str | None = None

    @property
    def exit_code(self) -> int:
        """1 for drift, else that of the error."""
        return exit_code_for(self.error) if self.error else FAILED if self.drift else OK

    def as_dict(self) -> dict[str, Any]:
        """Return the form of `--json`."""
        answer: dict[str, Any] = {"stack": str(self.target.stack), "simulated": self.target.engine.is_simulated}
        if self.error:
            return answer | error_to_json(self.error)
        return answer | {"drift": [change.as_dict() for change in self.drift], "held_by": self.held_by}


@click.command("drift", help=DRIFT_HELP)
@click.option("--fix", is_flag=True, help="Deploy the last good deployment of the stacks that have drifted again.")
@click.option("--yes", is_flag=True, help="With --fix, change a real cloud without asking.")
@many_stacks_options
@configuration_options
@session_options
def drift_command(
    session: Session, selector: MultiStackSelector, options: ConfigurationOptions, fix: bool, yes: bool
) -> int:
    from semantest_iac.presentation.cli.execution import execute_commands, show_reading

    with show_reading(session):
        targets = resolve_every_deployed_stack(session, selector, options, is_owned)
    if not targets and selector.component:
        hint = "`semantest-iac status` lists the stacks that were deployed."
        raise NotFoundError("Cannot look for drift: nothing that fits is deployed.", hint=hint)
    session.warn_of_rehearsals(target.placed for target in targets)
    found = [_detect_drift(session, target, is_only=len(targets) == 1) for target in targets]
    _show_drift(session, found)
    drifted = [each for each in found if each.drift]
    failed = max((each.exit_code for each in found if each.error), default=OK)
    if not fix or not drifted:
        return failed or (FAILED if drifted else OK)
    batch = str(uuid4()) if len(drifted) > 1 else None
    commands = [_to_redeploy_command(session, each.target, batch) for each in drifted]
    return execute_commands(session, commands, is_confirmed=yes) or failed


def _detect_drift(session: Session, target: ResolvedStack, *, is_only: bool) -> StackDrift:
    """Look at one stack; its error is raised if it is the only one."""
    from semantest_iac.presentation.cli.execution import run_interruptible, show_steps

    try:
        with show_steps(session) as progress:
            detection = session.application.drift_detection(target.variables, engine=target.engine, progress=progress)
            drift = run_interruptible(detection.detect(target.stack), session.terminal)
        held_by = session.application.ledger.stack(str(target.stack)).held_by
        return StackDrift(target, drift, held_by=held_by)
    except DeploymentError as error:
        if is_only:
            raise
        return StackDrift(target, error=error)


def _show_drift(session: Session, found: Sequence[StackDrift]) -> None:
    if session.json:
        session.terminal.print_json([each.as_dict() for each in found])
        return
    if not found:
        session.terminal.print_lines("Nothing is deployed.")
    for each in found:
        session.terminal.print_prose(format_stack_and_cloud(each.target.stack, each.target.engine))
        session.terminal.print_lines(*_format_finding(each, session.terminal.width))
        if each.error:
            session.terminal.print_remarks(*format_error(each.error))


def _format_finding(found: StackDrift, width: int | None) -> Iterator[str]:
    if found.drift:
        yield from format_drift(found.drift, width)
    elif not found.error:
        yield NO_DRIFT
    if found.held_by:
        yield f"Deployment {found.held_by} needs an operator, and holds the stack. What it has left over:"
        yield f"  semantest-iac events --deployment {found.held_by}"


def _to_redeploy_command(session: Session, target: ResolvedStack, batch: str | None) -> DeployCommand:
    def start(deployments: DeploymentUseCase) -> Coroutine[Any, Any, DeploymentRow]:
        return deployments.redeploy(target.stack, by=session.user_name, batch=batch)

    from semantest_iac.presentation.cli.execution import DeployCommand

    return DeployCommand("drift --fix", target.stack, target.engine, target.variables, start)
