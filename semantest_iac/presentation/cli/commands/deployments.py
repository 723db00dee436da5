"""`deploy`, `preview` and `destroy`: the commands that change stacks or show what would change."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.consent import require_consent, required_consent
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.presentation.cli.application import Deployments
from semantest_iac.presentation.cli.commands.services import port_option, require_simulated, serve_until_stopped
from semantest_iac.presentation.cli.execution import DeployCommand, execute_commands, preview_destroy, run_interruptible
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import (
    DEFAULT_HOST,
    empty_result,
    format_location,
    format_notes,
    format_plan,
    format_preview,
)
from semantest_iac.presentation.cli.options import configuration_options, many_stacks_options, session_options
from semantest_iac.presentation.cli.session import ConfigurationOptions, MultiStackSelector, ResolvedStack, Session

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import DeploymentSpec
    from semantest_iac.application.ports.ledger import DeploymentRow
    from semantest_iac.application.ports.run_queue import OnWait


DEPLOY_HELP = """Bring a component to its configuration: show the plan, carry it out, call the service.

\b
  semantest-iac deploy --component rest-api --provider aws
  semantest-iac deploy --component rest-api --set components.rest-api.memory=1024
  semantest-iac deploy --component rest-api --provider aws --provider azure

Several --provider, --region or --component: a stack of each, side by side; the exit code is that of the worst.
Without --env this is development, in the sandbox. With --json every event is a line, and the last line is the result.
"""


@click.command("deploy", help=DEPLOY_HELP)
@many_stacks_options
@click.option("--serve", "then_serve", is_flag=True, help="Then answer for every simulated stack here, until Ctrl-C.")
@port_option
@configuration_options
@session_options
def deploy_command(
    session: Session, words: MultiStackSelector, written: ConfigurationOptions, then_serve: bool, port: int
) -> int:
    """Nothing is written before everything that speaks against it was looked for."""
    orders = session.orders(words, written)
    if then_serve:
        require_simulated(orders)
    together = str(uuid4()) if len(orders) > 1 else None
    code = execute_commands(session, [_to_deploy_command(order, session.person, together) for order in orders])
    return serve_until_stopped(session, orders[0].variables, DEFAULT_HOST, port) if then_serve and code == OK else code


def _to_deploy_command(order: DeploymentSpec, person: str, together: str | None) -> DeployCommand:
    def ask(deployments: Deployments, on_wait: OnWait) -> Coroutine[Any, Any, DeploymentRow]:
        return deployments.deploy(
            order.stack, order.configuration, settings=order.settings, by=person, batch=together, on_wait=on_wait
        )

    return DeployCommand(order.stack, order.engine, order.variables, ask)


PREVIEW_HELP = """Show what deploy would do, or destroy with --destroy; nothing is changed or recorded.

\b
  semantest-iac preview --component rest-api --set components.rest-api.memory=1024
  semantest-iac preview --component rest-api --destroy
  semantest-iac preview --component all --provider aws --provider azure
"""

StackPreview = tuple[Stack, EngineChoice, ChangePlan]


@click.command("preview", help=PREVIEW_HELP)
@click.option("--destroy", is_flag=True, help="Show what destroy would delete.")
@many_stacks_options
@configuration_options
@session_options
def preview_command(session: Session, words: MultiStackSelector, written: ConfigurationOptions, destroy: bool) -> int:
    """The same checks as before the real thing."""
    looks = _preview_removals if destroy else _preview_deployments
    for stack, engine, plan in looks(session, words, written):
        session.answer(plan_to_dict(stack, plan), [format_location(stack, engine), *format_preview(plan)])
    return OK


def plan_to_dict(stack: Stack, plan: ChangePlan) -> dict[str, Any]:
    """The shape of `--json`."""
    return {
        "stack": str(stack),
        "changes": plan.changes.model_dump(),
        "resources": [change.model_dump() for change in plan.resources],
        "verdict": plan.verdict,
    }


def _preview_deployments(
    session: Session, words: MultiStackSelector, written: ConfigurationOptions
) -> list[StackPreview]:
    return [_preview_deployment(session, order) for order in session.orders(words, written)]


def _preview_deployment(session: Session, order: DeploymentSpec) -> StackPreview:
    deployments = session.application.deployments(order.variables, engine=order.engine)
    previewing = deployments.preview(order.stack, order.configuration, settings=order.settings)
    attempt = run_interruptible(previewing, session.terminal)
    notes = attempt.artifact.notes if attempt.artifact else ()
    session.terminal.remark(*format_notes(notes))
    return order.stack, order.engine, attempt.plan


def _preview_removals(session: Session, words: MultiStackSelector, written: ConfigurationOptions) -> list[StackPreview]:
    found = session.each_meant(words, written)
    return [(meant.stack, meant.engine, preview_destroy(session, meant)) for meant in found]


DESTROY_HELP = """Delete everything of a stack.

\b
  semantest-iac destroy --component rest-api --yes
  semantest-iac destroy --component all --provider aws --provider azure

Several --provider, --region or --component: a stack of each, once all of them are agreed to. A terminal is asked first;
without one, --yes is needed. Production wants the stack's name typed.
"""


@click.command("destroy", help=DESTROY_HELP)
@click.option("--yes", is_flag=True, help="Agree without being asked.")
@many_stacks_options
@configuration_options
@session_options
def destroy_command(session: Session, words: MultiStackSelector, written: ConfigurationOptions, yes: bool) -> int:
    """What would be deleted is shown before anybody agrees to it."""
    found = [(meant, preview_destroy(session, meant)) for meant in session.each_meant(words, written)]
    for meant, plan in found:
        _show_removal(session, meant, plan)
    there = [meant for meant, plan in found if plan.resources]
    for meant in there:
        question = f"Type {required_consent(meant.stack)} to delete {meant.stack}: "
        require_consent(meant.stack, "yes" if yes else session.terminal.ask(question))
    return execute_commands(session, [_to_destroy_command(session, meant) for meant in there]) if there else OK


def _show_removal(session: Session, meant: ResolvedStack, plan: ChangePlan) -> None:
    if not plan.resources:
        told = empty_result(str(meant.stack), "completed") | {"kind": "destroy"}
        session.answer(told, [f"Nothing is deployed as '{meant.stack}'."])
    elif not session.json:
        session.terminal.say(format_location(meant.stack, meant.engine), *format_plan(plan.changes, plan.resources))


def _to_destroy_command(session: Session, meant: ResolvedStack) -> DeployCommand:
    stack, engine, variables = meant
    return DeployCommand(
        stack, engine, variables, lambda asked, on_wait: asked.destroy(stack, by=session.person, on_wait=on_wait)
    )
