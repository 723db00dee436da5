"""`destroy`: delete everything of a stack."""

from __future__ import annotations

import click

from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.guardrails.consent import require_consent, required_consent
from semantest_iac.presentation.cli.execution import DeployCommand, execute_commands, preview_destroy
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import empty_result, format_location, format_plan
from semantest_iac.presentation.cli.options import configuration_options, many_stacks_options, session_options
from semantest_iac.presentation.cli.session import ConfigurationOptions, MultiStackSelector, ResolvedStack, Session

HELP = """Delete everything of a stack.

\b
  semantest-iac destroy --component rest-api --yes
  semantest-iac destroy --component all --provider aws --provider azure

Several --provider, --region or --component: a stack of each, once all of them are agreed to. A terminal is asked first;
without one, --yes is needed. Production wants the stack's name typed.
"""


@click.command("destroy", help=HELP)
@click.option("--yes", is_flag=True, help="Agree without being asked.")
@many_stacks_options
@configuration_options
@session_options
def command(session: Session, words: MultiStackSelector, written: ConfigurationOptions, yes: bool) -> int:
    """What would be deleted is shown before anybody agrees to it."""
    found = [(meant, preview_destroy(session, meant)) for meant in session.each_meant(words, written)]
    for meant, plan in found:
        _show(session, meant, plan)
    there = [meant for meant, plan in found if plan.resources]
    for meant in there:
        question = f"Type {required_consent(meant.stack)} to delete {meant.stack}: "
        require_consent(meant.stack, "yes" if yes else session.terminal.ask(question))
    return execute_commands(session, [_wish(session, meant) for meant in there]) if there else OK


def _show(session: Session, meant: ResolvedStack, plan: ChangePlan) -> None:
    if not plan.resources:
        told = empty_result(str(meant.stack), "completed") | {"kind": "destroy"}
        session.answer(told, [f"Nothing is deployed as '{meant.stack}'."])
    elif not session.json:
        session.terminal.say(format_location(meant.stack, meant.engine), *format_plan(plan.changes, plan.resources))


def _wish(session: Session, meant: ResolvedStack) -> DeployCommand:
    stack, engine, variables = meant
    return DeployCommand(
        stack, engine, variables, lambda asked, on_wait: asked.destroy(stack, by=session.person, on_wait=on_wait)
    )
