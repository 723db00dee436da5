"""Interrupts deployments at one journal step after the other, and compares what the next commands end with.

Run as `interrupted_deployments.py <folder> <provider> <engine> <points>`: one process with everything imported forks a
victim for each point, and a survivor that deploys and destroys after it. Prints one JSON object per point, after one of
a home in which nothing was interrupted. A point is such as `cancel:event:3` or `kill:operation:7`, a moment from 1:
after that event was recorded, or when that start or end of an operation was reported. `*` stands for every number of
the uninterrupted deployment.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from semantest_iac.application.ports.ledger import NewEvent, RecordedEvent
from semantest_iac.application.queries.history import find_engine
from semantest_iac.application.use_cases import DeploymentUseCase
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, SIMULATED_CLOUD, EngineChoice
from semantest_iac.domain.ports.provisioner import ResourceProgress
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import cloud_factory
from tests.fakes.control_points import ControlPoints
from tests.fakes.service_probe import FakeServiceProbe

REGIONS = {"aws": "us-east-1", "azure": "eastus"}
PACKAGES = {"aws": "aws", "azure": "azure-native"}


class Interruption:
    """Interrupts a deployment at one of its events or operations."""

    def __init__(self, moment: str, number: int, interrupt: Callable[[], object]) -> None:
        self._moment = moment
        self._remaining = number
        self._interrupt = interrupt

    def reach(self, moment: str) -> None:
        """Interrupt if this is the chosen moment."""
        if moment == self._moment:
            self._remaining -= 1
            if self._remaining == 0:
                self._interrupt()


class WatchedLedger(SqliteLedger):
    """Reports every append."""

    def __init__(self, path: Path, interruption: Interruption) -> None:
        super().__init__(path)
        self._interruption = interruption

    async def append(
        self, stream: str, expected_version: int | None, events: Sequence[NewEvent]
    ) -> list[RecordedEvent]:
        recorded = await super().append(stream, expected_version, events)
        self._interruption.reach("event")
        return recorded


class InterruptedHome:
    """One home folder with one stack, whose service is healthy."""

    def __init__(self, folder: Path, provider: str, engine: str) -> None:
        self.folder = folder
        self.ledger_file = folder / "ledger.db"
        self.stack = Stack("rest-api", provider, "development", REGIONS[provider])
        self.engine = EngineChoice(engine, SIMULATED_CLOUD)

    def use_cases(self, interruption: Interruption) -> DeploymentUseCase:
        application = Application(
            self.folder,
            ledger=WatchedLedger(self.ledger_file, interruption),
            probe=FakeServiceProbe(ControlPoints()),
        )
        progress = partial(_report_operation, interruption)
        return application.deployments({}, engine=self.engine, progress=progress)

    async def interrupt(self, how: str, moment: str, number: int) -> None:
        """Deploy until the moment; `how` is cancel, or kill for this process."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        cancel, kill = partial(loop.call_soon_threadsafe, task.cancel), partial(os.kill, os.getpid(), signal.SIGKILL)
        interruption = Interruption(moment, number, kill if how == "kill" else cancel)
        with suppress(asyncio.CancelledError):
            await self.use_cases(interruption).deploy(self.stack, {})

    async def finish(self) -> dict[str, Any]:
        """Deploy and destroy, and return how both ended and how many events and operations the deployment had."""
        ledger, counts = SqliteLedger(self.ledger_file), Counter[str]()
        owner, before = self._owner(ledger), self.in_cloud()
        deployed = await self.use_cases(_CountedMoments(counts)).deploy(self.stack, {})
        stack, inventory, numbers = ledger.stack(str(self.stack)), self.in_cloud(), dict(counts)
        destroyed = await self.use_cases(_CountedMoments(counts)).destroy(self.stack)
        return {
            "deployed": [deployed.state, *map(_hide_id, (deployed.outputs, stack.outputs))],
            "endpoints": deployed.endpoint == stack.endpoint == stack.outputs["endpoint"],
            "inventory": inventory,
            "destroyed": [destroyed.state, self._owner(ledger), self.in_cloud()],
            "open": [row.deployment for row in ledger.deployments() if not row.finished_at],
            "owned": owner is not None or not before,
            "numbers": numbers,
        }

    def in_cloud(self) -> list[str]:
        """Return the type of every existing resource in the cloud, sorted."""
        file = self.folder / ("pulumi" if self.engine.engine == PULUMI_ENGINE else "") / "cloud.db"
        if not file.exists():
            return []
        cloud = cloud_factory(file)(PACKAGES[self.stack.provider], self.stack.region)
        return sorted(type_ for type_, _ in cloud.list_resources())

    def _owner(self, ledger: SqliteLedger) -> str | None:
        return ledger.stack(str(self.stack)).owner and str(find_engine(ledger, str(self.stack)))


class _CountedMoments(Interruption):
    """Interrupts nothing and counts."""

    def __init__(self, counts: Counter[str]) -> None:
        super().__init__("", 0, lambda: None)
        self._counts = counts

    def reach(self, moment: str) -> None:
        self._counts[moment] += 1


def _report_operation(interruption: Interruption, progress: ResourceProgress) -> None:
    interruption.reach("operation")


def _hide_id(outputs: Mapping[str, Any]) -> str:
    """Return the outputs as text, without the id that the cloud gives anew to each API."""
    return json.dumps(dict(outputs), sort_keys=True).replace(str(outputs.get("api_id") or "no id"), "<id>")


def _copy_caches(warm: Path, folder: Path) -> None:
    """Copy the derived key and the package, which take longer to make than a deployment."""
    for name in ("sandbox", "artifacts", "pulumi"):
        if (warm / name).exists():
            unwanted = shutil.ignore_patterns("*.json", "cloud.db*", "state", "runs")
            shutil.copytree(warm / name, folder / name, ignore=unwanted)


def _run_forked(function: Callable[[], None]) -> int:
    """Return the exit status of a forked child that only calls this function."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            function()
            sys.stdout.flush()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def _print_outcome(home: InterruptedHome, point: str) -> None:
    print(json.dumps({"point": point, **asyncio.run(home.finish())}), flush=True)


def _expand(point: str, numbers: Mapping[str, int]) -> list[str]:
    how, moment, number = point.split(":")
    return [f"{how}:{moment}:{each}" for each in range(1, numbers[moment] + 1)] if number == "*" else [point]


def main(folder: Path, provider: str, engine: str, points: str) -> None:
    """Interrupt at every point; each has its own home."""
    warm = InterruptedHome(folder / "warm", provider, engine)
    uninterrupted = asyncio.run(warm.finish())
    print(json.dumps({"point": "", **uninterrupted}), flush=True)
    expanded = [_expand(point, uninterrupted["numbers"]) for point in points.split(",")]
    for point in chain.from_iterable(expanded):
        how, moment, number = point.split(":")
        home = InterruptedHome(folder / point.replace(":", "-"), provider, engine)
        _copy_caches(warm.folder, home.folder)
        _run_forked(lambda: asyncio.run(home.interrupt(how, moment, int(number))))  # noqa: B023 - forked at once
        _run_forked(lambda: _print_outcome(home, point))  # noqa: B023 - forked at once


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:5])
