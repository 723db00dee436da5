"""Runs a nemesis: workers and clients on one home, everything that breaks, and the look at what became of it.

Run as `python -m tests.campaigns.nemesis_runner` with a NemesisJob as JSON on stdin, in a mount namespace where it may
fill a disk; prints one NemesisReport as JSON a line, the last one for the whole history. This process has no threads,
and no connection to a database: it forks a child for each look.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from semantest_iac.application.intake.source_rules import LIMIT_VARIABLE, NO_LIMIT
from semantest_iac.domain.guardrails.engine_choice import SANDBOX_ENGINE
from tests.campaigns.child_process import run_in_child
from tests.campaigns.full_disk_runner import fill_disk, mount_memory
from tests.campaigns.interrupted_home import Target, find_chain_faults, write_sources
from tests.campaigns.interruption_runner import import_everything
from tests.campaigns.job_process import print_reports
from tests.campaigns.nemesis_home import LEASE_S, NemesisHome
from tests.campaigns.nemesis_model import NemesisHistory, NemesisModel
from tests.campaigns.nemesis_people import (
    HEALING,
    NemesisClient,
    find_differences,
    heal,
    list_home_files,
    operate,
    read_lines,
)
from tests.campaigns.nemesis_plan import (
    CLIENTS,
    CLOCK_BACK,
    CLOCK_FORWARD,
    DEPLOY,
    FULL_DISK,
    KILL_CLIENT,
    KILL_DATABASE,
    KILL_WORKER,
    NO_FAULT,
    PAUSE_WORKER,
    STACKS,
    STOP_DATABASE,
    PlannedRequest,
    draw_requests,
    draw_strikes,
    plan_deliveries,
)
from tests.campaigns.nemesis_processes import ForkedProcess, find_slope, read_figures
from tests.campaigns.queue_history import read_queue_history, write_queue_history
from tests.campaigns.seam_runner import POSTGRESQL
from tests.postgresql_server import PostgresqlServer, find_postgresql, run_postgresql

DISK_BYTES = 512 * 1024 * 1024
_HOUR_S = 3600.0
_LIMIT_S = 600.0
_DRAIN_S = 120.0
_OPERATOR_S = 30.0
_ENDS_ITSELF = "is lost, and its deployment does not stop."
_TICK_S = 0.1
_LOOK_S = 0.7
_PER_ROUND = 50
_WARM_ROUNDS = 0.25
_GROWING = {"memory_kb": (2000.0, 20_000.0), "threads": (0.5, 8.0), "descriptors": (0.5, 8.0), "files": (1.0, 40.0)}
"""What may not grow: by so much for each 100 deployments, if it is so much in all."""


@dataclass(frozen=True, slots=True)
class NemesisJob:
    """One database, so many requests, and so many workers."""

    folder: str
    database: str
    seed: int
    count: int
    workers: int
    can_fill_disk: bool


@dataclass
class NemesisReport:
    """What one round, or the whole, has shown."""

    title: str
    counts: dict[str, int] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0


class NemesisRunner:
    """Runs one job."""

    def __init__(self, job: NemesisJob) -> None:
        self._job = job
        self._folder = Path(job.folder)
        self._server: PostgresqlServer | None = None
        self._workers: list[ForkedProcess] = []
        self._clients: list[ForkedProcess] = []
        self._undo: list[tuple[float, str]] = []
        self._counts: Counter[str] = Counter()
        self._points: list[tuple[float, int, dict[str, float]]] = []
        """Operations so far, the measured process and its figures."""

        self._healing = HEALING

    def run(self) -> Iterator[NemesisReport]:
        """Yield a report for each round, then one for the whole history."""
        os.environ[LIMIT_VARIABLE] = NO_LIMIT
        write_sources(self._folder / "sources")
        for cloud in ("aws", "azure"):
            import_everything(self._folder, Target(SANDBOX_ENGINE, cloud, "rest-api"))
        with ExitStack() as exits:
            self._prepare(exits)
            for number in range(-(-self._job.count // _PER_ROUND)):
                yield self._run_round(number)
            yield self._finish()

    def _prepare(self, exits: ExitStack) -> None:
        disk, url = self._folder / "disk", ""
        disk.mkdir()
        if self._job.can_fill_disk:
            mount_memory(disk, DISK_BYTES)
        if self._job.database == POSTGRESQL:
            programs = find_postgresql()
            assert programs, "PostgreSQL is not on this machine"
            self._server = exits.enter_context(run_postgresql(programs))
            url = self._server.url
        self._home = NemesisHome(self._folder, url)
        self._home.clock.jump(0.0)
        run_in_child(lambda: write_queue_history(self._home.open_ledger().database))
        exits.callback(self._kill_all)
        for number in range(self._job.workers):
            self._workers.append(ForkedProcess(self._home.run_worker, self._folder / f"worker-{number}.log"))
            self._workers[-1].start()

    def _run_round(self, number: int) -> NemesisReport:
        began, before = time.monotonic(), Counter(self._counts)
        first = number * _PER_ROUND
        requests = draw_requests(self._job.seed, first, min(_PER_ROUND, self._job.count - first))
        self._clients = [self._build_client(number, requests, client) for client in range(CLIENTS)]
        for client in self._clients:
            client.start()
        report = NemesisReport(f"round {number + 1}")
        self._disturb(number, report)
        self._restore_everything()
        report.violations += self._become_quiet()
        report.violations += self._look_around()
        report.counts = dict(self._counts - before)
        report.seconds = time.monotonic() - began
        report.figures = self._points[-1][-1] if self._points else {}
        return report

    def _build_client(self, number: int, requests: list[PlannedRequest], client: int) -> ForkedProcess:
        deliveries = plan_deliveries(self._job.seed, requests, client)
        answers = self._folder / f"answers-{number}-{client}"
        return ForkedProcess(
            NemesisClient(self._home, self._job.seed, deliveries, answers).run, self._folder / f"client-{client}.log"
        )

    def _disturb(self, number: int, report: NemesisReport) -> None:
        """Break one thing after the other until every client has its answers."""
        kinds = [KILL_WORKER, PAUSE_WORKER, KILL_CLIENT, CLOCK_FORWARD, CLOCK_BACK]
        kinds += [FULL_DISK] * self._job.can_fill_disk + [STOP_DATABASE, KILL_DATABASE] * bool(self._server)
        strikes = draw_strikes(self._job.seed, number, kinds)
        answers, kind, where = next(strikes)
        deadline, looked = time.monotonic() + _LIMIT_S, time.monotonic()
        running = list(self._clients)
        while running:
            time.sleep(_TICK_S)
            now = time.monotonic()
            if now > deadline:
                report.violations.append(f"the clients had no answers within {_LIMIT_S:.0f} s")
                return
            self._undo_what_is_due(now)
            report.violations += self._keep_running()
            running = [client for client in running if not self._has_ended(client, report)]
            if self._count_answers(number) >= answers and not self._undo:
                self._strike(kind, where)
                more, kind, where = next(strikes)
                answers = self._count_answers(number) + more
            if now - looked > _LOOK_S:
                self._operate()
                looked = time.monotonic()

    def _count_answers(self, number: int) -> int:
        """How many answers the clients of a round have: what is broken keeps step with them, on any machine."""
        files = self._folder.glob(f"answers-{number}-*")
        return sum(file.read_bytes().count(b'"answered"') for file in files)

    def _has_ended(self, client: ForkedProcess, report: NemesisReport) -> bool:
        status = client.poll()
        if status:
            report.violations.append(f"a client ended with status {status}: {client.output.read_text()[-600:]}")
        return status is not None

    def _strike(self, kind: str, where: float) -> None:
        """Break one thing; `where` chooses the process, or how long it lasts."""
        now, duration = time.monotonic(), 0.4 + where
        workers = [each for each in self._workers if each.pid and each.resumes_at is None]
        clients = [each for each in self._clients if each.pid]
        if kind == KILL_WORKER and len(workers) > 1:
            victim = workers[int(where * (len(workers) - 1))]  # never the last one, whose memory is measured
            victim.kill()
            victim.start()
        elif kind == PAUSE_WORKER and workers:
            workers[int(where * len(workers))].pause(LEASE_S * (0.8 + where))
        elif kind == KILL_CLIENT and clients:
            victim = clients[int(where * len(clients))]
            victim.kill()
            victim.start()
        elif kind in (CLOCK_FORWARD, CLOCK_BACK):
            self._home.clock.jump(_HOUR_S if kind == CLOCK_FORWARD else -_HOUR_S)
            self._undo.append((now + 2 * duration, kind))
        elif kind == FULL_DISK:
            self._fill_disk(int(where * 50) * 4096)
            self._undo.append((now + duration, kind))
        elif self._server and kind in (STOP_DATABASE, KILL_DATABASE):
            self._server.stop(signal.SIGINT if kind == STOP_DATABASE else signal.SIGKILL)
            self._undo.append((now + 2 * duration, kind))
        else:
            return
        self._counts[kind] += 1

    def _fill_disk(self, free: int) -> None:
        """Leave so much room; others write meanwhile, so that it may take several tries."""
        for _ in range(20):
            with suppress(OSError):
                fill_disk(self._folder / "disk", free)
                return

    def _undo_what_is_due(self, now: float) -> None:
        for worker in self._workers:
            worker.resume_if_due()
        due = [each for each in self._undo if each[0] <= now]
        self._undo = [each for each in self._undo if each[0] > now]
        for _, kind in due:
            if kind == FULL_DISK:
                (self._folder / "disk" / ".ballast").unlink()
            elif kind in (CLOCK_FORWARD, CLOCK_BACK):
                self._home.clock.jump(0.0)
            elif self._server:
                self._server.start()

    def _keep_running(self) -> Iterator[str]:
        """Start a worker again that ended by itself, which none should."""
        for worker in self._workers:
            if worker.pid and (status := worker.poll()) is not None:
                if _has_ended_itself(worker):
                    self._counts["worker that ended itself"] += 1
                else:
                    yield f"a worker ended by itself with status {status}: {worker.output.read_text()[-600:]}"
                worker.start()

    def _restore_everything(self) -> None:
        self._undo_what_is_due(time.monotonic() + _HOUR_S)
        for worker in self._workers:
            worker.resume_if_due(at_once=True)

    def _become_quiet(self) -> list[str]:
        """Wait until nothing is in the queue, and have every stack brought to a known state."""
        violations: list[str] = []
        while True:
            if stuck := self._wait_for_empty_queue(violations):
                return [*violations, *stuck]
            healed = run_in_child(partial(heal, self._home, self._job.seed, self._healing)).value
            if not isinstance(healed, int):
                return [*violations, f"nobody could bring the stacks to a known state: {healed}"]
            self._healing += healed
            self._counts["requested by the operator"] += healed
            if not healed:
                return violations

    def _wait_for_empty_queue(self, violations: list[str]) -> list[str]:
        deadline, unended = time.monotonic() + _LIMIT_S, ["unknown"]
        while unended and time.monotonic() < deadline:
            time.sleep(_LOOK_S / 2)
            violations += self._keep_running()
            unended = self._operate()
        return [f"in the queue after {_LIMIT_S:.0f} s: {each}" for each in unended]

    def _operate(self) -> list[str]:
        found = run_in_child(partial(operate, self._home), _OPERATOR_S).value
        if not isinstance(found, dict) or "raised" in found:  # the disk is full, or the database is away
            return [str(found)]
        self._counts["resolved by the operator"] += found["resolved"]
        return list(found["unended"])

    def _look_around(self) -> list[str]:
        """Compare ledger, state and cloud, and measure the worker that is never killed."""
        found = run_in_child(partial(find_differences, self._home)).value
        files = run_in_child(partial(list_home_files, self._home)).value
        done = sum(line["what"] == "end" for line in read_lines(self._home.log_file))
        measured = self._workers[-1].pid
        with suppress(OSError):  # it has ended itself just now
            self._points.append((done, measured, {**read_figures(measured)._asdict(), "files": len(files)}))
        return found if isinstance(found, list) else [f"the stacks cannot be looked at: {found}"]

    def _finish(self) -> NemesisReport:
        began = time.monotonic()
        report = NemesisReport("history")
        for number, worker in enumerate(self._workers):
            if (wrong := worker.end(_DRAIN_S)) and not _has_ended_itself(worker):
                report.violations.append(f"worker {number}: {wrong}: {worker.output.read_text()[-600:]}")
        checked = run_in_child(self._check_history).value
        if not isinstance(checked, dict) or "raised" in checked:
            report.violations.append(f"the history cannot be checked: {checked}")
        else:
            report.violations += checked["violations"]
            report.counts = checked["counts"]
        report.violations += self._find_growth(report)
        report.seconds = time.monotonic() - began
        return report

    def _check_history(self) -> dict[str, Any]:
        ledger = self._home.open_ledger()
        events = list(ledger.log())
        requests = {each.name: each for each in draw_requests(self._job.seed, 0, self._job.count)}
        for number in range(HEALING, self._healing + len(STACKS)):
            healing = PlannedRequest(number, -1, STACKS[0], DEPLOY, "v1", NO_FAULT, 1)
            requests[healing.name] = healing
        answers = [line for path in self._folder.glob("answers-*") for line in read_lines(path)]
        kills = [kill for each in (*self._workers, *self._clients) for kill in each.kills]
        changes, work = read_queue_history(ledger.database), read_lines(self._home.log_file)
        history = NemesisHistory(requests, events, changes, answers, work, kills)
        violations = [*find_chain_faults(ledger), *NemesisModel(history).check()]
        counts = Counter(event.type.removeprefix("infrastructure.") for event in events)
        kept = ("deployment.", "removal.requested", "removed", "removal.failed", "journal.run.resumed")
        listed = {name: count for name, count in sorted(counts.items()) if name.startswith(kept)}
        listed["claims"] = sum(change.is_claim for change in changes)
        listed["takeovers"] = sum(change.is_claim and change.state_before == "running" for change in changes)
        return {"violations": violations, "counts": listed}

    def _find_growth(self, report: NemesisReport) -> Iterator[str]:
        """Yield what grew with the deployments in the process that lived longest, once it was warm."""
        if not self._points:
            return
        longest = Counter(pid for _, pid, _ in self._points).most_common(1)[0][0]
        points = [(done, figures) for done, pid, figures in self._points if pid == longest]
        points = points[int(len(points) * _WARM_ROUNDS) :]
        for name, (most, least_in_all) in _GROWING.items():
            own = [(done / 100, figures[name]) for done, figures in points]
            slope = find_slope(own)
            report.figures[f"{name} per 100"] = round(slope, 2)
            if own and slope > most and own[-1][1] - own[0][1] > least_in_all:
                yield f"{name} grew by {slope:.1f} for each 100 operations: {[value for _, value in own]}"

    def _kill_all(self) -> None:
        for process in (*self._workers, *self._clients):
            process.kill_if_running()


def _has_ended_itself(worker: ForkedProcess) -> bool:
    """Whether a worker that has ended said last that a run of it went on after its lease."""
    return worker.output.read_text().rstrip().endswith(_ENDS_ITSELF)


def main() -> None:
    """Run the job on stdin."""
    print_reports(NemesisRunner(NemesisJob(**json.load(sys.stdin))).run())


if __name__ == "__main__":
    main()
