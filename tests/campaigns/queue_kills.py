"""Kill workers of the run queue, and check that each run is carried out, in order and one at a time."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from semantest_iac.infrastructure.databases.database import Database
from tests.postgresql_server import MISSING_REASON, find_postgresql, run_postgresql
from tests.run_queues import QueueFixture, open_database

LEASE_S = 2.0
_STACKS = 8
_LIMIT_S = 300.0


@dataclass
class QueueReport:
    """What was seen; `faults` is empty where every promise held."""

    runs: int
    kills: int
    taken_over: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Span:
    """The time in which one process carried out a run; `end` is None where it was killed before."""

    deployment: str
    stack: str
    fence: int
    begin: float
    end: float | None


def run_with_kills(location: str, folder: Path, *, runs: int, kills: int, workers: int, seed: int) -> QueueReport:
    """Submit runs, carry them out in processes of which so many are killed, and return what was seen."""
    draw = random.Random(seed)
    database = open_database(location)
    log, began = folder / "spans", time.monotonic()
    asyncio.run(_submit(database, runs))
    report = QueueReport(runs, 0)
    living = [_start_worker(location, log) for _ in range(workers)]
    try:
        while (unended := _count_unended(database)) and time.monotonic() - began < _LIMIT_S:
            time.sleep(draw.uniform(0.05, 0.4))
            if report.kills < kills:
                victim = draw.randrange(workers)
                _end(living[victim])
                living[victim] = _start_worker(location, log)
                report.kills += 1
    finally:
        for process in living:
            _end(process)
        database.close()
    report.seconds = time.monotonic() - began
    report.faults += [f"{unended} runs did not end in {_LIMIT_S:.0f} s"] * bool(unended)
    _check(report, _read_spans(log))
    return report


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


async def _submit(database: Database, runs: int) -> None:
    fixture = QueueFixture(database)
    for number in range(runs):
        await fixture.submit(f"{number:04}", f"stack-{number % _STACKS}")


def _count_unended(database: Database) -> int:
    return len(QueueFixture(database).queue.list_runs())


def _start_worker(location: str, log: Path) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.campaigns.queue_kills", "--work", location, str(log)]
    return subprocess.Popen(command, cwd=root, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})


def _read_spans(log: Path) -> list[_Span]:
    begun: dict[tuple[str, int], _Span] = {}
    for line in log.read_text().splitlines():
        it = json.loads(line)
        key = it["deployment"], it["fence"]
        if it["what"] == "begin":
            begun[key] = _Span(it["deployment"], it["stack"], it["fence"], it["at"], None)
        else:
            before = begun[key]
            begun[key] = _Span(before.deployment, before.stack, before.fence, before.begin, it["at"])
    return sorted(begun.values(), key=lambda span: span.begin)


def _check(report: QueueReport, spans: Sequence[_Span]) -> None:
    by_stack: dict[str, list[_Span]] = defaultdict(list)
    for span in spans:
        by_stack[span.stack].append(span)
    for stack, found in by_stack.items():
        if [span.fence for span in found] != sorted({span.fence for span in found}):
            report.faults.append(f"{stack}: the fences do not grow")
        order = list(dict.fromkeys(span.deployment for span in found))
        if order != sorted(order):
            report.faults.append(f"{stack}: not in the order of acceptance: {order}")
        report.faults += [
            f"{stack}: {one.deployment} and {two.deployment} overlap"
            for one, two in pairwise(found)
            if one.end is not None and two.begin < one.end
        ]
    ended = [span.deployment for span in spans if span.end is not None]
    report.taken_over = len(spans) - len({span.deployment for span in spans})
    missing = report.runs - len(set(ended))
    if missing:
        report.faults.append(f"{missing} runs were never carried out to their end")


async def _work(location: str, log: Path) -> None:
    """Carry out runs until this process is killed; each takes some milliseconds, and a few longer than a lease."""
    fixture = QueueFixture(open_database(location))
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    while True:
        lease = await fixture.claim(LEASE_S)
        if lease is None:
            await asyncio.sleep(0.02)
            continue
        fields = {"deployment": lease.deployment, "stack": lease.stack, "fence": lease.fence}
        os.write(descriptor, json.dumps({**fields, "what": "begin", "at": time.time()}).encode() + b"\n")
        held = True
        for _ in range(30 if int(lease.deployment) % 37 == 0 else 1):
            await asyncio.sleep(LEASE_S / 20)
            held = held and await fixture.queue.renew(lease, LEASE_S) is not None
        if held:
            os.write(descriptor, json.dumps({**fields, "what": "end", "at": time.time()}).encode() + b"\n")
            await fixture.queue.end(lease)


def main(arguments: Sequence[str]) -> int:
    """Run on both databases, print a line for each, and return 1 where a promise was broken."""
    parser = argparse.ArgumentParser("make campaign queue", description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--workers", type=int, default=4, help="processes that carry out runs")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    values = {"runs": options.runs, "kills": options.kills, "workers": options.workers, "seed": options.seed}
    reports: dict[str, QueueReport] = {}
    with TemporaryDirectory() as name:
        reports["SQLite"] = run_with_kills(str(Path(name) / "home" / "ledger.db"), Path(name), **values)
    if programs := find_postgresql():
        with TemporaryDirectory() as name, run_postgresql(programs) as server:
            location = f"{server.url} options=-csearch_path=kills"
            reports["PostgreSQL"] = run_with_kills(location, Path(name), **values)
    else:
        print(f"PostgreSQL was not tried: {MISSING_REASON}")
    for database, report in reports.items():
        print(
            f"{database}: {report.runs} runs, {report.kills} kills, {report.taken_over} taken over, "
            f"{report.seconds:.0f} s, seed {options.seed}: {'; '.join(report.faults) or 'as promised'}"
        )
    return int(any(report.faults for report in reports.values()))


if __name__ == "__main__":
    if sys.argv[1] == "--work":
        asyncio.run(_work(sys.argv[2], Path(sys.argv[3])))
    sys.exit(main(sys.argv[1:]))
