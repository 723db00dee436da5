"""`events`: the recorded events."""

from __future__ import annotations

from typing import Any

import click

from semantest_iac.application.queries.history import events
from semantest_iac.application.queries.status import EVERY_STACK
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.filters import stack_filter
from semantest_iac.presentation.cli.options import filter_options, session_options
from semantest_iac.presentation.cli.session import Session
from semantest_iac.presentation.cli.tables import moment, table
from semantest_iac.presentation.cli.words import Words

HELP = """Read events in the order in which they were recorded.

\b
  semantest-iac events --component rest-api --json
  semantest-iac events --stack rest-api.aws.development.us-east-1 --after 12 --limit 100

With --json they are CloudEvents, and the sequence of the last is what --after takes to read on.
"""
TITLES = ("position", "time", "type", "stack", "deployment")


@click.command("events", help=HELP)
@click.option("--stack", metavar="NAME", help="One stack by its whole name.")
@click.option("--deployment", metavar="ID", help="One deployment.")
@click.option("--after", type=click.IntRange(min=0), default=0, metavar="N", help="Those after position N.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="N events at most.")
@click.option("--journal", is_flag=True, help="The steps of deployments too.")
@filter_options
@session_options
def command(session: Session, words: Words, limit: int | None, **selection: Any) -> int:
    """Reads the ledger alone."""
    meant = stack_filter(words, session.application.providers)
    early = limit if meant == EVERY_STACK else None
    found = events(session.application.ledger, **selection, limit=early)
    wanted = [event for event in found if meant.matches(event.get("subject") or "")][:limit]
    session.answer(wanted, table(TITLES, [_cells(event) for event in wanted]) if wanted else ["Nothing to show."])
    return OK


def _cells(event: dict[str, Any]) -> tuple[str, ...]:
    deployment = event["data"].get("deployment_id", "-")
    return (event["sequence"], moment(event["time"]), event["type"], event.get("subject") or "-", deployment)
