"""`deploy`: bring a stack to its configuration."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from semantest_iac.presentation.cli.application import Deployments
from semantest_iac.presentation.cli.execution import DeployCommand, execute_commands
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import DEFAULT_HOST
from semantest_iac.presentation.cli.options import configuration_options, many_stacks_options, session_options
from semantest_iac.presentation.cli.serving import port_option, require_played, serve
from semantest_iac.presentation.cli.session import ConfigurationOptions, MultiStackSelector, Session

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import DeploymentSpec
    from semantest_iac.application.ports.ledger import DeploymentRow
    from semantest_iac.application.ports.run_queue import OnWait

HELP = """Bring a component to its configuration: show the plan, carry it out, call the service.

\b
  semantest-iac deploy --component rest-api --provider aws
  semantest-iac deploy --component rest-api --set components.rest-api.memory=1024
  semantest-iac deploy --component rest-api --provider aws --provider azure

Several --provider, --region or --component: a stack of each, side by side; the exit code is that of the worst.
Without --env this is development, in the sandbox. With --json every event is a line, and the last line is the result.
"""


@click.command("deploy", help=HELP)
@many_stacks_options
@click.option("--serve", "then_serve", is_flag=True, help="Then answer for every simulated stack here, until Ctrl-C.")
@port_option
@configuration_options
@session_options
def command(
    session: Session, words: MultiStackSelector, written: ConfigurationOptions, then_serve: bool, port: int
) -> int:
    """Nothing is written before everything that speaks against it was looked for."""
    orders = session.orders(words, written)
    if then_serve:
        require_played(orders)
    together = str(uuid4()) if len(orders) > 1 else None
    code = execute_commands(session, [_wish(order, session.person, together) for order in orders])
    return serve(session, orders[0].variables, DEFAULT_HOST, port) if then_serve and code == OK else code


def _wish(order: DeploymentSpec, person: str, together: str | None) -> DeployCommand:
    def ask(deployments: Deployments, on_wait: OnWait) -> Coroutine[Any, Any, DeploymentRow]:
        return deployments.deploy(order.stack, order.configuration, by=person, of=together, on_wait=on_wait)

    return DeployCommand(order.stack, order.engine, order.variables, ask)
