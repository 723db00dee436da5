"""A sample of the campaign that kills workers of the queue."""

from __future__ import annotations

from pathlib import Path

from tests.campaigns.queue_kills import run_with_kills


def test_lose_no_run_and_mix_no_two_of_a_stack(location: str, tmp_path: Path) -> None:
    report = run_with_kills(location, tmp_path, runs=60, kills=8, workers=4, seed=1)

    assert (report.faults, report.kills) == ([], 8)
