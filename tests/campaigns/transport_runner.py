"""One run of the campaign `transports`: events over a real broker, while it and the workers are killed."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from semantest_iac.application.queries.projection import deployment_id_of
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.status import DEPLOYMENT_REJECTED, TERMINAL_EVENT_TYPES
from semantest_iac_events.triggers import ServiceDeploymentNeeded
from tests.broker_clients import BrokerClient
from tests.brokers import PASSWORD
from tests.campaigns.interrupted_home import find_chain_faults

STACKS = 8
_WINDOW = 30  # events that may overtake each other
_BETWEEN = timedelta(seconds=0.25)  # so that some are older than an accepted one by more than is tolerated
_DUPLICATES = 0.1
_POISON_EVERY = 200
_WORKERS = 2
_ACCEPTED = frozenset({"infrastructure.deployment.requested"})
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class TransportJob:
    """How many events, and what is drawn. `kills` of the broker, and as many of workers."""

    events: int
    seed: int
    kills: int = 2
    limit_s: float = 3600.0


@dataclass
class TransportReport:
    """What was seen; `faults` is empty where every promise held."""

    sent: int = 0
    poison: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    broker_kills: int = 0
    worker_kills: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        outcomes = ", ".join(f"{count} {name}" for name, count in self.outcomes.most_common())
        kills = f"broker killed {self.broker_kills} times, workers {self.worker_kills} times"
        return f"{self.sent} messages, {self.poison} of them poison; {kills}; {outcomes}; {self.seconds:.0f} s"


def build_messages(job: TransportJob) -> tuple[list[bytes], list[bytes]]:
    """Return all messages in the order in which they are sent, and the poison among them."""
    draw, began = random.Random(job.seed), datetime.now(UTC) - job.events * _BETWEEN
    keyed: list[tuple[float, bytes]] = []
    for number in range(job.events):
        body = _write_event(number, began + number * _BETWEEN)
        keyed.append((number + draw.uniform(0, _WINDOW), body))
        if draw.random() < _DUPLICATES:
            keyed.append((number + draw.uniform(0, 10 * _WINDOW), body))
    poison = [b"\xff{no event %d" % number for number in range(max(1, job.events // _POISON_EVERY))]
    keyed += [(draw.uniform(0, job.events), body) for body in poison]
    return [body for _, body in sorted(keyed)], poison


def _write_event(number: int, at: datetime) -> bytes:
    """Return a ServiceDeploymentNeeded: every second one as CloudEvent, the others as Semantest's server has them."""
    correlation, component = f"c-{number:05}", f"api-{number % STACKS}"
    data = {
        "service_type": component,
        "environment": "development",
        "service_config": {"environment": {"ROUND": str(number)}},
    }
    moment = at.isoformat().replace("+00:00", "Z")
    if number % 2:
        form: dict[str, Any] = {
            "specversion": "1.0",
            "id": f"e-{number}",
            "source": "/campaign",
            "type": ServiceDeploymentNeeded.type_name,
            "time": moment,
            "correlationid": correlation,
            "data": data,
        }
    else:
        form = {
            "eventId": f"e-{number}",
            "eventType": "ServiceDeploymentNeeded",
            "aggregateId": component,
            "timestamp": moment,
            "payload": data,
            "metadata": {"correlationId": correlation, "timestamp": moment, "version": 1},
        }
    return json.dumps(form).encode()


class _Workers:
    """Real worker processes of one home."""

    def __init__(self, folder: Path, section: Mapping[str, Any]) -> None:
        self._folder = folder
        components = {f"api-{number}": {"type": "rest-api"} for number in range(STACKS)}
        source = {**section, "password": "${secrets.broker}"}
        configuration = {"components": components, "event_sources": {"core": source}}
        (folder / "semantest.yaml").write_text(json.dumps(configuration), encoding="utf-8")
        self._processes = [self._start() for _ in range(_WORKERS)]

    def kill_one(self, draw: random.Random) -> None:
        """Kill a worker, and start another one in its place."""
        victim = draw.randrange(len(self._processes))
        self._processes[victim].kill()
        self._processes[victim].wait()
        self._processes[victim] = self._start()

    def find_ended(self) -> list[str]:
        """Return what is wrong with workers that ended although nobody killed them."""
        return [f"a worker ended with {it.returncode}" for it in self._processes if it.poll() is not None]

    def end(self) -> None:
        """End all of them, as a person would; those that do not are killed."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        path = os.pathsep.join((str(_ROOT), str(_ROOT / "events")))
        variables = {
            "PYTHONPATH": path,
            "SEMANTEST_HOME": str(self._folder / "home"),
            "SEMANTEST_REQUEST_LIMIT": "off",
            "SEMANTEST_SECRET_BROKER": PASSWORD,
        }
        with (self._folder / "workers.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "semantest_iac", "worker", "--slots", "2"],
                cwd=self._folder,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


class _Answers:
    """What the ledger says of each correlation id; reads on from where it was."""

    def __init__(self, home: Path) -> None:
        self._ledger = Application(home).ledger
        self._position = 0
        self.deployments: dict[str, set[str]] = defaultdict(set)
        self.ends: dict[str, list[tuple[str, str]]] = defaultdict(list)

    def read(self) -> int:
        """Return for how many correlation ids there is a terminal event."""
        for recorded in self._ledger.log(self._position):
            self._position = recorded.position
            if recorded.type in _ACCEPTED or recorded.type in TERMINAL_EVENT_TYPES:
                event = recorded.event
                correlation, deployment = str(event.get("correlationid")), str(deployment_id_of(event))
                if recorded.type in TERMINAL_EVENT_TYPES:
                    self.ends[correlation].append((recorded.type, deployment))
                else:
                    self.deployments[correlation].add(deployment)
        return len(self.ends)

    def find_faults(self, expected: Sequence[str]) -> Iterator[str]:
        """Yield what was lost or doubled."""
        lost = [it for it in expected if it not in self.ends]
        doubled = [it for it in expected if len(self.deployments[it]) > 1 or len(self.ends[it]) > 1]
        unknown = [it for it in self.ends if it not in set(expected)]
        for name, found in (("have no answer", lost), ("were taken twice", doubled), ("nobody sent", unknown)):
            if found:
                yield f"{len(found)} events {name}: {', '.join(found[:5])}"

    def count_outcomes(self) -> Counter[str]:
        """Count by the last word of the terminal event's type."""
        return Counter(ends[0][0].rpartition(".")[2] for ends in self.ends.values())


async def run_transport_job(client: BrokerClient, job: TransportJob, folder: Path) -> TransportReport:
    """Send all messages, kill broker and workers meanwhile, and check the ledger when everything was answered."""
    draw, began, report = random.Random(job.seed), time.monotonic(), TransportReport()
    messages, poison = build_messages(job)
    expected = [f"c-{number:05}" for number in range(job.events)]
    await client.create()
    answers = _Answers(folder / "home")
    with _ending(_Workers(folder, client.source_section.model_dump(exclude_unset=True))) as workers:
        sending = asyncio.create_task(_send_all(client, messages, report))
        try:
            await _kill_until_answered(client, workers, answers, job, report, draw)
            report.faults += [*await _find_unacknowledged(client), *workers.find_ended()]
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending
    answers.read()
    report.poison, report.outcomes = len(poison), answers.count_outcomes()
    report.faults += [*answers.find_faults(expected), *_find_home_faults(folder / "home", poison)]
    report.seconds = time.monotonic() - began
    return report


@contextmanager
def _ending(workers: _Workers) -> Iterator[_Workers]:
    try:
        yield workers
    finally:
        workers.end()


async def _send_all(client: BrokerClient, messages: Sequence[bytes], report: TransportReport) -> None:
    """Send each message until the broker has confirmed it; what was sent and not confirmed is sent again."""
    waiting = list(reversed(messages))
    while waiting:
        with suppress(Exception):  # the broker was killed; it is back soon
            async with client.sending() as send:
                while waiting:
                    async with asyncio.timeout(10):
                        await send(waiting[-1], {})
                    waiting.pop()
                    report.sent += 1
        await asyncio.sleep(0.2)


async def _kill_until_answered(
    client: BrokerClient,
    workers: _Workers,
    answers: _Answers,
    job: TransportJob,
    report: TransportReport,
    draw: random.Random,
) -> None:
    """Kill at moments that are drawn in steps of progress, and return when all events have their answer.

    The broker is killed first when half of the messages are sent.
    """
    share = job.events / (job.kills + 1)
    broker_at = [0.0, *sorted(draw.uniform(share, job.events * 0.95) for _ in range(job.kills - 1))]
    worker_at = sorted(draw.uniform(1, job.events * 0.9) for _ in range(job.kills))
    deadline = time.monotonic() + job.limit_s
    while (answered := await asyncio.to_thread(answers.read)) < job.events:
        if time.monotonic() > deadline:
            report.faults.append(f"{job.events - answered} events had no answer after {job.limit_s:.0f} s")
            return
        if broker_at and answered >= broker_at[0] and report.sent >= job.events / 2:
            broker_at.pop(0)
            report.broker_kills += 1
            client.server.kill()
            await asyncio.to_thread(client.server.start)
        if worker_at and answered >= worker_at[0]:
            worker_at.pop(0)
            report.worker_kills += 1
            await asyncio.to_thread(workers.kill_one, draw)
        await asyncio.sleep(0.2)


async def _find_unacknowledged(client: BrokerClient) -> list[str]:
    """Return what the broker still has to deliver, when it had time to deliver it."""
    left = -1
    for _ in range(300):
        left = await client.count_waiting()
        if left == 0:
            return []
        await asyncio.sleep(0.2)
    return [f"the broker still has {left} messages to deliver"]


def _find_home_faults(home: Path, poison: Sequence[bytes]) -> Iterator[str]:
    application = Application(home)
    ledger: Any = application.ledger
    yield from find_chain_faults(ledger)
    if waiting := application.run_queue.list_runs():
        yield f"{len(waiting)} requests are still queued"
    letters = Counter(letter.body for letter in application.dead_letters.list())
    if letters.keys() != {*poison}:
        yield f"{len(letters)} bodies are dead letters, {len(poison)} were poison"
    if not all(row.state == "completed" for row in _newest(application)):
        yield "the newest deployment of a stack is not completed"


def _newest(application: Application) -> list[Any]:
    """The last deployment of each stack that was not refused."""
    newest: dict[str, Any] = {}
    for row in application.ledger.deployments():
        if row.state != DEPLOYMENT_REJECTED.rpartition(".")[2]:
            newest.setdefault(row.stack, row)
    return list(newest.values())
