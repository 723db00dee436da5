"""Deploys or destroys a rest-api repeatedly, killed at a different operation each time, and prints the results.

Run as `crashing_runs.py <folder> <deploy|destroy> <before|after>`: one process with everything imported forks a
victim for each operation and a survivor after it. Prints one JSON object per killed victim.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from semantest_iac.application.deployment.completion_events import apply_plan
from semantest_iac.domain.deployment.change_plan import ChangePlan
from tests.integration.sandbox_engine.rest_api import STACK, SandboxHome, ignore_progress

_MUTATIONS = ("create", "update", "delete")
_CONFIGURATION = {"components": {"rest-api": {"environment": {"TOKEN": "${secrets.token}"}}}}


class CrashingCloud:
    """A simulated cloud that kills the process right before or right after the n-th mutation."""

    def __init__(self, cloud: Any, moment: str, remaining: list[int]) -> None:
        self._cloud = cloud
        self._moment = moment
        self._remaining = remaining

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._cloud, name)
        return self._killing(attribute) if name in _MUTATIONS else attribute

    def _killing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self._remaining[0] -= 1
            if self._remaining[0] == 0 and self._moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*arguments, **named)
            if self._remaining[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call


def _victim(folder: Path, phase: str, moment: str, number: int) -> None:
    if phase == "destroy":
        asyncio.run(_apply(SandboxHome(folder)))
    remaining = [number]
    home = SandboxHome(folder)
    home.use(lambda package, region: CrashingCloud(home.cloud(package, region), moment, remaining))
    asyncio.run(home.destroy() if phase == "destroy" else _apply(home))


def _survivor(folder: Path, phase: str) -> None:
    home = SandboxHome(folder)
    asyncio.run(home.destroy() if phase == "destroy" else _apply(home))
    result = {
        "orphans": sorted(set(home.in_cloud()) ^ set(home.in_state())),
        "remaining": len(home.in_cloud()),
        "duplicates": [type_ for type_, n in Counter(home.in_cloud()).items() if n > 1],
        "up_to_date": phase == "destroy" or home.preview(_work(home)).changes.is_empty,
        "journal": [path.name for path in home.folder.rglob("*.journal")],
    }
    print(json.dumps(result), flush=True)


async def _apply(home: SandboxHome) -> None:
    """Apply without a preview, which has no mutations."""
    await apply_plan(home.engine, _work(home), ChangePlan(), home, ignore_progress)


def _work(home: SandboxHome) -> Any:
    return home.work(_CONFIGURATION, STACK)


def _copy_keys(warm: Path, folder_of_run: Path) -> None:
    """Copy the derived key, because deriving one takes longer than a deployment."""
    shutil.copytree(warm / "sandbox", folder_of_run / "sandbox", ignore=shutil.ignore_patterns("*.json"))


def _run_forked(function: Callable[[], None]) -> int:
    """Return the exit status of a forked child that only calls this function."""
    child = os.fork()
    if child == 0:
        function()
        sys.stdout.flush()
        os._exit(0)
    return os.waitpid(child, 0)[1]


def main(folder: Path, phase: str, moment: str) -> None:
    """Kill at the first operation, the second, … until a victim completes its run."""
    asyncio.run(_apply(SandboxHome(folder / "warm")))
    for number in range(1, 100):
        folder_of_run = folder / str(number)
        _copy_keys(folder / "warm", folder_of_run)
        if _run_forked(lambda: _victim(folder_of_run, phase, moment, number)) == 0:  # noqa: B023 - forked at once
            break
        _run_forked(lambda: _survivor(folder_of_run, phase))  # noqa: B023 - forked at once


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
