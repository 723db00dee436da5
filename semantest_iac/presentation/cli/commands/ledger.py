"""`ledger`: the record itself."""

from __future__ import annotations

import re
from dataclasses import asdict

import click

from semantest_iac.application.ports.ledger import LedgerHead
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.options import session_options
from semantest_iac.presentation.cli.session import Session

HELP = """Check the record of events.

\b
  semantest-iac ledger head
  semantest-iac ledger verify --head 42:9f2c…
"""

_HEAD = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


def _parsed(context: click.Context, parameter: click.Parameter, value: str | None) -> LedgerHead | None:
    if value is None:
        return None
    match = _HEAD.fullmatch(value)
    if match is None:
        raise click.BadParameter(f"'{value[:80]}' is not POSITION:HASH, which `ledger head` prints.")
    return LedgerHead(int(match[1]), match[2])


@click.group("ledger", help=HELP)
def command() -> None:
    """What follows does the work."""


@command.command("verify", help="Recompute the chain of hashes; exit 1 names the first event that is not as recorded.")
@click.option("--head", callback=_parsed, metavar="POSITION:HASH", help="Noted earlier: shows that no tail was cut.")
@session_options
def verify(session: Session, head: LedgerHead | None) -> int:
    """Reads every event."""
    found = session.application.ledger.verify(head)
    line = f"The ledger is intact: {found.events} events, head {shown(found.head)}"
    session.answer({"intact": True, "events": found.events, "head": asdict(found.head)}, [line])
    return OK


@command.command("head", help="Print the newest position and hash, to be noted elsewhere.")
@session_options
def head(session: Session) -> int:
    """Reads one event."""
    found = session.application.ledger.head()
    session.answer(asdict(found), [shown(found)])
    return OK


@command.command("rebuild", help="Make status, history and outputs anew from the events.")
@session_options
def rebuild(session: Session) -> int:
    """An empty ledger has nothing to make, and gets no file."""
    ledger = session.application.ledger
    events = ledger.head().position
    if events:
        ledger.rebuild()
    session.answer({"events": events}, [f"Made anew from {events} events."])
    return OK


def shown(found: LedgerHead) -> str:
    """As `--head` takes it."""
    return f"{found.position}:{found.hash}"
