"""`rollback`: brings a stack back to an earlier deployment, with its code and settings as they were recorded."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.application.ports.run_queue import FIRST_COME
from semantest_iac.application.queries.rollback_targets import (
    choose_rollback_target,
    find_named_target,
    is_deployment_number,
)
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ValidationError
from semantest_iac.domain.guardrails.data_loss import format_accept_option
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import format_stack_and_cloud, format_utc_time
from semantest_iac.presentation.cli.options import (
    configuration_options,
    detach_option,
    session_options,
    stack_options,
    yes_option,
)
from semantest_iac.presentation.cli.parsing.completion import complete_with, find_deployment_ids
from semantest_iac.presentation.cli.parsing.deployed_stacks import is_present, resolve_deployed_or_configured
from semantest_iac.presentation.cli.session import ConfigurationOptions, ResolvedStack, Session, StackSelector
from semantest_iac.presentation.cli.text.plans import format_plan

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import DeploymentRow
    from semantest_iac.application.use_cases import DeploymentUseCase
    from semantest_iac.domain.deployment.change_plan import ChangePlan

ROLLBACK_HELP = """Bring a stack back to an earlier deployment, with its code and settings as they were recorded.

\b
  semantest-iac rollback rest-api
  semantest-iac rollback rest-api --to 3 --dry-run
  semantest-iac rollback --deployment 5f2c91d0

Needs no source folder and no checkout. Without --to or --deployment, goes back to the last good deployment: the one
before the newest, or the newest good one if what came after it failed. After a rollback, one further back.
A number is that of `semantest-iac history`; the beginning of an id is enough, and names its stack.

A rollback is a deployment of its own, to which one can go back. What would lose data for good is refused unless
--accept-data-loss names each resource that loses some: --dry-run shows them. Before it changes a real cloud, asks as
deploy does.
"""
_IDS = complete_with(find_deployment_ids)


def _split_names(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    names = (name.strip() for value in values for name in value.split(","))
    return tuple(dict.fromkeys(filter(None, names)))


@click.command("rollback", help=ROLLBACK_HELP)
@stack_options
@click.option("--to", metavar="ID|N", shell_complete=_IDS, help="Go back to this deployment.")
@click.option("--deployment", "undo", metavar="ID|N", shell_complete=_IDS, help="Undo it: the last good one before it.")
@click.option("--last-good", is_flag=True, help="The last good deployment; the default.")
@click.option(
    "--accept-data-loss",
    "accepted",
    multiple=True,
    callback=_split_names,
    metavar="NAME[,NAME]",
    help="Resources whose data may be lost for good.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change and change nothing.")
@detach_option
@yes_option
@configuration_options
@session_options
def rollback_command(  # noqa: PLR0913  # one parameter for each option
    session: Session,
    selector: StackSelector,
    options: ConfigurationOptions,
    to: str | None,
    undo: str | None,
    last_good: bool,
    accepted: tuple[str, ...],
    dry_run: bool,
    detach: bool,
    yes: bool,
) -> int:
    from semantest_iac.presentation.cli.execution import DeployCommand, execute_commands, show_reading

    if sum((to is not None, undo is not None, last_good)) > 1:
        hint = "Leave all but one of them out."
        raise ValidationError("Cannot use --to, --deployment and --last-good together.", hint=hint)
    with show_reading(session):
        ledger = session.application.ledger
        selector = _select_by_deployment(session, selector, to if undo is None else undo)
        place = resolve_deployed_or_configured(session, selector, options, is_present)
        target = choose_rollback_target(ledger, str(place.stack), to=to, undo=undo)
    session.warn_of_rehearsals([place.placed])
    _show_target(session, place, target)
    if dry_run:
        return _show_rollback_plan(session, place, target)

    def start(deployments: DeploymentUseCase) -> Coroutine[Any, Any, DeploymentRow]:
        return deployments.rollback(
            place.stack,
            target.deployment,
            accept_data_loss=accepted,
            by=session.user_name,
            detach=FIRST_COME if detach else None,
        )

    command = DeployCommand("rollback", place.stack, place.engine, place.variables, start)
    return execute_commands(session, [command], is_confirmed=yes)


def _select_by_deployment(session: Session, selector: StackSelector, name: str | None) -> StackSelector:
    """Return the selector of the stack of a deployment that is named by its id, where nothing else selects one."""
    if name is None or selector != StackSelector() or is_deployment_number(name):
        return selector
    named = find_named_target(session.application.ledger, name, None)
    return StackSelector.from_stack(Stack.parse(named.stack))


def _show_target(session: Session, place: ResolvedStack, target: DeploymentRow) -> None:
    if not session.json:
        session.terminal.print_prose(format_stack_and_cloud(place.stack, place.engine))
        when = format_utc_time(target.requested_at)
        session.terminal.print_lines(f"Back to no. {target.number}: the {target.kind} {target.deployment} of {when}")


def _show_rollback_plan(session: Session, place: ResolvedStack, target: DeploymentRow) -> int:
    from semantest_iac.presentation.cli.execution import run_interruptible, show_steps
    from semantest_iac.presentation.cli.text.guardrails import format_review, review_to_dict

    with show_steps(session) as progress:
        deployments = session.application.deployments(place.variables, engine=place.engine, progress=progress)
        previewing = deployments.preview_rollback(place.stack, target.deployment)
        context = run_interruptible(previewing, session.terminal)
    plan, review = context.plan, session.application.review_preview(context)
    answer = {"stack": str(place.stack), "target": {"deployment": target.deployment, "number": target.number}}
    answer |= plan.as_dict() | {"simulated": place.engine.is_simulated} | review_to_dict(review)
    session.answer(answer, (*_format_rollback_plan(plan, session.terminal.width), *format_review(review)))
    return OK


def _format_rollback_plan(plan: ChangePlan, width: int | None) -> Iterator[str]:
    yield from format_plan(plan, width)
    if plan.losses:
        yield f"To roll back nevertheless, add: {format_accept_option(plan.losses)}"
