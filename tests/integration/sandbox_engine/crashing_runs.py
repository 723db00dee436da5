"""Deploys or destroys a rest-api repeatedly, killed at a different operation each time, and prints the results.

Run as `crashing_runs.py <folder> <deploy|destroy> <before|after> <aws|azure>`: one process with everything imported
forks a victim and a survivor after it. Victims are killed before every operation of an even number, or after every one
of an odd number: after one and before the next, the same is done. Prints one JSON object per killed victim.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from semantest_iac.application.deployment.completion_events import apply_plan
from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import Work
from semantest_iac.infrastructure.clouds.registry import CLOUDS
from tests.integration.sandbox_engine.rest_api import STACK, SandboxHome, ignore_progress

_STACKS = {"aws": STACK, "azure": Stack("rest-api", "azure", "development", "eastus")}
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


@dataclass(frozen=True)
class CrashingRuns:
    """The runs of one stack: those that are killed, and what follows."""

    stack: Stack
    phase: str
    moment: str

    def kill(self, folder: Path, number: int) -> None:
        """Deploy or destroy up to the operation of that number; ends well where there are fewer."""
        if self.phase == "destroy":
            asyncio.run(self.apply(SandboxHome(folder)))
        remaining = [number]
        home = SandboxHome(folder)
        home.use(lambda package, region: CrashingCloud(home.cloud(package, region), self.moment, remaining))
        asyncio.run(self._act(home))

    def survive(self, folder: Path) -> None:
        """Deploy or destroy again, and print what there is then."""
        home = SandboxHome(folder)
        asyncio.run(self._act(home))
        in_cloud = sorted(home.cloud(CLOUDS[self.stack.provider].package, self.stack.region).list_resources())
        result = {
            "orphans": sorted(set(in_cloud) ^ set(home.in_state(self.stack))),
            "remaining": len(in_cloud),
            "up_to_date": self.phase == "destroy" or home.preview(self._work(home)).changes.is_empty,
            "journal": [path.name for path in home.folder.rglob("*.journal")],
        }
        print(json.dumps(result), flush=True)

    async def apply(self, home: SandboxHome) -> None:
        """Apply without a preview, which has no mutations."""
        await apply_plan(home.engine, self._work(home), ChangePlan(), home, ignore_progress)

    async def _act(self, home: SandboxHome) -> None:
        if self.phase == "destroy":
            await home.destroy(self.stack)
        else:
            await self.apply(home)

    def _work(self, home: SandboxHome) -> Work:
        return home.work(_CONFIGURATION, self.stack)


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


def main(folder: Path, runs: CrashingRuns) -> None:
    """Kill at every second operation until a victim completes its run."""
    asyncio.run(runs.apply(SandboxHome(folder / "warm")))
    for number in range(2 if runs.moment == "before" else 1, 100, 2):
        folder_of_run = folder / str(number)
        _copy_keys(folder / "warm", folder_of_run)
        if _run_forked(partial(runs.kill, folder_of_run, number)) == 0:
            break
        _run_forked(partial(runs.survive, folder_of_run))


if __name__ == "__main__":
    main(Path(sys.argv[1]), CrashingRuns(_STACKS[sys.argv[4]], sys.argv[2], sys.argv[3]))
