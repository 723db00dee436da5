"""`outputs`: what one stack offers."""

from __future__ import annotations

import click

from semantest_iac.application.queries.history import read_outputs
from semantest_iac.application.queries.stacks import is_served_locally
from semantest_iac.domain.errors import Fault, NotFoundError, ValidationError
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import align_columns, flatten_values, local_endpoint
from semantest_iac.presentation.cli.options import filter_options, session_options
from semantest_iac.presentation.cli.session import Session, StackSelector, build_stack_filter

HELP = """Show the outputs of a stack's last good deployment; secret ones are left out.

\b
  semantest-iac outputs --component rest-api
  semantest-iac outputs --region us-east-1 --json

The words are needed as far as more than one stack is live. `local_endpoint` is where a stack in a simulated cloud
answers while `semantest-iac serve` runs.
"""


@click.command("outputs", help=HELP)
@filter_options
@session_options
def command(session: Session, words: StackSelector) -> int:
    """Reads the ledger alone."""
    ledger, stack = session.application.ledger, _one_stack(session, words)
    found = read_outputs(ledger, stack)
    if is_served_locally(ledger, stack):
        found["local_endpoint"] = local_endpoint(stack)
    session.answer(found, align_columns(list(flatten_values(found))) if found else ["No outputs."])
    return OK


def _one_stack(session: Session, words: StackSelector) -> str:
    meant = build_stack_filter(words, session.application.providers)
    live = [row.stack for row in session.application.ledger.stacks() if row.last_good and meant.matches(row.stack)]
    if len(live) == 1:
        return live[0]
    if not live:
        hint = "`semantest-iac status` lists what was deployed."
        raise NotFoundError("Cannot read outputs: no such stack is live.", hint=hint)
    raise ValidationError(
        f"Cannot read outputs: {len(live)} stacks match.",
        hint="Say which with --component, --provider, --env and --region.",
        faults=[Fault("stack", name) for name in live],
    )
