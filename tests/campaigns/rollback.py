"""Ten deployments on each cloud and engine, rollbacks to each of them, and kills at every seam of a rollback."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product

from tests.campaigns import seams
from tests.campaigns.interruptions import CLOUDS, ENGINES
from tests.campaigns.job_process import run_job_process
from tests.campaigns.rollback_runner import RollbackJob
from tests.campaigns.seam_runner import ROLLBACK_SCENARIOS
from tests.rollback_series import DEPLOYMENTS

_SHOWN_FAULTS = 8


def find_series_faults(job: RollbackJob) -> Iterator[str]:
    """Run the job in a process of its own and yield what is not as it was at each deployment."""
    output = run_job_process("tests.campaigns.rollback_runner", job)
    if output.error:
        yield output.error
    if len(output.rows) != job.count and not output.error:
        yield f"{len(output.rows)} of {job.count} rollbacks were made"
    for row in output.rows:
        yield from row["faults"]


def main(arguments: Sequence[str]) -> int:
    """Run the campaign, print a line for each engine and cloud and what is wrong, and return 1 if something is."""
    options = _parse(arguments)
    is_good = True
    with tempfile.TemporaryDirectory(prefix="rollbacks-") as folder, ThreadPoolExecutor(options.workers) as pool:
        places = product(options.engine or ENGINES, options.cloud or CLOUDS)
        jobs = [RollbackJob(folder, *place, options.seed, options.count) for place in places]
        for job, faults in zip(jobs, pool.map(lambda job: list(find_series_faults(job)), jobs), strict=True):
            is_good = is_good and not faults
            print(*_format_result(job, faults), sep="\n", flush=True)
    if not options.kills:
        return int(not is_good)
    clouds = [f"--cloud={cloud}" for cloud in options.cloud]
    scenarios = [f"--scenario={name}" for name in ROLLBACK_SCENARIOS]
    more = [f"--count={options.kills}", f"--seed={options.seed}", f"--workers={options.workers}"]
    killed = seams.main([*clouds, *scenarios, *more])
    return int(not is_good or killed != 0)


def _format_result(job: RollbackJob, faults: Sequence[str]) -> Iterator[str]:
    yield f"{job.engine} on {job.cloud}: {job.count} rollbacks, {len(faults)} faults"
    yield from (f"  {fault[:400]}" for fault in faults[:_SHOWN_FAULTS])
    if faults:
        repeat = f"--engine {job.engine} --cloud {job.cloud} --seed {job.seed} --count {job.count} --kills 0"
        yield f'  repeat with: make campaign rollback ARGS="{repeat}"'


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("make campaign rollback", description=__doc__)
    parser.add_argument("--engine", action="append", choices=ENGINES, default=[])
    parser.add_argument("--cloud", action="append", choices=CLOUDS, default=[])
    parser.add_argument("--count", type=int, default=2 * len(DEPLOYMENTS), help="rollbacks on each engine and cloud")
    parser.add_argument("--kills", type=int, default=10, help="kills at each seam and database; 0 for none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="jobs at a time")
    return parser.parse_args(arguments)
