"""Starts the command line with the application."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

try:
    from semantest_iac.presentation.cli.program import run_cli
except ModuleNotFoundError as missing:  # often another Python than that of .venv
    if (missing.name or "semantest_iac").startswith("semantest_iac"):
        raise
    sys.stderr.write(f"Error: Cannot start: {sys.executable} has no '{missing.name}'.\n")
    sys.stderr.write("Hint: Run: make deploy, which makes .venv, then: . .venv/bin/activate\n")
    sys.exit(2)

if TYPE_CHECKING:
    from pathlib import Path

    from semantest_iac.bootstrap.application import Application


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run_cli(sys.argv[1:], _application_for))


def _application_for(home: Path) -> Application:
    from semantest_iac.bootstrap.application import Application

    return Application(home)


if __name__ == "__main__":
    main()
