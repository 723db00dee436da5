"""Kill a worker at every seam of a run, on SQLite and PostgreSQL; another one takes over, and all is as promised."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product

from tests.campaigns.interruptions import CLOUDS, ENGINES
from tests.campaigns.job_process import run_job_process
from tests.campaigns.kills import split_count
from tests.campaigns.seam_runner import CANARY_SCENARIOS, POSTGRESQL, SCENARIOS, SEAMS, SQLITE, SeamJob, SeamReport
from tests.postgresql_server import MISSING_REASON, find_postgresql

DATABASES = (SQLITE, POSTGRESQL)
_SHOWN_FAULTS = 8


@dataclass
class SeamResult:
    """The reports of one job."""

    job: SeamJob
    reports: list[SeamReport] = field(default_factory=list)
    cpu_seconds: float = 0.0
    error: str = ""

    def describe(self) -> Iterator[str]:
        """Yield each fault, with the command that repeats its kill."""
        if self.error:
            yield f"{self.job.database}, {self.job.cloud}: {self.error}"
        for report in self.reports:
            if report.faults:
                yield f"{self.job.database}, {self.job.engine} on {self.job.cloud}, {report.point}:"
                yield f"  repeat with: {self._repeat(report)}"
                yield from (f"  {fault[:400]}" for fault in report.faults[:_SHOWN_FAULTS])

    def _repeat(self, report: SeamReport) -> str:
        job = self.job
        point = f"--point {report.point}" if ":" in report.point else f"--scenario {report.point} --count 0"
        options = f"--database {job.database} --engine {job.engine} --cloud {job.cloud} --seed {job.seed} {point}"
        return f'make campaign seams ARGS="{options}"'


def run_seam_job(job: SeamJob) -> SeamResult:
    """Run a job in a process of its own, in a folder below that of the job."""
    output = run_job_process("tests.campaigns.seam_runner", job)
    return SeamResult(job, [SeamReport(**row) for row in output.rows], output.cpu_seconds, output.error)


def main(arguments: Sequence[str]) -> int:
    """Run the campaign, print a line for each seam and each kill after which something is wrong, and return 1 then."""
    options = _parse(arguments)
    databases = [name for name in options.database or DATABASES if name == SQLITE or find_postgresql()]
    if POSTGRESQL in (options.database or DATABASES) and POSTGRESQL not in databases:
        print(f"PostgreSQL was not tried: {MISSING_REASON}")
    with tempfile.TemporaryDirectory(prefix="seams-") as folder, ThreadPoolExecutor(options.workers) as pool:
        results = []
        for result in pool.map(run_seam_job, list(_list_jobs(folder, options, databases))):
            results.append(result)
            print(*_format_result(result), *result.describe(), sep="\n", flush=True)
    return _summarize(results, options.seed)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("make campaign seams", description=__doc__)
    parser.add_argument("--database", action="append", choices=DATABASES)
    parser.add_argument("--engine", choices=ENGINES, default="sandbox")
    parser.add_argument("--cloud", action="append", choices=CLOUDS)
    parser.add_argument("--seam", action="append", choices=SEAMS)
    parser.add_argument("--scenario", action="append", choices=[*SCENARIOS, *CANARY_SCENARIOS])
    parser.add_argument("--count", type=int, default=30, help="kills at each seam and database")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--point", action="append", default=[], help="only this one, such as update:observed:3")
    parser.add_argument("--workers", type=int, default=2, help="jobs at a time")
    return parser.parse_args(arguments)


def _list_jobs(folder: str, options: argparse.Namespace, databases: Sequence[str]) -> Iterator[SeamJob]:
    clouds = options.cloud or CLOUDS
    counts = dict(zip(clouds, split_count(options.count, len(clouds)), strict=True))
    named = tuple(dict.fromkeys(point.partition(":")[0] for point in options.point))
    for database, cloud in product(databases, clouds):
        yield SeamJob(
            folder,
            database,
            options.engine,
            cloud,
            options.seed,
            counts[cloud],
            tuple(options.seam or SEAMS),
            tuple(options.scenario or named or SCENARIOS),
            tuple(options.point),
        )


def _format_result(result: SeamResult) -> Iterator[str]:
    job, killed = result.job, [report for report in result.reports if ":" in report.point]
    yield f"{job.database}, {job.engine} on {job.cloud}: {result.cpu_seconds:.0f} CPU seconds"
    for seam in job.seams:
        found = [report for report in killed if report.point.split(":")[1] == seam]
        good = sum(not report.faults for report in found)
        yield f"  {seam:15} {good} of {len(found)} as promised, {sum(report.was_killed for report in found)} killed"


def _summarize(results: Sequence[SeamResult], seed: int) -> int:
    reports = [report for result in results for report in result.reports if ":" in report.point]
    good = sum(report.was_killed and not report.faults for report in reports)
    print(f"seams: {good} of {len(reports)} kills as promised, seed {seed}")
    return int(good < len(reports) or any(list(result.describe()) for result in results))
