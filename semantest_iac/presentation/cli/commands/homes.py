"""`repair`: mends what is damaged in the home, and lists what only a person can decide."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import click

from semantest_iac.application.ports.home_parts import HomePart, PartRepair
from semantest_iac.domain.errors import DeploymentError, RefusedError, as_storage_error
from semantest_iac.presentation.cli.failures import FAILED, OK
from semantest_iac.presentation.cli.options import unchecked_session_options
from semantest_iac.presentation.cli.session import Session
from semantest_iac.presentation.cli.tables import wrap_after
from semantest_iac.presentation.error_lines import format_error

REPAIR_HELP = """Repair what is damaged or missing in the home, and say what only you can decide.

\b
  semantest-iac doctor --home
  semantest-iac repair --dry-run
  semantest-iac repair --yes

Writes the ledger's rows again from its events, states from the simulated cloud, and moves damaged packages away, which
are built again. What it replaces is kept in the folder `replaced` of the home. The events of the ledger are never
changed. Exits 0 if nothing is left to do, 1 otherwise.
"""


@click.command("repair", help=REPAIR_HELP)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--accept-ledger", is_flag=True, help="Go on with a ledger that has lost events; there is no backup.")
@unchecked_session_options
def repair_command(session: Session, dry_run: bool, yes: bool, accept_ledger: bool) -> int:
    """Say what will be done, ask, do it part by part; look again at the end, as one repair makes another possible."""
    parts = session.application.inspect_home()
    if accept_ledger and any(part.status in ("younger", "foreign") for part in parts if part.part == "ledger.db"):
        parts = [session.application.accept_ledger(), *(part for part in parts if part.part != "ledger.db")]
    done: list[dict[str, Any]] = []
    while repairs := _list_repairs(parts, {entry["part"] for entry in done}):
        _say(session, *(f"{part.part}: {repair.intent}" for part, repair in repairs))
        if dry_run:
            break
        if not yes and session.terminal.ask("Type yes to repair: ") != "yes":
            raise RefusedError("Cannot repair the home: it was not confirmed.", "CONSENT_MISSING", hint="Add --yes.")
        done += [_repair(session, part, repair) for part, repair in repairs]
        parts = session.application.inspect_home()
    return _answer(session, parts, done)


def _list_repairs(parts: Iterable[HomePart], tried: Collection[str]) -> list[tuple[HomePart, PartRepair]]:
    """Return the repairs that were not tried yet: some parts can be looked at only when others are repaired."""
    return [(part, part.repair) for part in parts if part.repair and part.part not in tried]


def _repair(session: Session, part: HomePart, repair: PartRepair) -> dict[str, Any]:
    """Return what was done as JSON; as text it is printed at once."""
    try:
        result = repair.run()
    except (DeploymentError, OSError) as error:
        known = error if isinstance(error, DeploymentError) else as_storage_error(error)
        if known is None:
            raise
        _say(session, *format_error(known))
        return {"part": part.part, "repaired": False, "result": known.message}
    _say(session, f"{part.part}: {result}")
    return {"part": part.part, "repaired": True, "result": result}


def _answer(session: Session, parts: Sequence[HomePart], done: Sequence[dict[str, Any]]) -> int:
    left = [part for part in parts if not part.is_usable]
    lines = format_parts(left, session.terminal.width) if left else ["Every part of the home is intact."]
    session.answer({"home": home_to_json(parts), "repairs": list(done)}, lines)
    return FAILED if left else OK


def _say(session: Session, *lines: str) -> None:
    if not session.json:
        session.terminal.print_lines(*lines)


def home_to_json(parts: Iterable[HomePart]) -> list[dict[str, str]]:
    """Return the parts as `--json` prints them."""
    return [part.as_dict() for part in parts]


def format_parts(parts: Sequence[HomePart], width: int | None) -> Iterator[str]:
    """Format each part with its condition, then its cause and the command that helps."""
    name_width = max((len(part.part) for part in parts), default=0)
    for part in parts:
        label = "ok" if part.status == "intact" else part.status if part.is_usable else part.status.upper()
        yield from wrap_after(f"{label:<10}  {part.part:<{name_width}}  ", part.cause, width)
        if part.command and not part.is_usable:
            yield from wrap_after(" " * 12, part.command, width)
