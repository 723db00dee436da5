"""Break whatever can break while workers carry out requests of several stacks, and check the history by a model."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.campaigns.full_disk_runner import find_mount_refusal
from tests.campaigns.job_process import run_job_process
from tests.campaigns.kills import split_count
from tests.campaigns.nemesis_runner import NemesisJob, NemesisReport
from tests.campaigns.seam_runner import POSTGRESQL, SQLITE
from tests.campaigns.seams import DATABASES
from tests.postgresql_server import MISSING_REASON, find_postgresql

_SHOWN = 20


@dataclass
class NemesisResult:
    """The reports of one job."""

    job: NemesisJob
    reports: list[NemesisReport] = field(default_factory=list)
    cpu_seconds: float = 0.0
    error: str = ""

    @property
    def violations(self) -> list[str]:
        found = [f"{report.title}: {each}" for report in self.reports for each in report.violations]
        return [*found, self.error] if self.error else found

    @property
    def broken(self) -> Counter[str]:
        """How often what was broken, and what the operator did."""
        return sum((Counter(report.counts) for report in self.reports[:-1]), Counter[str]())

    def describe(self) -> Iterator[str]:
        """Yield what was broken, what the ledger has, what grew, and each violation with what repeats it."""
        job, last = self.job, self.reports[-1] if self.reports else NemesisReport("nothing")
        yield f"{job.database}: {job.count} requests, {job.workers} workers, seed {job.seed}"
        for kind, count in sorted(self.broken.items()):
            yield f"  {kind:32} {count}"
        for name, count in last.counts.items():
            yield f"  {name:32} {count}"
        for name, slope in last.figures.items():
            yield f"  {name:32} {slope:+}"
        yield f"  {'seconds':32} {sum(report.seconds for report in self.reports):.0f}"
        yield f"  {'CPU seconds':32} {self.cpu_seconds:.0f}"
        violations = self.violations
        yield f"  {'violations':32} {len(violations)}"
        if violations:
            yield f"  repeat with: {self._repeat()}"
            yield from (f"    {each[-1200:]}" for each in violations[:_SHOWN])

    def _repeat(self) -> str:
        job = self.job
        options = f"--database {job.database} --seed {job.seed} --count {job.count} --processes {job.workers}"
        return f'make campaign nemesis ARGS="{options}"'


def run_nemesis_job(job: NemesisJob) -> NemesisResult:
    """Run a job in a process of its own, with a disk of its own where one can be mounted."""
    prefix = ("unshare", "-m") if job.can_fill_disk else ()
    output = run_job_process("tests.campaigns.nemesis_runner", job, prefix)
    return NemesisResult(job, [NemesisReport(**row) for row in output.rows], output.cpu_seconds, output.error)


def main(arguments: Sequence[str]) -> int:
    """Run the campaign, print what was seen on each database, and return 1 where a promise was broken."""
    options = _parse(arguments)
    databases = [name for name in options.database or DATABASES if name == SQLITE or find_postgresql()]
    if POSTGRESQL in (options.database or DATABASES) and POSTGRESQL not in databases:
        print(f"PostgreSQL was not tried: {MISSING_REASON}")
    if refusal := find_mount_refusal():
        print(f"No disk was filled: {refusal}")
    with tempfile.TemporaryDirectory(prefix="nemesis-") as folder, ThreadPoolExecutor(options.workers) as pool:
        jobs = [
            NemesisJob(folder, database, options.seed, count, options.processes, not refusal)
            for database, count in zip(databases, split_count(options.count, len(databases)), strict=True)
        ]
        results = []
        for result in pool.map(run_nemesis_job, jobs):
            results.append(result)
            print(*result.describe(), sep="\n", flush=True)
    return int(any(result.violations for result in results))


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("make campaign nemesis", description=__doc__)
    parser.add_argument("--database", action="append", choices=DATABASES)
    parser.add_argument("--count", type=int, default=2000, help="requests, shared by the databases")
    parser.add_argument("--processes", type=int, default=4, help="workers that carry out requests")
    parser.add_argument("--workers", type=int, default=1, help="databases at a time")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)
