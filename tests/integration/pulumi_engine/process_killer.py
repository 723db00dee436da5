"""Kills a process of a deployment at a chosen operation; run as a program, it deploys and kills itself."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from semantest_iac.infrastructure.pulumi_engine.runs import RUN_MARK_VARIABLE
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from tests.integration.pulumi_engine.engine_home import EngineHome, cli_variables

_WORKER = "pulumi_engine.worker"


class ProcessKiller:
    """Kills once, at the n-th create (of a type): `before` the cloud makes the resource, or `after` that.

    `operation` is another method of a cloud: `update` or `delete`.
    """

    def __init__(  # one parameter for each part of the moment
        self, folder: Path, process: str, when: str, nth: int = 1, type_: str = "", operation: str = "create"
    ) -> None:
        self._folder = folder
        self._process = process
        self._moment = (when, nth)
        self._type = type_
        self.operation = operation
        self._numbers = itertools.count(1)

    def wrap(self, cloud: SimulatedCloud) -> Any:
        """The cloud with a kill in its operation."""
        return _KillingCloud(cloud, self)

    def next_number(self, type_: str) -> int:
        """The number of the operation that begins now; 0 for another type."""
        return next(self._numbers) if self._type in ("", type_) else 0

    def kill_at(self, when: str, number: int) -> None:
        """Kill if this is the chosen moment; the operation then gets no answer."""
        if (when, number) == self._moment:
            for pid in find_processes(self._folder, self._process):
                os.kill(pid, signal.SIGKILL)
            threading.Event().wait(1)


class _KillingCloud:
    def __init__(self, cloud: SimulatedCloud, killer: ProcessKiller) -> None:
        self._cloud = cloud
        self._killer = killer

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._cloud, name)
        return partial(self._operate, found) if name == self._killer.operation else found

    def _operate(self, operate: Any, type_: str, *arguments: Any, **options: Any) -> Any:
        number = self._killer.next_number(type_)
        self._killer.kill_at("before", number)
        result = operate(type_, *arguments, **options)
        self._killer.kill_at("after", number)
        return result


def find_processes(folder: Path, process: str) -> list[int]:
    """The process ids of the parent, of the workers, or of the CLIs that they started."""
    if process == "parent":
        return [os.getpid()]
    return [pid for pid, command in list_processes(folder) if (_WORKER in command) == (process == "worker")]


def list_processes(folder: Path) -> Iterator[tuple[int, str]]:
    """Id and command line of every living process of a run in this home folder."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        ours = f"{RUN_MARK_VARIABLE}=".encode() in environment and str(folder).encode() in environment
        if ours and command and int(entry.name) != os.getpid():
            yield int(entry.name), command


async def _deploy(folder: Path, killer: ProcessKiller) -> None:
    engine_home = EngineHome(
        folder, cli_variables(), lambda package, region: killer.wrap(engine_home.cloud(package, region))
    )
    await engine_home.deploy(engine_home.work())


if __name__ == "__main__":
    asyncio.run(_deploy(Path(sys.argv[1]), ProcessKiller(Path(sys.argv[1]), "parent", sys.argv[2], int(sys.argv[3]))))
