"""Kills a process of a deployment at a chosen moment; as a program, deploys and is killed itself."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from semantest_iac.infrastructure.pulumi_engine.runs import RUN_MARK_VARIABLE
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from tests.integration.pulumi_engine.house import House, cli_variables

CHILD = "pulumi_engine.worker"


class Killer:
    """Strikes once, at the n-th create (of a type): before the cloud makes the resource, or before it answers so."""

    def __init__(self, folder: Path, whom: str, when: str, nth: int = 1, type_: str = "") -> None:
        self._folder = folder
        self._whom = whom
        self._moment = (when, nth)
        self._type = type_
        self._numbers = itertools.count(1)

    def around(self, cloud: SimulatedCloud) -> Any:
        """The cloud with the killer in it."""
        return _Haunted(cloud, self)

    def number(self, type_: str) -> int:
        """Of the create that begins now; 0 where it is of another type."""
        return next(self._numbers) if self._type in ("", type_) else 0

    def strike(self, when: str, number: int) -> None:
        """Kill, if this is the moment; the thread that asked never answers."""
        if (when, number) == self._moment:
            for pid in victims(self._folder, self._whom):
                os.kill(pid, signal.SIGKILL)
            threading.Event().wait(1)


class _Haunted:
    def __init__(self, cloud: SimulatedCloud, killer: Killer) -> None:
        self._cloud = cloud
        self._killer = killer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cloud, name)

    def create(self, type_: str, inputs: Any, *, owner: str) -> Any:
        """Make it, with a chance to strike on both sides."""
        number = self._killer.number(type_)
        self._killer.strike("before", number)
        made = self._cloud.create(type_, inputs, owner=owner)
        self._killer.strike("after", number)
        return made


def victims(folder: Path, whom: str) -> list[int]:
    """The process ids of the parent, of children, or of the CLIs they started."""
    if whom == "parent":
        return [os.getpid()]
    return [pid for pid, command in marked(folder) if (CHILD in command) == (whom == "child")]


def marked(folder: Path) -> Iterator[tuple[int, str]]:
    """Every living process of a run whose home is this folder: other tests run beside this one."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        ours = f"{RUN_MARK_VARIABLE}=".encode() in environment and str(folder).encode() in environment
        if ours and command and int(entry.name) != os.getpid():
            yield int(entry.name), command


async def _deploy(folder: Path, killer: Killer) -> None:
    house = House(folder, cli_variables(), lambda package, region: killer.around(house.cloud(package, region)))
    await house.deploy(house.work())


if __name__ == "__main__":
    asyncio.run(_deploy(Path(sys.argv[1]), Killer(Path(sys.argv[1]), "parent", sys.argv[2], int(sys.argv[3]))))
