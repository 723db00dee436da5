"""Interrupt deployments and removals at every step; afterwards all is as if nothing had been interrupted."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product

from tests.campaigns.interruption_points import KINDS
from tests.campaigns.interruption_runner import SCENARIOS, InterruptionJob, InterruptionReport
from tests.campaigns.job_process import run_job_process

ENGINES, CLOUDS, COMPONENTS = ("sandbox", "pulumi"), ("aws", "azure"), ("rest-api", "websocket")
DEFAULT_SEED = 1
_TITLES = ("engine", "cloud", "component", "scenario", "points", "as if uninterrupted", "not reached", "CPU seconds")
_SHOWN_DIFFERENCES = 8


@dataclass
class JobResult:
    """The reports of one job."""

    job: InterruptionJob
    reports: list[InterruptionReport] = field(default_factory=list)
    cpu_seconds: float = 0.0
    error: str = ""

    @property
    def differing(self) -> list[InterruptionReport]:
        return [report for report in self.reports if report.differences]

    def describe(self) -> Iterator[str]:
        """Yield each difference, with the command that repeats its interruption."""
        if self.error:
            yield f"{self.job.target}: {self.error}"
        for report in self.differing:
            yield f"{self.job.target}, {report.scenario}, {report.point or 'uninterrupted'} (seed {self.job.seed}):"
            yield f"  repeat with: {self._repeat(report)}"
            yield from (f"  {difference[:400]}" for difference in report.differences[:_SHOWN_DIFFERENCES])

    def _repeat(self, report: InterruptionReport) -> str:
        job = self.job
        options = f"--engine {job.engine} --cloud {job.cloud} --component {job.component} --scenario {report.scenario}"
        if job.draws_next:
            options = f"--cloud {job.cloud} --scenario {report.scenario} --seed {job.seed} --point {report.point}"
            return f'make campaign kills ARGS="{options}"'
        point = f" --point {report.point}" if report.point else " --count 0"
        return f'make campaign interruptions ARGS="{options}{point}"'


def run_job(job: InterruptionJob) -> JobResult:
    """Run a job in a process of its own, in a folder below that of the job."""
    output = run_job_process("tests.campaigns.interruption_runner", job)
    return JobResult(
        job, [InterruptionReport(**row) for row in output.rows], cpu_seconds=output.cpu_seconds, error=output.error
    )


def main(arguments: Sequence[str]) -> int:
    """Run the campaign, print a row for each scenario and its differences, and return 1 if there is one."""
    options = _parse(arguments)
    with tempfile.TemporaryDirectory(prefix="interruptions-") as folder:
        jobs = [
            InterruptionJob(
                folder, engine, cloud, component, (scenario,), options.seed, options.count, options.point, options.kind
            )
            for engine, cloud, component, scenario in product(
                options.engine or ENGINES,
                options.cloud or CLOUDS,
                options.component or COMPONENTS,
                options.scenario or SCENARIOS,
            )
        ]
        print(_row(_TITLES), _row(["---"] * len(_TITLES)), sep="\n", flush=True)
        with ThreadPoolExecutor(options.workers) as pool:
            results = []
            for result in pool.map(run_job, jobs):
                results.append(result)
                print(_format_result(result), *result.describe(), sep="\n", flush=True)
    return _summarize(results, options.seed)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("make campaign interruptions", description=__doc__)
    parser.add_argument("--engine", action="append", choices=ENGINES)
    parser.add_argument("--cloud", action="append", choices=CLOUDS)
    parser.add_argument("--component", action="append", choices=COMPONENTS)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS)
    parser.add_argument("--count", type=int, help="so many points of each scenario, drawn by the seed; default: all")
    kinds = [":".join(kind) for kind in KINDS]
    parser.add_argument("--kind", action="append", default=[], choices=kinds, help="only such points")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--point", action="append", default=[], help="only this one, such as kill:write:7")
    parser.add_argument("--workers", type=int, default=2, help="jobs at a time")
    return parser.parse_args(arguments)


def _format_result(result: JobResult) -> str:
    job, interrupted = result.job, [report for report in result.reports if report.point]
    same = sum(not report.differences for report in interrupted)
    missed = sum(not report.was_reached for report in interrupted)
    (scenario,) = job.scenarios
    figures = len(interrupted), f"{same} of {len(interrupted)}", missed, f"{result.cpu_seconds:.0f}"
    return _row([job.engine, job.cloud, job.component, scenario, *map(str, figures)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _summarize(results: Sequence[JobResult], seed: int) -> int:
    reports = [report for result in results for report in result.reports if report.point]
    same = sum(not report.differences for report in reports)
    kinds = Counter(report.point.rpartition(":")[0] if "+" not in report.point else "several" for report in reports)
    listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    print(f"interruptions: {same} of {len(reports)} as if uninterrupted, seed {seed} ({listed})")
    return int(any(result.differing or result.error for result in results))
