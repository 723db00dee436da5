"""Real `worker` processes and the sandbox, beside its engine alone: preview and apply in one warm process.

A request is submitted by another process, as `deploy --detach` does; it has ended when its worker has recorded that.
Before each measurement every worker has carried out a deployment. A takeover is measured from the kill to the entry
that another worker resumes the run: on the same machine beside its taking a new request, of another machine beside the
lease.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from shutil import which
from statistics import median
from time import perf_counter, time
from typing import Any

from benchmarks.engines import create_work
from semantest_iac.application.ports.run_queue import FIRST_COME, QueuePlace
from semantest_iac.application.queries.history import read_events
from semantest_iac.application.worker import LEASE_S
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import RUN_RESUMED, TERMINAL_EVENT_TYPES
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.domain.ports.provisioner import SettledResource, ignore_progress

_TURNS = 9
_WORKERS = (1, 2, 4)
_DEPLOYMENTS = 24  # of each number of workers
_RATE_TURNS = 3
_AHEAD_S = 4.0  # for submitting them all before the first one is due
_KILLS, _LEASE_ENDS = 5, 2
_BEGUN = frozenset({"infrastructure.deployment.started"})
_COMPLETED = "infrastructure.deployment.completed"
_LIMIT_S = 120.0
_ROOT = Path(__file__).parents[1]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Seen:
    """An event that a worker has printed after it was recorded, and when that was read, in seconds since 1970."""

    at: float
    worker: int
    event: dict[str, Any]

    @property
    def deployment(self) -> str:
        return str(self.event["data"].get("deployment_id"))


class _Workers:
    """Worker processes of one home, and what they print."""

    def __init__(self, home: Path) -> None:
        self.processes: dict[int, subprocess.Popen[str]] = {}
        self._home = home
        self._seen: SimpleQueue[_Seen] = SimpleQueue()
        self._numbers = itertools.count()

    def start(self, prefix: Sequence[str] = ()) -> int:
        """Start one worker and return its number."""
        number, path = next(self._numbers), f"{_ROOT}{os.pathsep}{_ROOT / 'events'}"
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "semantest_iac", "worker", "--json"],
            env={**os.environ, "SEMANTEST_HOME": str(self._home), "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes[number] = process
        threading.Thread(target=self._read, args=(number, process), daemon=True).start()
        return number

    def wait_for(self, types: frozenset[str], deployments: set[str]) -> list[_Seen]:
        """Return what the workers print of these deployments until each has had an event of these types."""
        found, missing = [], set(deployments)
        while missing:
            seen = self._seen.get(timeout=_LIMIT_S)
            if seen.deployment in deployments:
                found.append(seen)
                missing -= {seen.deployment} if seen.event["type"] in types else set()
        return found

    def kill(self, number: int) -> None:
        """Kill one worker."""
        process = self.processes.pop(number)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """Kill all of them; what they have recorded is durable."""
        for number in list(self.processes):
            self.kill(number)

    def _read(self, number: int, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self._seen.put(_Seen(time(), number, json.loads(line)))


class _Home:
    """A home with requests for stacks of their own."""

    def __init__(self, folder: Path) -> None:
        self.application = Application(folder)
        self.workers = _Workers(folder)
        self._use_case = self.application.deployments({})
        self._numbers = itertools.count()
        self._runner = asyncio.Runner()

    def submit(self, count: int = 1, place: QueuePlace = FIRST_COME, first: int | None = None) -> set[str]:
        """Queue requests, each for another new stack or for that with the number `first`."""
        return {self._submit(next(self._numbers) if first is None else first, place) for _ in range(count)}

    def _submit(self, number: int, place: QueuePlace) -> str:
        name = f"api-{number}"
        stack = Stack(name, "aws", "development", "us-east-1")
        deploying = self._use_case.deploy(stack, {"components": {name: {"type": "rest-api"}}}, detach=place)
        return self._runner.run(deploying).deployment

    def deploy(self, first: int | None = None) -> float:
        """Return the seconds from before the request until its terminal event is recorded."""
        began = time()
        return self.wait_until_ended(self.submit(first=first))[-1].at - began

    def wait_until_ended(self, deployments: set[str]) -> list[_Seen]:
        """Return what the workers print of these deployments up to the last terminal event; all must be completed."""
        seen = self.workers.wait_for(TERMINAL_EVENT_TYPES, deployments)
        if failed := [it.event for it in seen if it.event["type"] in TERMINAL_EVENT_TYPES - {_COMPLETED}]:
            raise RuntimeError(f"a deployment of the benchmark failed: {failed[0]}")
        return seen

    def warm_up(self) -> None:
        """Have every worker carry out a deployment."""
        busy = set[int]()
        while not busy >= self.workers.processes.keys():
            busy |= {it.worker for it in self.wait_until_ended(self.submit(2 * len(self.workers.processes)))}

    def close(self) -> None:
        self.workers.stop()
        self._runner.close()


def rows() -> Iterator[Row]:
    """One deployment, then many with several workers, then takeovers."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _single_rows(Path(folder))
        yield from _rate_rows(Path(folder))
        yield from _takeover_rows(Path(folder))


@contextmanager
def _open_home(folder: Path, workers: int) -> Iterator[_Home]:
    with closing(_Home(folder)) as home:
        for _ in range(workers):
            home.workers.start()
        home.warm_up()
        yield home


def _single_rows(folder: Path) -> Iterator[Row]:
    with _open_home(folder / "single", 1) as home:
        firsts, sames = [], []
        for turn in range(_TURNS + 1):
            first, same = _run_engine(folder / f"engine-{turn}")
            firsts.append((home.deploy(), first))
            sames.append((home.deploy(first=0), same))
    yield _row("first deployment, from submit to end, beside preview and apply", firsts[1:])
    yield _row("no change, from submit to end, beside a preview", sames[1:])


def _rate_rows(folder: Path) -> Iterator[Row]:
    for count in _WORKERS:
        with _open_home(folder / f"{count}-workers", count) as home:
            times = [(_deploy_many(home), _run_engine(folder / f"{count}-engine-{it}")[0]) for it in range(_RATE_TURNS)]
        row = _row(f"{count} worker{'s' * (count > 1)}: each of {_DEPLOYMENTS} first deployments", times)
        yield {**row, "a second": f"{1 / row['ours']:.1f}"}


def _deploy_many(home: _Home) -> float:
    """Return the seconds for each of many deployments that are due at once, from the first start to the last end."""
    due = time() + _AHEAD_S
    deployments = home.submit(_DEPLOYMENTS, QueuePlace(not_before=due))
    if time() > due:
        raise RuntimeError("the requests were not queued in time")
    seen = home.wait_until_ended(deployments)
    return (seen[-1].at - seen[0].at) / _DEPLOYMENTS


def _takeover_rows(folder: Path) -> Iterator[Row]:
    with _open_home(folder / "takeover", 2) as home:
        yield _row(
            "takeover on the same machine, beside taking a new request", [_take_over(home) for _ in range(_KILLS)]
        )
    if which("unshare") and os.geteuid() == 0:  # another name of this machine takes the place of another machine
        prefix = ["unshare", "--uts", "sh", "-c", 'hostname another-machine && exec "$@"', "worker"]
        with _open_home(folder / "lease", 1) as home:
            takeovers = [_take_over(home, prefix)[0] for _ in range(_LEASE_ENDS)]
        yield _row("takeover from another machine, beside the lease", [(seconds, LEASE_S) for seconds in takeovers])


def _take_over(home: _Home, prefix: Sequence[str] = ()) -> tuple[float, float]:
    """Start a worker, kill it when it has begun a deployment, and return the seconds until another one resumes it.

    The second figure are those from the request until it was begun.
    """
    victim = home.workers.start(prefix)
    home.warm_up()
    while True:
        began = time()
        deployments = home.submit()
        started = home.workers.wait_for(_BEGUN, deployments)[-1]
        if started.worker == victim:
            home.workers.kill(victim)
            killed = time()
        home.wait_until_ended(deployments)
        found = read_events(home.application.ledger, deployment=started.deployment, journal=True)
        for event in found:
            if event["type"] == RUN_RESUMED:
                return datetime.fromisoformat(event["time"]).timestamp() - killed, started.at - began


def _run_engine(home: Path) -> tuple[float, float]:
    """Return the seconds of a preview and apply of a new stack, and of a preview that finds no change."""
    home.mkdir()
    return asyncio.run(_deploy_with_engine(home))


async def _deploy_with_engine(home: Path) -> tuple[float, float]:
    engine, _ = Application(home).connect(EngineChoice(), {})
    work, times = create_work(home, 0), [perf_counter()]
    await engine.apply(work, await engine.preview(work), _publish_nowhere, ignore_progress)
    times.append(perf_counter())
    await engine.preview(work)
    times.append(perf_counter())
    return times[1] - times[0], times[2] - times[1]


async def _publish_nowhere(settled: SettledResource) -> None: ...


def _row(what: str, times: Sequence[tuple[float, float]]) -> Row:
    ours, comparison = (median(column) for column in zip(*times, strict=True))
    return {"what": what, "ours": ours, "comparison": comparison, "ratio": ours / comparison, "n": len(times)}
