"""A sample of the campaign that kills workers of the queue."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.campaigns.queue_kills import run_with_kills
from tests.run_queues import QueueFixture, open_database

_ROOT = Path(__file__).parents[3]


def test_lose_no_run_and_mix_no_two_of_a_stack(location: str, tmp_path: Path) -> None:
    report = run_with_kills(location, tmp_path, runs=60, kills=8, workers=4, seed=1)

    assert (report.faults, report.kills) == ([], 8)


def test_lose_nothing_that_producers_were_told_is_accepted(location: str) -> None:
    """Requests that share a commit are accepted together or not at all, and nobody is told before."""
    told: list[str] = []
    for turn in range(4):
        command = [
            sys.executable,
            "-m",
            "tests.contract.run_queue.queue_process",
            "produce",
            location,
            f"p{turn}",
            "16",
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(command, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            told += [process.stdout.readline().strip() for _ in range(40 + 7 * turn)]
            process.kill()
            told += process.stdout.read().splitlines()[:-1]  # the last line may be cut
    database = open_database(location)
    fixture = QueueFixture(database)

    queued = [run.deployment for run in fixture.queue.list_runs()]
    recorded = [line.removeprefix("requested ") for line in fixture.log()]
    database.close()

    assert set(told) <= set(queued)
    assert sorted(queued) == sorted(recorded)
    assert len(set(queued)) == len(queued)
