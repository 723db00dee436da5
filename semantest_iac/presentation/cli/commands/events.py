"""`events`: the recorded events."""

from __future__ import annotations

from typing import Any

import click

from semantest_iac.application.queries.history import ALL_STACKS, read_events
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import format_table, format_time
from semantest_iac.presentation.cli.options import filter_options, session_options
from semantest_iac.presentation.cli.session import Session, StackSelector, build_stack_filter

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
def command(session: Session, words: StackSelector, limit: int | None, **selection: Any) -> int:
    """Reads the ledger alone."""
    meant = build_stack_filter(words, session.application.providers)
    early = limit if meant == ALL_STACKS else None
    found = read_events(session.application.ledger, **selection, limit=early)
    wanted = [event for event in found if meant.matches(event.get("subject") or "")][:limit]
    session.answer(
        wanted, format_table(TITLES, [_cells(event) for event in wanted]) if wanted else ["Nothing to show."]
    )
    return OK


def _cells(event: dict[str, Any]) -> tuple[str, ...]:
    deployment = event["data"].get("deployment_id", "-")
    return (event["sequence"], format_time(event["time"]), event["type"], event.get("subject") or "-", deployment)
