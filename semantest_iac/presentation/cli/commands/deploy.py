"""`deploy`: bring a stack to its configuration."""

from __future__ import annotations

import click

from semantest_iac.presentation.cli.carrying_out import carry_out
from semantest_iac.presentation.cli.options import configuration_options, session_options, stack_options
from semantest_iac.presentation.cli.session import Session
from semantest_iac.presentation.cli.words import ConfigurationOptions, Words

HELP = """Bring a component to its configuration: show the plan, carry it out, call the service.

\b
  semantest-iac deploy --component rest-api --provider aws
  semantest-iac deploy --component rest-api --set components.rest-api.memory=1024

Without --env this is development, in the sandbox. With --json every event is a line, and the last line is the result.
"""


@click.command("deploy", help=HELP)
@stack_options
@configuration_options
@session_options
def command(session: Session, words: Words, written: ConfigurationOptions) -> int:
    """Nothing is written before everything that speaks against it was looked for."""
    order = session.order(words, written)
    return carry_out(
        session,
        order.variables,
        order.engine,
        lambda deployments, on_wait: deployments.deploy(
            order.stack, order.configuration, by=session.person, on_wait=on_wait
        ),
    )
