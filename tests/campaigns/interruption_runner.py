"""Runs the interruptions of one target: interrupt a command, run the next ones, compare with a home without that.

Run as `python -m tests.campaigns.interruption_runner` with an InterruptionJob as JSON on stdin; prints one
InterruptionReport as JSON a line, and its CPU seconds on the last. One process imports everything, and forks a child
for each command.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE, SANDBOX_ENGINE
from tests.campaigns.child_process import list_processes_of, run_in_child
from tests.campaigns.interrupted_home import DESTROY, VERSIONS, WAY_BACK, InterruptedHome, Target, write_sources
from tests.campaigns.interruption_points import (
    KINDS,
    Countdown,
    MomentCounter,
    Point,
    draw_points,
    draw_random_moments,
    kill_at_moment,
    list_points,
    report_writes,
)
from tests.campaigns.job_process import print_reports
from tests.differential.name_mapping import NameMapping

LOOKING_COMMANDS = ("status", "preview")
NEXT_COMMANDS = (
    ("v1",),
    ("v2",),
    (DESTROY,),
    (WAY_BACK,),
    ("status", "v1"),
    ("status", "v2"),
    ("preview", "v2"),
    ("preview", DESTROY),
)
"""What may follow a kill."""

_CACHES = ("sandbox", "artifacts", "pulumi")
_STATES = shutil.ignore_patterns("*.json", "*.journal", "cloud.db*", "state", "runs")
_SHORTEST_GENERATED = 4
_WORD = re.compile(r"[A-Za-z0-9]{6,}|(?<=-)[0-9a-f]{4}\b")  # the end of a secret's name is short
_INTERRUPTED, _UNINTERRUPTED = "after the interruption", "without it"

Observation = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Commands that prepare a home, the one that is interrupted, and those that follow.

    `has_caches` tells a home in which packages and keys were made before from an empty one. Where an interruption may
    leave other versions of functions, so that homes cannot be compared, `is_compared` is False: then ledger, state and
    cloud must agree.
    """

    prepare: tuple[str, ...]
    interrupted: str
    following: tuple[str, ...]
    has_caches: bool = True
    is_compared: bool = True

    @property
    def uninterrupted(self) -> tuple[str, ...]:
        """What runs where nothing is interrupted: no command is repeated."""
        repeats = self.following[0] == self.interrupted
        return self.following if repeats else (self.interrupted, *self.following)

    @property
    def has_fixed_generation(self) -> bool:
        """Whether an interruption leaves the number of the generation as it is: a destroy may have ended."""
        return DESTROY not in (self.interrupted, self.following[0]) and self.is_compared


SCENARIOS: Mapping[str, Scenario] = {
    "new-home": Scenario((), "v1", ("v1", DESTROY), has_caches=False),
    "first": Scenario((), "v1", ("v1", DESTROY)),
    "abandon": Scenario((), "v1", (DESTROY,)),
    "update": Scenario(("v1",), "v2", ("v2", DESTROY)),
    "destroy": Scenario(("v1",), DESTROY, (DESTROY,)),
    "redeploy": Scenario(("v1",), DESTROY, ("v1", DESTROY)),
    "way-back": Scenario(("v1",), WAY_BACK, ("v1", DESTROY), is_compared=False),
    "removal": Scenario((), WAY_BACK, ("v1", DESTROY), is_compared=False),
}


@dataclass(frozen=True, slots=True)
class InterruptionJob:
    """The interruptions of one target: `points` by name, else `count` drawn ones of each scenario, else all.

    `kinds` such as `kill:event` restricts the last two; none means all kinds.
    Several interruptions joined by `+` hit the command and then its repetitions. With `draws_next`, the count is that
    of random moments, and the next command is drawn: see `tests.campaigns.kills`.
    """

    folder: str
    engine: str
    cloud: str
    component: str
    scenarios: Sequence[str]
    seed: int
    count: int | None = None
    points: Sequence[str] = ()
    kinds: Sequence[str] = ()
    draws_next: bool = False

    @property
    def target(self) -> Target:
        return Target(self.engine, self.cloud, self.component)


@dataclass(frozen=True, slots=True)
class InterruptionReport:
    """How the commands after one interruption ended; without differences, as if nothing had been interrupted."""

    scenario: str
    point: str
    was_reached: bool
    differences: list[str] = field(default_factory=list)


class InterruptionRunner:
    """Runs one job; every home has the same path, as some states hold it."""

    def __init__(self, job: InterruptionJob) -> None:
        self._job = job
        self._folder = Path(job.folder)
        self._home = InterruptedHome(self._folder / "home", job.target, self._folder / "sources")

    def run(self) -> Iterator[InterruptionReport]:
        """Yield a report for each interruption."""
        write_sources(self._folder / "sources")
        import_everything(self._folder, self._job.target)
        for name in self._job.scenarios:
            yield from self._run_scenario(name, SCENARIOS[name])

    def _run_scenario(self, name: str, scenario: Scenario) -> Iterator[InterruptionReport]:
        self._restore(scenario)
        first, *others = scenario.uninterrupted
        counted = _value_of(partial(_run_counted, self._home, first))
        observed = [counted, *(self._run_and_observe(command) for command in others)]
        expected, counts = observed[-len(scenario.following) :], counted.pop("counts", {})
        unseen = [f"no {moment} was seen to interrupt at" for _, moment in KINDS if not counts.get(moment)]
        faults = [*_find_faults(expected), *dict.fromkeys(unseen)]
        yield InterruptionReport(name, "", was_reached=True, differences=faults)
        for points in self._choose_points(name, counts):
            self._restore(scenario)
            was_reached = [
                self._interrupt(scenario, number, point, counts.get("milliseconds", 0))
                for number, point in enumerate(points)
            ]
            written = "+".join(map(str, points))
            differences = ["resources belong to no engine"] if self._has_unowned_resources() else []
            if self._job.draws_next:
                differences += self._run_drawn(f"{self._job.seed} {self._job.target} {name} {written}", expected)
            else:
                differences += self._run_following(scenario, expected)
            yield InterruptionReport(name, written, all(was_reached), differences)

    def _run_following(self, scenario: Scenario, expected: Sequence[Observation]) -> Iterator[str]:
        """Run what follows and yield where it differs from what was expected."""
        for command, before in zip(scenario.following, expected, strict=True):
            now = self._run_and_observe(command)
            if scenario.is_compared:
                found = [*compare_observations(now, before, compare_generation=scenario.has_fixed_generation)]
            else:
                found = self._find_disagreements(command, now)
            yield from (f"{command}: {difference}" for difference in found)

    def _run_drawn(self, seed: str, expected: Sequence[Observation]) -> Iterator[str]:
        """Run the next commands, which the seed draws, then destroy; yield what did not converge."""
        commands = random.Random(seed).choice(NEXT_COMMANDS)
        for command in (*commands, DESTROY):
            if command in LOOKING_COMMANDS:
                looked = _value_of(partial(self._home.look, command))
                found = [str(looked)] if looked else []
            else:
                found = self._find_disagreements(command, self._run_and_observe(command))
            yield from (f"{', '.join(commands)}, {command}: {difference}" for difference in found)
        left_over = {*_value_of(self._home.list_files)} - {*expected[-1].get("files", ())}
        yield from (f"{', '.join(commands)}: left over: {file}" for file in sorted(left_over))
        running = list_processes_of(self._home.folder)
        yield from (f"{', '.join(commands)}: left over: process {process}" for process in running)

    def _find_disagreements(self, command: str, now: Observation) -> list[str]:
        """List what is wrong after a command: how it ended, and where ledger, state and cloud disagree."""
        state = str(now.get("state"))
        wanted = ("rolled_back", "failed") if command == WAY_BACK else ("completed",)
        found = [] if state in wanted else [f"it ended as {state}: {now.get('raised') or now.get('error')}"]
        if found or command == WAY_BACK:
            return found + list(now.get("ledger", ()))
        version = None if command == DESTROY else VERSIONS[command]
        return [*found, *_value_of(partial(self._home.find_disagreements, version))]

    def _choose_points(self, scenario: str, counts: Mapping[str, int]) -> list[list[Point]]:
        job = self._job
        if job.points:
            return [[Point.parse(each) for each in text.split("+")] for text in job.points]
        if job.count is None:
            return [[point] for points in list_points(counts, job.kinds) for point in points]
        seed = f"{job.seed} {job.engine} {job.cloud} {job.component} {scenario}"
        if job.draws_next and job.count is not None:
            return [[point] for point in draw_random_moments(job.count, seed)]
        return [[point] for point in draw_points(counts, job.count, seed, job.kinds)]

    def _restore(self, scenario: Scenario) -> None:
        """Put the home back to what the scenario starts with."""
        snapshot = self._snapshot(scenario.prepare) if scenario.has_caches else None
        shutil.rmtree(self._home.folder, ignore_errors=True)
        if snapshot:
            shutil.copytree(snapshot, self._home.folder)

    def _snapshot(self, commands: tuple[str, ...]) -> Path:
        """The copy of a home after these commands, made once; without commands, its keys and packages alone."""
        snapshot = self._folder / "snapshots" / ("-".join(commands) or "caches")
        if snapshot.exists():
            return snapshot
        shutil.rmtree(self._home.folder, ignore_errors=True)
        for command in commands or ("v1", DESTROY):
            _value_of(partial(_run_uninterrupted, self._home, command))
        if commands:
            shutil.copytree(self._home.folder, snapshot)
            return snapshot
        snapshot.mkdir(parents=True)
        for name in _CACHES:
            if (self._home.folder / name).exists():
                shutil.copytree(self._home.folder / name, snapshot / name, ignore=_STATES)
        return snapshot

    def _run_and_observe(self, command: str) -> Observation:
        observed: Observation = _value_of(partial(_run_uninterrupted, self._home, command))
        return observed

    def _interrupt(self, scenario: Scenario, number: int, point: Point, command_ms: int) -> bool:
        """Run the command, or the first of its repetitions, up to the point; False if it was not reached."""
        command = scenario.interrupted if number == 0 else scenario.following[0]
        ended = run_in_child(partial(_run_to_point, self._home, command, point, command_ms))
        return not ended.hung and (ended.signal != 0 or ended.value is None)

    def _has_unowned_resources(self) -> bool:
        return bool(_value_of(self._home.has_unowned_resources))


def compare_observations(now: Observation, before: Observation, *, compare_generation: bool) -> Iterator[str]:
    """Yield where two observations differ; generated names may, and a file may be missing."""
    left_over = sorted({*now.get("files", ())} - {*before.get("files", ())})
    yield from (f"left over: {file}" for file in left_over)
    parts = {part for id_ in (*now.get("ids", ()), *before.get("ids", ())) for part in _WORD.findall(id_)}
    mapping = NameMapping(_INTERRUPTED, _UNINTERRUPTED, lambda word: word in parts or _has_generated_form(word))
    ours, theirs = (_comparable(each, with_generation=compare_generation) for each in (now, before))
    yield from mapping.differences("", ours, theirs)


def _comparable(value: Any, *, with_generation: bool) -> Any:
    if isinstance(value, list):
        return [_comparable(item, with_generation=with_generation) for item in value]
    if not isinstance(value, dict):
        return value
    left_out = {"files", "ids"} if with_generation else {"files", "ids", "generation", "Generation"}
    compared = {
        name: _comparable(item, with_generation=with_generation) for name, item in value.items() if name not in left_out
    }
    if any("/" in name for name in compared):  # ids
        return [list(pair) for pair in sorted(compared.items())]
    return compared


def _has_generated_form(word: str) -> bool:
    return len(word) >= _SHORTEST_GENERATED and any(char.isdigit() for char in word)


def _find_faults(expected: Sequence[Observation]) -> Iterator[str]:
    """Yield what is wrong although nothing was interrupted."""
    for observed in expected:
        if observed.get("state") != "completed" or observed["ledger"]:
            yield f"without an interruption: {observed.get('state')} {observed.get('raised') or observed.get('ledger')}"
    if expected[-1].get("cloud"):
        yield "destroying leaves resources in the cloud"


def _run_uninterrupted(home: InterruptedHome, command: str) -> Observation:
    row = home.run(command)
    return home.observe(row) if row else {"raised": "it was cancelled"}


def _run_counted(home: InterruptedHome, command: str) -> Observation:
    """Run a command and observe it; `counts` holds how often each moment was reached."""
    counter = MomentCounter()
    report_writes(home.folder, counter)
    began = time.monotonic()
    row = home.run(command, counter)
    counts = {**counter.counts, "milliseconds": round((time.monotonic() - began) * 1000)}
    return {**home.observe(row), "counts": counts} if row else {"raised": "it was cancelled"}


def _run_to_point(home: InterruptedHome, command: str, point: Point, command_ms: int) -> str | None:
    """Return how the command ended, None if it was terminated."""
    if point.moment == "time":
        kill_at_moment(point, command_ms)
    countdown = Countdown(point)
    if point.moment == "write":
        report_writes(home.folder, countdown)
    row = home.run(command, countdown)
    return str(row.state) if row else None


def _value_of(function: Any) -> Any:
    ended = run_in_child(function)
    if ended.value is None and (ended.hung or ended.signal):
        return {"raised": "it hung" if ended.hung else f"it was ended by signal {ended.signal}"}
    return ended.value


def import_everything(folder: Path, target: Target) -> None:
    """Import and read what a deployment needs, by one in the sandbox: no engine that forks or serves runs here."""
    warm = InterruptedHome(folder / "warm", Target(SANDBOX_ENGINE, target.cloud, target.component), folder / "sources")
    for command in ("v1", "v2", DESTROY):
        warm.run(command)
    if target.engine == PULUMI_ENGINE:
        import semantest_iac.infrastructure.pulumi_engine.operations.engine
        import semantest_iac.infrastructure.simulated_provider.server  # noqa: F401


def main() -> None:
    """Run the job on stdin."""
    print_reports(InterruptionRunner(InterruptionJob(**json.load(sys.stdin))).run())


if __name__ == "__main__":
    main()
