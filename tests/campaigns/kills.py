"""Kill commands at random moments and at every step, and Pulumi's processes; any command that follows converges."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product

from tests.campaigns.interruption_points import Point
from tests.campaigns.interruption_runner import InterruptionJob
from tests.campaigns.interruptions import CLOUDS, DEFAULT_SEED, ENGINES, JobResult, run_job
from tests.campaigns.pytest_sizes import run_sized_tests

KILLED_SCENARIOS = ("first", "update", "destroy", "way-back", "removal")
"""Scenarios of the campaign of interruptions; the last one removes a first deployment that failed."""

_STEPS = "kill:event"
_PULUMI_TESTS = "tests/integration/pulumi_engine/test_kills.py"


def main(arguments: Sequence[str]) -> int:
    """Run the campaign, print a line for each job and each kill after which something differs, and return 1 then."""
    options = _parse(arguments)
    engines = options.engine or ENGINES
    code = 0
    if "sandbox" in engines:
        with tempfile.TemporaryDirectory(prefix="kills-") as folder, ThreadPoolExecutor(options.workers) as pool:
            results = []
            for result in pool.map(run_job, _list_jobs(folder, options)):
                results.append(result)
                print(_format_result(result), *result.describe(), sep="\n", flush=True)
        code = _summarize(results, options.seed)
    if "pulumi" in engines and not options.point:
        code |= run_sized_tests(_PULUMI_TESTS, {"SEMANTEST_KILLS": options.pulumi_count}, options.workers)
    return code


def split_count(count: int, parts: int) -> list[int]:
    """Divide a count into parts that differ by one at most."""
    return [count // parts + (number < count % parts) for number in range(parts)]


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("make campaign kills", description=__doc__)
    parser.add_argument("--engine", action="append", choices=ENGINES)
    parser.add_argument("--cloud", action="append", choices=CLOUDS)
    parser.add_argument("--scenario", action="append", choices=KILLED_SCENARIOS)
    parser.add_argument("--count", type=int, default=500, help="kills at random moments, in the sandbox")
    parser.add_argument("--no-steps", action="store_true", help="leave out the kills after every event of the ledger")
    parser.add_argument("--pulumi-count", type=int, default=50, help="kills of Pulumi's processes, of 114 at most")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--point", action="append", default=[], help="only this one, such as kill:time:437")
    parser.add_argument("--workers", type=int, default=2, help="jobs, or processes of pytest, at a time")
    return parser.parse_args(arguments)


def _list_jobs(folder: str, options: argparse.Namespace) -> Iterator[InterruptionJob]:
    targets = list(product(options.cloud or CLOUDS, options.scenario or KILLED_SCENARIOS))
    for (cloud, scenario), count in zip(targets, split_count(options.count, len(targets)), strict=True):
        points = [str(Point.parse(text)) for text in options.point]
        job = (folder, "sandbox", cloud, "rest-api", (scenario,), options.seed)
        if count or points:
            yield InterruptionJob(*job, count, points, draws_next=True)
        if not options.no_steps and not points:
            yield InterruptionJob(*job, kinds=(_STEPS,), draws_next=True)


def _format_result(result: JobResult) -> str:
    job, killed = result.job, [report for report in result.reports if report.point]
    kind = "steps" if job.kinds else "random moments"
    good = sum(not report.differences for report in killed)
    reached = sum(report.was_reached for report in killed)
    spent = f"{reached} killed in time, {result.cpu_seconds:.0f} CPU seconds"
    return f"{job.cloud} {''.join(job.scenarios)}, {kind}: {good} of {len(killed)} converged, {spent}"


def _summarize(results: Sequence[JobResult], seed: int) -> int:
    reports = [report for result in results for report in result.reports if report.point]
    converged = sum(not report.differences for report in reports)
    print(f"kills: {converged} of {len(reports)} converged, seed {seed}")
    return int(any(result.differing or result.error for result in results))
