"""Runs tests whose sizes are set by variables, as a campaign with more of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping


def run_sized_tests(path: str, sizes: Mapping[str, int], workers: int) -> int:
    """Run the tests below a path with these variables, and return the exit code of pytest."""
    command = [sys.executable, "-m", "pytest", "-n", str(workers), path]
    variables = {name: str(size) for name, size in sizes.items()}
    return subprocess.run(command, env={**os.environ, **variables}, check=False).returncode
