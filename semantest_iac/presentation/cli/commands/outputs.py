"""`outputs`: what one stack offers."""

from __future__ import annotations

import click

from semantest_iac.application.queries.releases import answers_here
from semantest_iac.application.queries.status import outputs
from semantest_iac.domain.errors import Fault, NotFoundError, ValidationError
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.filters import stack_filter
from semantest_iac.presentation.cli.local_endpoint import local_endpoint
from semantest_iac.presentation.cli.options import filter_options, session_options
from semantest_iac.presentation.cli.session import Session
from semantest_iac.presentation.cli.tables import aligned, flattened
from semantest_iac.presentation.cli.words import Words

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
def command(session: Session, words: Words) -> int:
    """Reads the ledger alone."""
    ledger, stack = session.application.ledger, _one_stack(session, words)
    found = outputs(ledger, stack)
    if answers_here(ledger, stack):
        found["local_endpoint"] = local_endpoint(stack)
    session.answer(found, aligned(list(flattened(found))) if found else ["No outputs."])
    return OK


def _one_stack(session: Session, words: Words) -> str:
    meant = stack_filter(words, session.application.providers)
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
