"""Deploys or destroys a rest-api over and over, killed at another operation each time, and tells how it came out.

Run as `dying.py <folder> <deploy|destroy> <before|after>`: one process with everything imported forks a victim for
each operation and a survivor after it. Prints one JSON object per killed victim.
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
from tests.integration.sandbox_engine.rest_api import STACK, House, unwatched

_MUTATIONS = ("create", "update", "delete")
_CONFIGURATION = {"components": {"rest-api": {"environment": {"TOKEN": "${secrets.token}"}}}}


class MortalCloud:
    """A simulated cloud at whose n-th mutation the process dies, right before or right after it was done."""

    def __init__(self, cloud: Any, moment: str, left: list[int]) -> None:
        self._cloud = cloud
        self._moment = moment
        self._left = left

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._cloud, name)
        return self._deadly(asked) if name in _MUTATIONS else asked

    def _deadly(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            self._left[0] -= 1
            if self._left[0] == 0 and self._moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = act(*arguments, **named)
            if self._left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return called


def _victim(folder: Path, phase: str, moment: str, number: int) -> None:
    if phase == "destroy":
        asyncio.run(_brought_about(House(folder)))
    left = [number]
    house = House(folder)
    house.use(lambda package, region: MortalCloud(house.cloud(package, region), moment, left))
    asyncio.run(house.destroy() if phase == "destroy" else _brought_about(house))


def _survivor(folder: Path, phase: str) -> None:
    house = House(folder)
    asyncio.run(house.destroy() if phase == "destroy" else _brought_about(house))
    told = {
        "orphans": sorted(set(house.living()) ^ set(house.remembered())),
        "left": len(house.living()),
        "twins": [type_ for type_, n in Counter(house.living()).items() if n > 1],
        "settled": phase == "destroy" or house.preview(_work(house)).changes.is_empty,
        "journal": [path.name for path in house.folder.rglob("*.journal")],
    }
    print(json.dumps(told), flush=True)


async def _brought_about(house: House) -> None:
    """Without a preview, which kills nobody."""
    await apply_plan(house.engine, _work(house), ChangePlan(), house, unwatched)


def _work(house: House) -> Any:
    return house.work(_CONFIGURATION, STACK)


def _with_keys_of(warm: Path, place: Path) -> None:
    """Deriving a key takes longer than a deployment; each place gets the one that is there."""
    shutil.copytree(warm / "sandbox", place / "sandbox", ignore=shutil.ignore_patterns("*.json"))


def _forked(act: Callable[[], None]) -> int:
    """The status of a child that does this and nothing else."""
    child = os.fork()
    if child == 0:
        act()
        sys.stdout.flush()
        os._exit(0)
    return os.waitpid(child, 0)[1]


def main(folder: Path, phase: str, moment: str) -> None:
    """Kill at the first operation, the second, … until a victim outlives its run."""
    asyncio.run(_brought_about(House(folder / "warm")))
    for number in range(1, 100):
        place = folder / str(number)
        _with_keys_of(folder / "warm", place)
        if _forked(lambda: _victim(place, phase, moment, number)) == 0:  # noqa: B023 - forked at once
            break
        _forked(lambda: _survivor(place, phase))  # noqa: B023 - forked at once


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
