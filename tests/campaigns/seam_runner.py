"""Kills a worker, or who submits, at one seam of a run; another worker takes over, and all is compared.

Run as `python -m tests.campaigns.seam_runner` with a SeamJob as JSON on stdin; prints one SeamReport as JSON a line.
One process imports everything, and forks a child for each step of a case.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from semantest_iac.domain.deployment.status import TERMINAL_STATUSES
from tests.campaigns.child_process import ChildResult, run_in_child
from tests.campaigns.interrupted_home import (
    CANARY,
    DESTROY,
    OTHER_CODE,
    RETURNED_CANARY,
    ROLLBACK,
    WAY_BACK,
    Target,
    ignore_moment,
    write_sources,
)
from tests.campaigns.interruption_points import MomentCounter
from tests.campaigns.interruption_runner import import_everything
from tests.campaigns.job_process import print_reports
from tests.campaigns.queued_home import (
    ACCEPTED,
    CLAIMED,
    ENDED,
    INTENDED,
    LEAVING,
    OBSERVED,
    RECORDED,
    STARTED,
    Form,
    QueuedHome,
)
from tests.postgresql_server import PostgresqlServer, find_postgresql, run_postgresql

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
SEAMS = (ACCEPTED, CLAIMED, INTENDED, STARTED, ENDED, OBSERVED, RECORDED, LEAVING)
"""After a request is accepted, and claimed; after each step is intended; once the engine works, and when it has ended;
after each step is observed; after any other event; before the run leaves the queue."""


@dataclass(frozen=True, slots=True)
class QueuedScenario:
    """Commands before the request, the request, its terminal status, and the version that is deployed afterwards.

    `resumes` says that it goes on after a kill only.
    """

    prepare: tuple[str, ...]
    command: str
    state: str
    version: str | None
    resumes: bool = True


SCENARIOS: Mapping[str, QueuedScenario] = {
    "first": QueuedScenario((), "v1", "completed", "v1"),
    "update": QueuedScenario(("v1",), "v2", "completed", "v2"),
    "destroy": QueuedScenario(("v1",), DESTROY, "completed", None),
    "way-back": QueuedScenario(("v1",), WAY_BACK, "rolled_back", "v1"),
    "rollback": QueuedScenario(("v1", "v2"), ROLLBACK, "completed", "v1"),
    "code-rollback": QueuedScenario(("v1", OTHER_CODE), ROLLBACK, "completed", "v1"),
}
ROLLBACK_SCENARIOS = ("rollback", "code-rollback")
CANARY_SCENARIOS: Mapping[str, QueuedScenario] = {
    "canary": QueuedScenario(("v1",), CANARY, "completed", CANARY, resumes=False),
    "returned-canary": QueuedScenario(("v1",), RETURNED_CANARY, "rolled_back", "v1", resumes=False),
}
"""On Azure in an environment with a gateway, which divides the traffic."""
_ALL_SCENARIOS = {**SCENARIOS, **CANARY_SCENARIOS}
_WITHOUT_RUN = ("pending", *map(str, TERMINAL_STATUSES))
_TEMPLATE = "template_{}"


@dataclass(frozen=True, slots=True)
class SeamJob:
    """The kills of one database, engine and cloud: `count` at each seam, spread over the scenarios."""

    folder: str
    database: str
    engine: str
    cloud: str
    seed: int
    count: int
    seams: Sequence[str] = SEAMS
    scenarios: Sequence[str] = tuple(SCENARIOS)
    points: Sequence[str] = ()
    """Only these, as `SCENARIO:SEAM:NUMBER`."""


@dataclass(frozen=True, slots=True)
class SeamReport:
    """What is not as promised after one kill; `point` is `SCENARIO:SEAM:NUMBER`, without a number if none was made."""

    point: str
    was_killed: bool
    faults: list[str] = field(default_factory=list)


class SeamRunner:
    """Runs one job."""

    def __init__(self, job: SeamJob) -> None:
        self._job = job
        self._folder = Path(job.folder)
        needs_gateway = job.cloud == "azure" and not CANARY_SCENARIOS.keys().isdisjoint(job.scenarios)
        environment = "qa" if needs_gateway else "development"
        self._target = Target(job.engine, job.cloud, "rest-api", environment)
        self._server: PostgresqlServer | None = None

    def run(self) -> Iterator[SeamReport]:
        """Yield a report for each scenario without a kill, and for each kill."""
        write_sources(self._folder / "sources")
        import_everything(self._folder, self._target)
        with ExitStack() as exits:
            if self._job.database == POSTGRESQL:
                programs = find_postgresql()
                assert programs, "PostgreSQL is not on this machine"
                self._server = exits.enter_context(run_postgresql(programs))
            counts: dict[str, Counter[str]] = {}
            files: dict[str, list[str]] = {}
            for name in self._job.scenarios:
                report, counts[name], files[name] = self._run_unkilled(name)
                yield report
            for name, seam, number in self._choose_points(counts):
                yield self._run_killed(name, seam, number, files[name])

    def _choose_points(self, counts: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[str, str, int]]:
        """Draw so many points at each seam; each scenario that has the seam comes in turn."""
        for point in self._job.points:
            name, seam, text = point.split(":")
            yield name, seam, int(text)
        dice = random.Random(f"{self._job.seed} {self._job.database} {self._target}")
        for seam in () if self._job.points else self._job.seams:
            fitting = [name for name in self._job.scenarios if counts[name][seam]]
            shift = dice.randrange(len(fitting))
            for case in range(self._job.count):
                name = fitting[(case + shift) % len(fitting)]
                yield name, seam, dice.randrange(counts[name][seam]) + 1

    def _run_unkilled(self, name: str) -> tuple[SeamReport, Counter[str], list[str]]:
        scenario = _ALL_SCENARIOS[name]
        home = self._restore(scenario)
        form = home.build_request(scenario.command)
        submitted = run_in_child(partial(_count, partial(home.submit, form)))
        worked = run_in_child(partial(_count, partial(home.work, scenario.command)))
        counts = Counter(_value_of(worked)) + Counter({ACCEPTED: _value_of(submitted)[ACCEPTED]})
        faults = self._find_faults(home, scenario, form, 0)
        faults += [f"no moment was seen: {seam}" for seam in self._job.seams if not counts[seam]]
        return SeamReport(name, was_killed=False, faults=faults), counts, _value_of(run_in_child(home.list_files))

    def _run_killed(self, name: str, seam: str, number: int, files: Sequence[str]) -> SeamReport:
        scenario = _ALL_SCENARIOS[name]
        home = self._restore(scenario)
        form = home.build_request(scenario.command)
        kill, faults = _KillAtMoment(seam, number), []
        ended = run_in_child(partial(home.submit, form, kill if seam == ACCEPTED else ignore_moment))
        if seam != ACCEPTED:
            ended = run_in_child(partial(home.work, scenario.command, kill))
        again = _value_of(run_in_child(partial(home.submit, form, ignore_moment)))
        if not (again.get("is_duplicate") and again.get("deployment") == _deployment_of(form)):
            faults.append(f"the same request again was answered with {again}")
        state = _value_of(run_in_child(partial(home.read_state, _deployment_of(form))))
        finished = run_in_child(partial(home.work, scenario.command, ignore_moment))
        if finished.hung or finished.signal or finished.value:
            faults.append(f"the worker that takes over: {_describe(finished)}")
        faults += self._find_faults(home, scenario, form, int(state not in _WITHOUT_RUN))
        left_over = {*_value_of(run_in_child(home.list_files))} - {*files}
        faults += [f"left over: {file}" for file in sorted(left_over)]
        return SeamReport(f"{name}:{seam}:{number}", ended.signal == signal.SIGKILL, faults)

    def _find_faults(self, home: QueuedHome, scenario: QueuedScenario, form: Form, resumed: int) -> list[str]:
        expected = resumed if scenario.resumes else None
        find = partial(home.find_faults, _deployment_of(form), scenario.state, scenario.version, expected)
        found = _value_of(run_in_child(find))
        return found if isinstance(found, list) else [f"it cannot be looked at: {found}"]

    def _restore(self, scenario: QueuedScenario) -> QueuedHome:
        """Return the home as the scenario begins; with PostgreSQL, its ledger is a copy too."""
        snapshot = self._folder / "snapshots" / ("-".join(scenario.prepare) or "empty")
        template = _TEMPLATE.format(snapshot.name)
        if not snapshot.exists():
            self._prepare(scenario.prepare, snapshot, template)
        shutil.rmtree(self._folder / "home", ignore_errors=True)
        shutil.copytree(snapshot, self._folder / "home")
        return self._open_home(self._create_database(f"case_{uuid4().hex}", template))

    def _prepare(self, commands: Sequence[str], snapshot: Path, template: str) -> None:
        """Run the commands, without any to make keys and packages alone."""
        shutil.rmtree(self._folder / "home", ignore_errors=True)
        home = self._open_home(self._create_database(template, "template1"))
        for command in commands or ("v1", DESTROY):
            form = home.build_request(command)
            for step in (partial(home.submit, form, ignore_moment), partial(home.work, command, ignore_moment)):
                ended = run_in_child(step)
                assert not ended.signal and "raised" not in (ended.value or {}), _describe(ended)
        if commands:
            shutil.copytree(home.folder, snapshot)
            return
        kept = shutil.ignore_patterns("*.json", "*.journal", "*.db*", "state", "runs", "locks")
        shutil.copytree(home.folder, snapshot, ignore=kept)
        if self._server:
            self._change_databases(f'drop database "{template}"')
            self._create_database(template, "template1")

    def _open_home(self, location: str) -> QueuedHome:
        return QueuedHome(self._folder / "home", self._target, self._folder / "sources", location)

    def _create_database(self, name: str, template: str) -> str:
        """Return where a copy of the template is, empty for SQLite, whose file is in the home."""
        if self._server is None:
            return ""
        self._change_databases(f'create database "{name}" template "{template}"')
        return f"{self._server.url.replace('dbname=postgres', f'dbname={name}')} options=-csearch_path=semantest_iac"

    def _change_databases(self, statement: str) -> None:
        assert self._server
        ended = run_in_child(partial(_execute, self._server.url, statement))
        assert not ended.value, _describe(ended)


class _KillAtMoment:
    """Kills this process at the how-manieth moment of its name."""

    def __init__(self, moment: str, number: int) -> None:
        self._moment = moment
        self._remaining = number

    def __call__(self, moment: str) -> None:
        if moment == self._moment:
            self._remaining -= 1
            if self._remaining == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _count(run: Callable[[Callable[[str], None]], Any]) -> Counter[str]:
    """Run a step and return how often each moment was reached."""
    counter = MomentCounter()
    run(counter)
    return counter.counts


def _execute(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _deployment_of(form: Form) -> str:
    return str(form["data"]["deployment_id"])


def _value_of(ended: ChildResult) -> Any:
    return {"raised": _describe(ended)} if ended.hung or ended.signal else ended.value


def _describe(ended: ChildResult) -> str:
    if ended.hung:
        return "it hung"
    return f"it was ended by signal {ended.signal}" if ended.signal else f"it ended with {ended.value}"


def main() -> None:
    """Run the job on stdin."""
    print_reports(SeamRunner(SeamJob(**json.load(sys.stdin))).run())


if __name__ == "__main__":
    main()
