"""Read-only commands beside a click program with one command: whole processes, imports included."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.timing import Action, process_action, time_in_turns

_TURNS = 15
_HELLO = """\
import click

@click.command()
@click.option("--name", default="world", help="Whom to greet.")
def hello(name: str) -> None:
    \"\"\"Greet somebody.\"\"\"
    click.echo(f"hello {name}")

hello()
"""
_PAIRS = {"--help": ["--help"], "status": [], "history": []}  # our arguments -> the click program's


def rows() -> list[dict[str, Any]]:
    """One row per command; the ledger has one deployment, made before in a temporary home."""
    with tempfile.TemporaryDirectory() as folder:
        home, hello = Path(folder, "home"), Path(folder, "hello.py")
        hello.write_text(_HELLO, encoding="utf-8")
        _command_action(home, "deploy", "--component", "rest-api", "--provider", "aws")()
        return [_row(home, hello, command) for command in _PAIRS]


def _row(home: Path, hello: Path, command: str) -> dict[str, Any]:
    times = time_in_turns(
        _command_action(home, command), process_action([sys.executable, hello, *_PAIRS[command]]), _TURNS
    )
    return {
        "what": f"`{command}` beside a one-command click program",
        "ours": times.median_a,
        "comparison": times.median_b,
        "ratio": times.ratio,
        "n": _TURNS,
        "command": f"`python -m semantest_iac {command}`",
    }


def _command_action(home: Path, *arguments: str) -> Action:
    return process_action([sys.executable, "-m", "semantest_iac", *arguments], SEMANTEST_HOME=str(home))
