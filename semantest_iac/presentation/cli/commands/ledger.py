"""`status`, `history`, `outputs`, `events` and `ledger`: the commands that only read the ledger."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from semantest_iac.application.ports.ledger import LedgerHead
from semantest_iac.application.queries.history import ALL_STACKS, read_events, read_history, read_outputs, read_status
from semantest_iac.application.queries.stacks import is_served_locally
from semantest_iac.domain.errors import Fault, NotFoundError, ValidationError
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import (
    OPERATION_DONE,
    align_columns,
    flatten_values,
    format_table,
    format_time,
    local_endpoint,
)
from semantest_iac.presentation.cli.options import filter_options, session_options
from semantest_iac.presentation.cli.session import Session, StackSelector, build_stack_filter

STATUS_HELP = """Show the newest deployment of every stack, newest first, with what is live.

\b
  semantest-iac status
  semantest-iac status --env development --json
"""
STATUS_TITLES = ("stack", "last", "state", "requested", "endpoint")
NOTHING_DEPLOYED = "Nothing has been deployed yet."
NO_MATCH = "Nothing matches."


@click.command("status", help=STATUS_HELP)
@filter_options
@session_options
def status_command(session: Session, words: StackSelector) -> int:
    """Reads the ledger alone."""
    ledger = session.application.ledger
    rows = read_status(ledger, build_stack_filter(words, session.application.providers))
    lines = (
        format_table(STATUS_TITLES, [_status_cells(row) for row in rows])
        if rows
        else [NO_MATCH if ledger.stacks() else NOTHING_DEPLOYED]
    )
    session.answer(rows, lines)
    return OK


def _status_cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (row["stack"], row["kind"], row["state"], format_time(row["requested_at"]), row["endpoint"] or "-")


HISTORY_HELP = """List deployments and removals, newest first.

\b
  semantest-iac history
  semantest-iac history --component rest-api --limit 5 --json
"""
HISTORY_TITLES = ("deployment", "stack", "kind", "state", "requested", "changes")


@click.command("history", help=HISTORY_HELP)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The newest N alone.")
@filter_options
@session_options
def history_command(session: Session, words: StackSelector, limit: int | None) -> int:
    """Reads the ledger alone."""
    rows = read_history(session.application.ledger, build_stack_filter(words, session.application.providers), limit)
    session.answer(
        rows, format_table(HISTORY_TITLES, [_history_cells(row) for row in rows]) if rows else ["Nothing to show."]
    )
    return OK


def _history_cells(row: dict[str, Any]) -> tuple[str, ...]:
    head = (row["deployment"], row["stack"], row["kind"], row["state"])
    return (*head, format_time(row["requested_at"]), _format_changes(row["changes"]))


def _format_changes(changes: Mapping[str, int]) -> str:
    return (
        ", ".join(f"{count} {OPERATION_DONE[name]}" for name, count in changes.items() if count and name != "same")
        or "-"
    )


OUTPUTS_HELP = """Show the outputs of a stack's last good deployment; secret ones are left out.

\b
  semantest-iac outputs --component rest-api
  semantest-iac outputs --region us-east-1 --json

The words are needed as far as more than one stack is live. `local_endpoint` is where a stack in a simulated cloud
answers while `semantest-iac serve` runs.
"""


@click.command("outputs", help=OUTPUTS_HELP)
@filter_options
@session_options
def outputs_command(session: Session, words: StackSelector) -> int:
    """Reads the ledger alone."""
    ledger, stack = session.application.ledger, _single_live_stack(session, words)
    found = read_outputs(ledger, stack)
    if is_served_locally(ledger, stack):
        found["local_endpoint"] = local_endpoint(stack)
    session.answer(found, align_columns(list(flatten_values(found))) if found else ["No outputs."])
    return OK


def _single_live_stack(session: Session, words: StackSelector) -> str:
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


EVENTS_HELP = """Read events in the order in which they were recorded.

\b
  semantest-iac events --component rest-api --json
  semantest-iac events --stack rest-api.aws.development.us-east-1 --after 12 --limit 100

With --json they are CloudEvents, and the sequence of the last is what --after takes to read on.
"""
EVENT_TITLES = ("position", "time", "type", "stack", "deployment")


@click.command("events", help=EVENTS_HELP)
@click.option("--stack", metavar="NAME", help="One stack by its whole name.")
@click.option("--deployment", metavar="ID", help="One deployment.")
@click.option("--after", type=click.IntRange(min=0), default=0, metavar="N", help="Those after position N.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="N events at most.")
@click.option("--journal", is_flag=True, help="The steps of deployments too.")
@filter_options
@session_options
def events_command(session: Session, words: StackSelector, limit: int | None, **selection: Any) -> int:
    """Reads the ledger alone."""
    meant = build_stack_filter(words, session.application.providers)
    early = limit if meant == ALL_STACKS else None
    found = read_events(session.application.ledger, **selection, limit=early)
    wanted = [event for event in found if meant.matches(event.get("subject") or "")][:limit]
    session.answer(
        wanted,
        format_table(EVENT_TITLES, [_event_cells(event) for event in wanted]) if wanted else ["Nothing to show."],
    )
    return OK


def _event_cells(event: dict[str, Any]) -> tuple[str, ...]:
    deployment = event["data"].get("deployment_id", "-")
    return (event["sequence"], format_time(event["time"]), event["type"], event.get("subject") or "-", deployment)


LEDGER_HELP = """Check the record of events.

\b
  semantest-iac ledger head
  semantest-iac ledger verify --head 42:9f2c…
"""

_HEAD_PATTERN = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


def _parse_head(context: click.Context, parameter: click.Parameter, value: str | None) -> LedgerHead | None:
    if value is None:
        return None
    match = _HEAD_PATTERN.fullmatch(value)
    if match is None:
        raise click.BadParameter(f"'{value[:80]}' is not POSITION:HASH, which `ledger head` prints.")
    return LedgerHead(int(match[1]), match[2])


@click.group("ledger", help=LEDGER_HELP)
def ledger_command() -> None:
    """What follows does the work."""


@ledger_command.command(
    "verify", help="Recompute the chain of hashes; exit 1 names the first event that is not as recorded."
)
@click.option(
    "--head", callback=_parse_head, metavar="POSITION:HASH", help="Noted earlier: shows that no tail was cut."
)
@session_options
def verify_ledger(session: Session, head: LedgerHead | None) -> int:
    """Reads every event."""
    found = session.application.ledger.verify(head)
    line = f"The ledger is intact: {found.events} events, head {format_head(found.head)}"
    session.answer({"intact": True, "events": found.events, "head": asdict(found.head)}, [line])
    return OK


@ledger_command.command("head", help="Print the newest position and hash, to be noted elsewhere.")
@session_options
def print_head(session: Session) -> int:
    """Reads one event."""
    found = session.application.ledger.head()
    session.answer(asdict(found), [format_head(found)])
    return OK


@ledger_command.command("rebuild", help="Make status, history and outputs anew from the events.")
@session_options
def rebuild_projections(session: Session) -> int:
    """An empty ledger has nothing to make, and gets no file."""
    ledger = session.application.ledger
    events = ledger.head().position
    if events:
        ledger.rebuild()
    session.answer({"events": events}, [f"Made anew from {events} events."])
    return OK


def format_head(found: LedgerHead) -> str:
    """As `--head` takes it."""
    return f"{found.position}:{found.hash}"
