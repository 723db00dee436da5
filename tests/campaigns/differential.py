"""Compare the sandbox with Pulumi's own engine by 1000 generated programs and their edits; needs the Pulumi CLI."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from tests.campaigns.pytest_sizes import run_sized_tests


def main(arguments: Sequence[str]) -> int:
    """Run the differential tests with so many sequences of this seed, and return the exit code of pytest."""
    parser = argparse.ArgumentParser("make campaign differential", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="sequences of programs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="processes of pytest")
    options = parser.parse_args(arguments)
    sizes = {"SEMANTEST_DIFFERENTIAL": options.count, "SEMANTEST_DIFFERENTIAL_SEED": options.seed}
    return run_sized_tests("tests/differential", sizes, options.workers)
