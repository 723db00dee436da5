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
    return home / "ledger.db"


@pytest.fixture
def ledger(file: Path) -> Iterator[SqliteLedger]:
    ledger = SqliteLedger(file, busy_timeout_s=0.2)
    yield ledger
    ledger.close()


@pytest.fixture
async def written(ledger: SqliteLedger) -> SqliteLedger:
    """A ledger with six events in two streams, closed so that a test may edit the file."""
    for number in range(3):
        await ledger.append("a", None, [NewEvent("x", f'{{"number": {number}}}')])
        await ledger.append("b", None, [NewEvent("y", f'{{"number": {number}}}')])
    ledger.close()
    return ledger


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a script of this folder with arguments, and kill it after the test."""
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
