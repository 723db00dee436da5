"""Kill Pulumi's CLI, its worker or the tool before and after each resource of a deployment; needs the Pulumi CLI."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from tests.campaigns.pytest_sizes import run_sized_tests

_ALL = 114  # three processes, before and after each of 19 resources


def main(arguments: Sequence[str]) -> int:
    """Run the tests of killed processes with so many kills, and return the exit code of pytest."""
    parser = argparse.ArgumentParser("make campaign kills", description=__doc__)
    parser.add_argument("--count", type=int, default=_ALL, help="kills, spread over all")
    parser.add_argument("--workers", type=int, default=2, help="processes of pytest")
    options = parser.parse_args(arguments)
    path = "tests/integration/pulumi_engine/test_kills.py"
    return run_sized_tests(path, {"SEMANTEST_KILLS": options.count}, options.workers)
