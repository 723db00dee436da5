"""`destroy`: delete everything of a stack."""

from __future__ import annotations

import click

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.consent import require_consent, wanted_for
from semantest_iac.presentation.cli.carrying_out import Wish, carry_out, until_done
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.options import configuration_options, session_options, stack_options
from semantest_iac.presentation.cli.result import nothing_done
from semantest_iac.presentation.cli.session import Session
from semantest_iac.presentation.cli.wording import plan_lines, where
from semantest_iac.presentation.cli.words import ConfigurationOptions, Words

HELP = """Delete everything of a stack.

\b
  semantest-iac destroy --component rest-api --yes

A terminal is asked first; without one, --yes is needed. Production wants the stack's name typed.
"""


@click.command("destroy", help=HELP)
@click.option("--yes", is_flag=True, help="Agree without being asked.")
@stack_options
@configuration_options
@session_options
def command(session: Session, words: Words, written: ConfigurationOptions, yes: bool) -> int:
    """What would be deleted is shown before anybody agrees to it."""
    stack, engine, variables = session.meant(words, written)
    deployments = session.application.deployments(variables, engine=engine)
    plan = until_done(deployments.preview_removal(stack), session.terminal)
    if not plan.resources:
        return _nothing(session, stack)
    if not session.json:
        session.terminal.say(where(stack, engine), *plan_lines(plan.changes, plan.resources))
    require_consent(stack, "yes" if yes else session.terminal.ask(f"Type {wanted_for(stack)} to delete them: "))
    wish = Wish(
        stack, engine, variables, lambda asked, on_wait: asked.destroy(stack, by=session.person, on_wait=on_wait)
    )
    return carry_out(session, [wish])


def _nothing(session: Session, stack: Stack) -> int:
    session.answer(nothing_done(str(stack), "completed") | {"kind": "destroy"}, [f"Nothing is deployed as '{stack}'."])
    return OK
