"""Starts the command line; the only module that knows both it and the parts it works with."""

from __future__ import annotations

import sys

from semantest_iac.bootstrap import Application
from semantest_iac.presentation.cli.program import run


def main() -> None:
    """Run the command in the arguments and leave with its exit code."""
    sys.exit(run(sys.argv[1:], Application))


if __name__ == "__main__":
    main()
