"""Starts the command line with the application."""

from __future__ import annotations

import gc
import sys

from semantest_iac.presentation.cli.process.signals import exit_cancelled, exit_process, interrupt_on_signals

gc.set_threshold(5_000, 20, 20)  # nearly all that a command makes stays; with 700 it looked at that again and again
interrupt_on_signals()  # a signal during the imports below cancels too
TYPE_CHECKING = False
try:
    from semantest_iac.presentation.cli.program import run_cli
except ModuleNotFoundError as missing:  # often another Python than that of .venv
    if (missing.name or "semantest_iac").startswith("semantest_iac"):
        raise
    sys.stderr.write(f"Error: Cannot start: {sys.executable} has no '{missing.name}'.\n")
    sys.stderr.write("Hint: Run: make deploy, which makes .venv, then: . .venv/bin/activate\n")
    sys.exit(2)
except KeyboardInterrupt as interruption:
    exit_cancelled(interruption)

if TYPE_CHECKING:
    from pathlib import Path

    from semantest_iac.bootstrap.application import Application


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        code = run_cli(sys.argv[1:], _application_for)
    except KeyboardInterrupt as interruption:
        exit_cancelled(interruption)
    exit_process(code)


def _application_for(home: Path) -> Application:
    from semantest_iac.bootstrap.application import Application

    return Application(home)


if __name__ == "__main__":
    main()
