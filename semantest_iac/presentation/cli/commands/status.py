"""`status`: what is deployed now."""

from __future__ import annotations

from typing import Any

import click

from semantest_iac.application.queries.history import read_status
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import format_table, format_time
from semantest_iac.presentation.cli.options import filter_options, session_options
from semantest_iac.presentation.cli.session import Session, StackSelector, build_stack_filter

HELP = """Show the newest deployment of every stack, newest first, with what is live.

\b
  semantest-iac status
  semantest-iac status --env development --json
"""
TITLES = ("stack", "last", "state", "requested", "endpoint")
NONE = "Nothing has been deployed yet."
NO_MATCH = "Nothing matches."


@click.command("status", help=HELP)
@filter_options
@session_options
def command(session: Session, words: StackSelector) -> int:
    """Reads the ledger alone."""
    ledger = session.application.ledger
    rows = read_status(ledger, build_stack_filter(words, session.application.providers))
    lines = format_table(TITLES, [_cells(row) for row in rows]) if rows else [NO_MATCH if ledger.stacks() else NONE]
    session.answer(rows, lines)
    return OK


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (row["stack"], row["kind"], row["state"], format_time(row["requested_at"]), row["endpoint"] or "-")
