"""`parity`: what each cloud can do, as its own adapter says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import format_table
from semantest_iac.presentation.cli.options import session_options
from semantest_iac.presentation.cli.session import Session
from semantest_iac.presentation.error_lines import format_error

if TYPE_CHECKING:
    from semantest_iac.domain.blueprints.capabilities import Capabilities, Capability

HELP = """Show every kind of resource and every feature of it, by cloud; with the reason where a cloud lacks it.

\b
  semantest-iac parity
  semantest-iac parity --json

What is marked no is refused by deploy, preview and config validate where a configuration asks for it.
"""


@click.command("parity", help=HELP)
@session_options
def command(session: Session) -> int:
    """A cloud that cannot be used here has no column."""
    from semantest_iac.domain.blueprints.capabilities import list_capabilities

    clouds = list(_clouds(session))
    rows = [_row(wanted, clouds) for wanted in list_capabilities()]
    session.answer(rows, _lines(rows, [cloud.cloud for cloud in clouds]))
    return OK


def _clouds(session: Session) -> Iterator[Capabilities]:
    for name in session.application.providers:
        try:
            yield session.application.capabilities(name)
        except DeploymentError as error:
            session.terminal.remark(*format_error(error))


def _row(wanted: Capability, clouds: Sequence[Capabilities]) -> dict[str, Any]:
    from semantest_iac.domain.blueprints.capabilities import Feature

    kind, feature = (wanted.kind, wanted.name) if isinstance(wanted, Feature) else (wanted, None)
    return {
        "kind": kind.__name__,
        "feature": feature,
        "clouds": {
            cloud.cloud: {
                "supported": not cloud.lack(wanted),
                "note": cloud.lack(wanted) or cloud.bends.get(wanted, ""),
            }
            for cloud in clouds
        },
    }


def _lines(rows: Sequence[dict[str, Any]], clouds: Sequence[str]) -> Iterator[str]:
    """The table, and the notes below it: a cell with a sentence in it would be wider than a terminal."""
    notes: dict[str, int] = {}
    cells = [
        [row["kind"] if row["feature"] is None else f"  {row['feature']}"]
        + [_cell(name, row["clouds"][name], notes) for name in clouds]
        for row in rows
    ]
    yield from format_table(("", *clouds), cells)
    yield from (f"({number}) {note}" for note, number in notes.items())


def _cell(cloud: str, cell: dict[str, Any], notes: dict[str, int]) -> str:
    word = "yes" if cell["supported"] else "no"
    if not cell["note"]:
        return word
    note = f"{cloud}: {cell['note']}"
    return f"{word} ({notes.setdefault(note, len(notes) + 1)})"
