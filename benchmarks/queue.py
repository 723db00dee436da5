"""Accepting requests, beside commits of one bare row with the same text to the same kind of database.

A request, what is known of its source, its place in the queue and the rows of `status` are one transaction, durable
when the producer is told so; both write with synchronous FULL. Seconds per request or row; `of its rate` is the share
of the database's own commits that are left. A whole event is also read, checked for loops, validated, and packaged.
`processor` is this process's own processor time for a request and for a row (PostgreSQL's server has its own): what is
left of the difference where a flush costs nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from statistics import median
from time import perf_counter, process_time
from typing import Any

from benchmarks.timing import Action, PairedTimes, time_in_turns
from semantest_iac.application.deployment.recorder import encode_event
from semantest_iac.application.intake.admission import judge_request
from semantest_iac.application.intake.request_origin import COMMAND_LINE, read_cloudevent_origin
from semantest_iac.application.ports.ledger import NewEvent, RecordedEvent
from semantest_iac.application.ports.request_sources import RequestRefusal
from semantest_iac.application.ports.run_queue import Submission
from semantest_iac.bootstrap.application import Application
from semantest_iac.infrastructure.home_manifest import HomeManifest
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
from semantest_iac.infrastructure.run_queue.run_table import RunTable
from semantest_iac_events.deployments import DeploymentRequested
from semantest_iac_events.forms.cloudevents import to_cloudevent
from tests.postgresql_server import find_postgresql, run_postgresql
from tests.run_queues import open_database

_TURNS = 9
_REQUESTS = 240  # of one turn
_PRODUCERS = (1, 16)
_PROCESSES = 4
_PROCESS_TURNS = 5
_EVENTS = 40  # of one turn: reading, validating and packaging take longer
_ROOT = Path(__file__).parents[1]
REMARK = """\
Producers of one process share their commits and their statements, so that the slower the disk is, the more they accept
beside it. One producer that waits for each answer shares neither: its rate is near that of the database only where the
flush of the disk is what both wait for."""
Row = dict[str, Any]
CommitRow = Callable[[str], object]


def rows() -> Iterator[Row]:
    """Producers in one process, in several ones, and whole events; PostgreSQL where it is installed."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _rows_of("SQLite", str(Path(folder, "home", "ledger.db")), Path(folder))
        yield _event_row(Path(folder))
    if programs := find_postgresql():
        with tempfile.TemporaryDirectory() as folder, run_postgresql(programs) as server:
            yield from _rows_of("PostgreSQL", f"{server.url} options=-csearch_path=accepted", Path(folder))


def _rows_of(name: str, location: str, folder: Path) -> Iterator[Row]:
    with closing(_open_ledger(location)) as ledger, asyncio.Runner() as runner:
        for producers in _PRODUCERS:
            batches = iter([_build_submissions(_REQUESTS) for _ in range(_TURNS + 1)])

            def accept(producers: int = producers, batches: Iterator[list[Submission]] = batches) -> None:
                runner.run(_accept(ledger, next(batches), producers))

            yield _time_row(f"{name}: {producers} producer{'s' * (producers > 1)}", accept, location, folder)
    yield _processes_row(name, location, folder)


def _time_row(what: str, accept: Action, location: str, folder: Path, count: int = _REQUESTS) -> Row:
    """Time an action of this process beside so many commits of a row."""
    ours, bare = _ProcessorTime(accept), _ProcessorTime(_commit_action(location, folder, count))
    row = _row(what, time_in_turns(ours, bare, _TURNS), count, _TURNS)
    return row | {"processor": f"{ours.describe(count)} / {bare.describe(count)}"}


def _row(what: str, times: PairedTimes, count: int, turns: int) -> Row:
    return {
        "what": f"{what} beside: one row per commit",
        "ours": times.median_a / count,
        "one row": times.median_b / count,
        "ratio": times.ratio,
        "of its rate": f"{1 / times.ratio:.0%}",
        "n": turns * count,
    }


def _processes_row(name: str, location: str, folder: Path) -> Row:
    """Producers in several processes, each of which waits for the others' transactions; so do those of bare rows."""
    turns = [
        tuple(_run_processes(what, location, folder) for what in ("requests", "rows"))
        for _ in range(_PROCESS_TURNS + 1)
    ]
    ours, bare = (median(column) for column in zip(*turns[1:], strict=True))
    count = _PROCESSES * _REQUESTS
    return _row(f"{name}: {_PROCESSES} processes", PairedTimes(ours, bare, ours / bare), count, _PROCESS_TURNS)


def _run_processes(what: str, location: str, folder: Path) -> float:
    """Return the seconds from the common start until the last process has ended its part."""
    command = [sys.executable, "-m", "benchmarks.queue", what, location, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": _ROOT}
    processes = [subprocess.Popen[str](command, **pipes) for _ in range(_PROCESSES)]  # type: ignore[call-overload]
    for process in processes:
        process.stdout.readline()
    began = perf_counter()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        if process.stdout.readline() != "done\n":
            raise RuntimeError(f"a process of the benchmark failed: {what}")
    seconds = perf_counter() - began
    for process in processes:
        process.communicate(timeout=60)
    return seconds


def _event_row(folder: Path) -> Row:
    """An event with a stack of its own, from its CloudEvent to the receipt."""
    application = Application(folder / "home-of-events")
    use_case = application.deployments({})

    async def submit() -> None:
        for request in _build_requests(_EVENTS):
            receipt = await use_case.submit_event(request, read_cloudevent_origin(to_cloudevent(request), request))
            if receipt.refusal is not None:
                raise RuntimeError(receipt.refusal.reason)

    with asyncio.Runner() as runner:
        location = str(folder / "home" / "ledger.db")
        return _time_row("SQLite: whole events, 1 producer", lambda: runner.run(submit()), location, folder, _EVENTS)


class _ProcessorTime:
    """An action that notes the processor time of each call."""

    def __init__(self, act: Action) -> None:
        self._act = act
        self._seconds: list[float] = []

    def __call__(self) -> None:
        began = process_time()
        self._act()
        self._seconds.append(process_time() - began)

    def describe(self, count: int) -> str:
        """Return the median of one of so many, without the first call."""
        return f"{median(self._seconds[1:]) / count * 1000:.2f} ms"


_numbers = itertools.count()


def _build_requests(count: int, prefix: str = "api") -> list[DeploymentRequested]:
    """Requests for stacks of their own, as every stack has one place in the queue for what waits."""
    names = (f"{prefix}-{next(_numbers)}" for _ in range(count))
    return [
        DeploymentRequested(
            component=name,
            provider="aws",
            environment="development",
            region="us-east-1",
            configuration={"components": {name: {"type": "rest-api"}}},
            requested_by="benchmark",
        )
        for name in names
    ]


def _build_submissions(count: int, prefix: str = "api") -> list[Submission]:
    requests = _build_requests(count, prefix)
    ledger: Any = None  # a command is not judged by what the ledger holds
    judged = [judge_request(ledger, it, COMMAND_LINE) for it in requests]
    return [replace(each.submission, events=(encode_event(each.request, str),)) for each in judged]


def _open_ledger(location: str) -> SqlLedger:
    """The ledger of a home, which notes its head there, or of a server."""
    if location.startswith("host="):
        return SqlLedger(open_database(location))
    path = Path(location)
    return SqliteLedger(path, manifest=HomeManifest(path.parent))


async def _accept(ledger: SqlLedger, submissions: Sequence[Submission], producers: int) -> None:
    queue, waiting = RunTable(ledger.database, ledger), iter(submissions)

    async def produce() -> None:
        for submission in waiting:
            await queue.submit(submission, _never_called, _refuse)

    await asyncio.gather(*(produce() for _ in range(producers)))


def _never_called(replaced: RecordedEvent, successor: str) -> NewEvent:
    raise RuntimeError(f"{successor} replaced the request at {replaced.position}")


def _refuse(refusal: RequestRefusal) -> tuple[str, NewEvent]:
    raise RuntimeError(refusal.reason)


def _commit_action(location: str, folder: Path, count: int) -> Action:
    """An action that commits so many rows with the text of a request."""
    text, commit = encode_event(_build_requests(1)[0], str).json, _open_bare_table(location, folder)

    def commit_rows() -> None:
        for _ in range(count):
            commit(text)

    return commit_rows


def _open_bare_table(location: str, folder: Path) -> CommitRow:
    insert = "insert into bare_rows (json) values ({})"
    if location.startswith("host="):
        import psycopg

        server = psycopg.connect(location.partition(" options=")[0], autocommit=True)
        server.execute("create table if not exists bare_rows (position bigserial primary key, json text)")
        return lambda text: server.execute(insert.format("%s"), (text,))
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None, timeout=60)
    for statement in ("pragma journal_mode = wal", "pragma synchronous = full"):
        connection.execute(statement)
    connection.execute("create table if not exists bare_rows (position integer primary key, json text)")
    return lambda text: connection.execute(insert.format("?"), (text,))


def main(what: str, location: str, folder: str) -> None:
    """Do one process's part at the first line of standard input."""
    act: Callable[[], object]
    if what == "requests":
        submissions = _build_submissions(_REQUESTS, f"api-{token_hex(4)}")
        act = partial(asyncio.run, _accept(_open_ledger(location), submissions, 4))
    else:
        act = _commit_action(location, Path(folder), _REQUESTS)
    print("ready", flush=True)
    sys.stdin.readline()
    act()
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
