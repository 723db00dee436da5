"""Deploy, change and destroy on disks with little room; nothing is lost, and it converges once there is room again."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product

from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, SANDBOX_ENGINE
from tests.campaigns.full_disk_runner import (
    COMMANDS,
    PLACES,
    PLACES_OF_ENGINES,
    FullDiskJob,
    FullDiskReport,
    find_mount_refusal,
)
from tests.campaigns.job_process import run_job_process

ENGINES, CLOUDS = (SANDBOX_ENGINE, PULUMI_ENGINE), ("aws", "azure")
_TITLES = ("cloud", "command", "full", "sizes", "refused or failed", "as it should be", "CPU seconds of the job")
_SHOWN_FAULTS = 8


@dataclass
class FullDiskResult:
    """The reports of one job."""

    job: FullDiskJob
    reports: list[FullDiskReport] = field(default_factory=list)
    cpu_seconds: float = 0.0
    error: str = ""

    def describe(self) -> Iterator[str]:
        """Yield each fault, with the command that repeats its run."""
        if self.error:
            yield f"{self.job.command} on {self.job.cloud}: {self.error}"
        for report in self.reports:
            if report.is_planted and not report.faults:
                yield f"{self.job.command} on {self.job.cloud}: a planted fault was not found"
            if report.is_planted or not report.faults:
                continue
            job = self.job
            options = f"--engine {job.engine} --cloud {job.cloud} --command {job.command}"
            options += f" --place {report.place} --size {report.size}"
            yield f'make campaign full-disks ARGS="{options}" ({report.message})'
            yield from (f"  {fault[:400]}" for fault in report.faults[:_SHOWN_FAULTS])


def run_full_disk_job(job: FullDiskJob) -> FullDiskResult:
    """Run a job in a process and a mount namespace of its own, in a folder below that of the job."""
    output = run_job_process("tests.campaigns.full_disk_runner", job, ("unshare", "-m"))
    return FullDiskResult(
        job, [FullDiskReport(**row) for row in output.rows], cpu_seconds=output.cpu_seconds, error=output.error
    )


def main(arguments: Sequence[str]) -> int:
    """Run the campaign, print a row for each place and its faults, and return 1 if there is one."""
    options = _parse(arguments)
    if refusal := find_mount_refusal():
        print(f"Not run: {refusal}.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="full-disks-") as folder, ThreadPoolExecutor(options.workers) as pool:
        given = options.seed, options.count, tuple(options.size), options.enough
        jobs = [
            FullDiskJob(folder, cloud, command, places, *given, engine=engine, plants_fault=not options.size)
            for engine, cloud, command in product(
                options.engine or ENGINES, options.cloud or CLOUDS, options.command or COMMANDS
            )
            if (places := tuple(it for it in PLACES_OF_ENGINES[engine] if it in (options.place or PLACES)))
        ]
        print(_row(_TITLES), _row(["---"] * len(_TITLES)), sep="\n", flush=True)
        results = []
        for result in pool.map(run_full_disk_job, jobs):
            results.append(result)
            print(*_format_result(result), *result.describe(), sep="\n", flush=True)
    reports = [report for result in results for report in result.reports if not report.is_planted]
    good, failed = (
        sum(map(bool, counts)) for counts in ((not it.faults for it in reports), (it.message for it in reports))
    )
    print(f"full-disks: {good} of {len(reports)} as they should be, {failed} of them refused or failed")
    return int(any(any(result.describe()) for result in results))


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("make campaign full-disks", description=__doc__)
    parser.add_argument("--engine", action="append", choices=ENGINES, help="that of Pulumi needs its CLI")
    parser.add_argument("--cloud", action="append", choices=CLOUDS)
    parser.add_argument("--command", action="append", choices=COMMANDS)
    parser.add_argument("--place", action="append", choices=PLACES, help="what is on the full disk; default: each")
    parser.add_argument(
        "--size", action="append", type=int, default=[], help="free KiB; default: 0, 4 … 200, with Pulumi 0, 64 … 4032"
    )
    parser.add_argument("--count", type=int, help="so many places and sizes of each command, drawn by the seed")
    parser.add_argument("--enough", type=int, default=3, help="leave a place after so many sizes with enough room")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="jobs at a time")
    return parser.parse_args(arguments)


def _format_result(result: FullDiskResult) -> Iterator[str]:
    for place in result.job.places:
        reports = [report for report in result.reports if report.place == place and not report.is_planted]
        good, failed = sum(not report.faults for report in reports), sum(bool(report.message) for report in reports)
        figures = len(reports), failed, f"{good} of {len(reports)}", f"{result.cpu_seconds:.0f}"
        yield _row([result.job.cloud, result.job.command, place, *map(str, figures)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
