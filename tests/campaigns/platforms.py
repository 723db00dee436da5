"""Lead a whole platform through its life with Pulumi's CLI and in the sandbox, in each environment on both clouds."""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import resource
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from semantest_iac.domain.environments.names import ENVIRONMENTS
from tests.integration.pulumi_engine.engine_home import cli_variables
from tests.platform_life import compare_lives, find_faults, lead_life, open_place

_CLOUDS = ("aws", "azure")
_MIB = 1024


def run_platform_job(provider: str, environment: str, *, with_pulumi: bool = True) -> tuple[str, list[str]]:
    """Lead one platform through its life on both engines; return what to print and what is wrong."""
    with TemporaryDirectory(prefix="semantest-platform-") as folder:
        sandbox = open_place(Path(folder) / "sandbox", provider, environment)
        ours = asyncio.run(lead_life(sandbox))
        faults = [f"sandbox: {it}" for it in find_faults(ours, sandbox.list_cloud())]
        memory = f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _MIB} MiB in the sandbox"
        figures = [
            f"{it.command:15} {it.seconds:6.1f} s in the sandbox ({it.processor_seconds:.1f} s of a processor)"
            for it in ours
        ]
        if with_pulumi:
            pulumi = open_place(Path(folder) / "pulumi", provider, environment, cli_variables())
            theirs = asyncio.run(lead_life(pulumi))
            faults += [f"Pulumi: {it}" for it in find_faults(theirs, pulumi.list_cloud())] + compare_lives(ours, theirs)
            largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // _MIB
            memory += f", largest process of Pulumi {largest} MiB"
            figures = [f"{one}, {it.seconds:6.1f} s with Pulumi" for one, it in zip(figures, theirs, strict=True)]
    head = f"{environment} on {provider}: {len(ours[0].resources)} resources, {memory}"
    return "\n  ".join([head, *figures]), faults


def main(arguments: Sequence[str]) -> int:
    """Run each platform, print its figures, and return 1 where something is wrong."""
    parser = argparse.ArgumentParser("make campaign platforms", description=__doc__)
    parser.add_argument("--cloud", choices=_CLOUDS, action="append", help="both by default")
    parser.add_argument("--environment", choices=ENVIRONMENTS, action="append", help="all by default")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="platforms at once")
    parser.add_argument("--sandbox", action="store_true", help="without Pulumi's CLI")
    options = parser.parse_args(arguments)
    lead = partial(run_platform_job, with_pulumi=not options.sandbox)
    jobs = product(options.cloud or _CLOUDS, options.environment or ENVIRONMENTS)
    spawning = multiprocessing.get_context("spawn")
    wrong = 0
    # a process for each platform: the largest of its children is its own
    with ProcessPoolExecutor(options.workers, mp_context=spawning, max_tasks_per_child=1) as pool:
        for job, future in [(job, pool.submit(lead, *job)) for job in jobs]:
            error = future.exception()
            figures, faults = (" ".join(job), [repr(error)]) if error else future.result()
            print(figures, *(f"  wrong: {it}" for it in faults), sep="\n", flush=True)
            wrong += len(faults)
    return int(wrong > 0)
