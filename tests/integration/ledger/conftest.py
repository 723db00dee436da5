"""Processes beside the test, and a ledger file with a known past."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from semantest_iac.application.ports.ledger import NewEvent
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def file(home: Path) -> Path:
    """Where the ledger will be."""
    return home / "ledger.db"


@pytest.fixture
def ledger(file: Path) -> Iterator[SqliteLedger]:
    """The ledger in that file, in this process."""
    ledger = SqliteLedger(file, busy_timeout_s=0.2)
    yield ledger
    ledger.close()


@pytest.fixture
async def written(ledger: SqliteLedger) -> SqliteLedger:
    """The ledger with six events in two streams, its file closed so that a test may edit it."""
    for number in range(3):
        await ledger.append("a", None, [NewEvent("x", f'{{"number": {number}}}')])
        await ledger.append("b", None, [NewEvent("y", f'{{"number": {number}}}')])
    ledger.close()
    return ledger


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a script that lies beside the tests, with arguments; what still runs at the end is killed."""
    processes: list[subprocess.Popen[str]] = []

    def run(script: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name(script), *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        with process:
            process.kill()
