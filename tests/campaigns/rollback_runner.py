"""Deploys a series of ten to one simulated cloud and rolls back to its deployments in a drawn order.

Run as `python -m tests.campaigns.rollback_runner` with a RollbackJob as JSON on stdin; prints one RollbackReport as
JSON a line.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaigns.job_process import print_reports
from tests.rollback_series import DEPLOYMENTS, RollbackSeries


@dataclass(frozen=True, slots=True)
class RollbackJob:
    """The series on one engine and cloud, with so many rollbacks; each deployment is gone back to before any is again.

    `deployments` are the places of those that are deployed, from 1; all without any.
    """

    folder: str
    engine: str
    cloud: str
    seed: int
    count: int = len(DEPLOYMENTS)
    deployments: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RollbackReport:
    """One rollback, to the deployment with a number, and what is not as it was then."""

    number: int
    faults: list[str] = field(default_factory=list)


def run_rollback_job(job: RollbackJob) -> Iterator[RollbackReport]:
    """Yield a report for each rollback; one with the number 0 for a deployment that did not complete."""
    chosen = [DEPLOYMENTS[number - 1] for number in job.deployments or range(1, len(DEPLOYMENTS) + 1)]
    folder = Path(job.folder)
    series = RollbackSeries(folder, job.cloud, job.engine)
    for number, deployment in enumerate(chosen, 1):
        row = series.deploy(deployment)
        if row.state != "completed":
            yield RollbackReport(0, [f"deployment {number} ended as {row.state}: {row.error}"])
            return
    series.remove_services()
    for number in draw_targets(job.seed, len(chosen), job.count):
        yield RollbackReport(number, list(series.find_rollback_faults(number)))
    shutil.rmtree(folder, ignore_errors=True)


def draw_targets(seed: int, deployments: int, count: int) -> list[int]:
    """Return the numbers of the deployments to go back to, all of them in a drawn order before any comes again."""
    dice, drawn = random.Random(seed), list[int]()
    while len(drawn) < count:
        drawn += dice.sample(range(1, deployments + 1), deployments)
    return drawn[:count]


def main() -> None:
    """Run the job on stdin."""
    given = json.load(sys.stdin)
    print_reports(run_rollback_job(RollbackJob(**given | {"deployments": tuple(given["deployments"])})))


if __name__ == "__main__":
    main()
