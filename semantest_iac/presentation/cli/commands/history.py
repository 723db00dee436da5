"""`history`: past deployments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from semantest_iac.application.queries.history import read_history
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import OPERATION_DONE, format_table, format_time
from semantest_iac.presentation.cli.options import filter_options, session_options
from semantest_iac.presentation.cli.session import Session, StackSelector, build_stack_filter

HELP = """List deployments and removals, newest first.

\b
  semantest-iac history
  semantest-iac history --component rest-api --limit 5 --json
"""
TITLES = ("deployment", "stack", "kind", "state", "requested", "changes")


@click.command("history", help=HELP)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The newest N alone.")
@filter_options
@session_options
def command(session: Session, words: StackSelector, limit: int | None) -> int:
    """Reads the ledger alone."""
    rows = read_history(session.application.ledger, build_stack_filter(words, session.application.providers), limit)
    session.answer(rows, format_table(TITLES, [_cells(row) for row in rows]) if rows else ["Nothing to show."])
    return OK


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    head = (row["deployment"], row["stack"], row["kind"], row["state"])
    return (*head, format_time(row["requested_at"]), _changed(row["changes"]))


def _changed(changes: Mapping[str, int]) -> str:
    return (
        ", ".join(f"{count} {OPERATION_DONE[name]}" for name, count in changes.items() if count and name != "same")
        or "-"
    )
