"""Starts the command line; the only module that knows both it and the parts it works with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from semantest_iac.presentation.cli.program import run

if TYPE_CHECKING:
    from pathlib import Path

    from semantest_iac.bootstrap.application import Application


def main() -> None:
    """Run the command in the arguments and leave with its exit code."""
    sys.exit(run(sys.argv[1:], _application_at))


def _application_at(home: Path) -> Application:
    from semantest_iac.bootstrap.application import Application

    return Application(home)


if __name__ == "__main__":
    main()
