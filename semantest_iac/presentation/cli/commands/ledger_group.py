"""`ledger`: verifies, exports and imports the log of all events."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import click

from semantest_iac.application.ports.ledger import LedgerHead
from semantest_iac.domain.errors import RefusedError
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.home_folder import require_writable_home
from semantest_iac.presentation.cli.options import session_options
from semantest_iac.presentation.cli.parsing.command_groups import CommandGroup
from semantest_iac.presentation.cli.session import Session

LEDGER_HELP = """Verify, export and import the ledger, which records all events.

\b
  semantest-iac ledger head
  semantest-iac ledger verify --expect 42:9f2c…
  semantest-iac ledger export events.jsonl
"""

_HEAD_PATTERN = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


def _parse_head(context: click.Context, parameter: click.Parameter, value: str | None) -> LedgerHead | None:
    if value is None:
        return None
    match = _HEAD_PATTERN.fullmatch(value)
    if match is None:
        raise click.BadParameter(f"'{value[:80]}' is not POSITION:HASH as `ledger head` prints it.")
    return LedgerHead(int(match[1]), match[2])


def format_head(head: LedgerHead) -> str:
    """Format a head as `--expect` takes it."""
    return f"{head.position}:{head.hash}"


_EXPECT_OPTION = click.option(
    "--expect",
    "--head",
    "head",
    callback=_parse_head,
    metavar="POSITION:HASH",
    help="A head noted earlier: detects removed events.",
)


@click.group("ledger", cls=CommandGroup, help=LEDGER_HELP)
def ledger_command() -> None: ...


@ledger_command.command(
    "verify",
    short_help="Check that no event was changed or removed.",
    help="Recompute the hash chain; exits 1 and names the first event that was changed or is missing.",
)
@_EXPECT_OPTION
@session_options
def verify_ledger(session: Session, head: LedgerHead | None) -> int:
    verified = session.application.ledger.verify(head)
    line = f"The ledger is intact: {verified.events} events, head {format_head(verified.head)}"
    session.answer({"intact": True, "events": verified.events, "head": asdict(verified.head)}, [line])
    return OK


@ledger_command.command(
    "head",
    short_help="Print the position and hash of the last event.",
    help="Print the position and hash of the last event; note them outside this machine.",
)
@session_options
def print_head(session: Session) -> int:
    head = session.application.ledger.head()
    session.answer(asdict(head), [format_head(head)])
    return OK


@ledger_command.command("rebuild", help="Rebuild what status, history and outputs read from the events.")
@session_options
def rebuild_projections(session: Session) -> int:
    ledger = session.application.ledger
    events = ledger.head().position
    if events:  # rebuilding an empty ledger would create its file
        ledger.rebuild()
    session.answer({"events": events}, [f"Rebuilt from {events} events."])
    return OK


EXPORT_HELP = """Write every event to FILE, or to stdout for -: one JSON object per line, in the order of the log.

Each line has `position`, `stream`, `version`, `type`, `hash` and the CloudEvent in `event`. The ledger is verified
first. The file is complete or not written; `ledger import` reads it into an empty home, on SQLite or PostgreSQL.
"""
_NEW_FILE = click.argument("file", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False))
_EXISTING_FILE = click.argument("file", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False, exists=True))


@ledger_command.command("export", short_help="Write all events to a file.", help=EXPORT_HELP)
@_NEW_FILE
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@session_options
def export_ledger(session: Session, file: Path, force: bool) -> int:
    from semantest_iac.application.queries.exported_log import format_exported_event

    is_stdout = str(file) == "-"
    if not is_stdout:
        _require_new_file(file, force=force)
    ledger = session.application.ledger
    verified = ledger.verify()
    lines = map(format_exported_event, ledger.log(limit=verified.events))
    if is_stdout:
        for line in lines:
            session.terminal.print_bytes(f"{line}\n".encode())
            if not session.terminal.has_reader:
                break
        return OK
    session.application.save_export(file, lines)
    text = f"Exported {verified.events} events to '{file}', head {format_head(verified.head)}"
    session.answer({"events": verified.events, "head": asdict(verified.head), "file": str(file)}, [text])
    return OK


def _require_new_file(file: Path, *, force: bool) -> None:
    if not file.parent.is_dir():
        raise click.BadParameter(f"there is no folder '{file.parent}'.", param_hint="FILE")
    if file.exists() and not force:
        message = f"Cannot export to '{file}': it exists."
        raise RefusedError(message, "FILE_EXISTS", hint="Add --force to overwrite it.")


IMPORT_HELP = """Read the events that `ledger export` has written to FILE, or from stdin for -, into this home's ledger.

The chain of hashes is verified. The ledger must be empty, or hold the first events of the file; either all events are
imported or none. Packages and simulated clouds are not in the ledger: to move them too, copy the whole home.
"""


@ledger_command.command("import", short_help="Read exported events into an empty ledger.", help=IMPORT_HELP)
@_EXISTING_FILE
@_EXPECT_OPTION
@session_options
def import_ledger(session: Session, file: Path, head: LedgerHead | None) -> int:
    from semantest_iac.application.queries.exported_log import parse_exported_log

    require_writable_home(session.application.home)
    ledger = session.application.ledger
    before = ledger.head().position
    with click.open_file(str(file), "rb") as lines:
        verified = ledger.import_log(parse_exported_log(lines), head)
    count = verified.events - before
    text = f"Imported {count} events; the ledger has {verified.events}, head {format_head(verified.head)}"
    session.answer({"imported": count, "events": verified.events, "head": asdict(verified.head)}, [text])
    return OK
