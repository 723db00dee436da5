"""Events from real brokers, beside the plain client of each: one consumer, one message after the other.

`accept` is from the broker to the durable intent: read, judged, committed, acknowledged. The plain client only
reads the same messages, those of NATS and RabbitMQ with an acknowledgement. `start` is from before the event is sent
until a real worker, with nothing else to do, has recorded that its deployment started; beside it, the same from the way
in of `deploy --detach`.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

from semantest_iac.application.intake.source_rules import LIMIT_VARIABLE
from semantest_iac.application.ports.event_transports import ReceivedMessage
from semantest_iac.application.ports.ledger import LedgerReader
from semantest_iac.application.ports.run_queue import FIRST_COME
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.transports.brokers.connections import silence_loggers
from semantest_iac.presentation.subscribers.subscriber import EventSubscriber
from tests.broker_clients import BROKER_CLIENTS, BrokerClient, NatsClient, Sent
from tests.brokers import PASSWORD, find_program, run_broker

_EVENTS, _TURNS = 200, 3
_STARTS = 7
_STACKS = 8
_PACKAGE = "semantest_iac.infrastructure.transports.brokers"
_ROOT = Path(__file__).parents[1]
_STARTED = "infrastructure.deployment.started"
_COMPLETED = "infrastructure.deployment.completed"
Row = dict[str, Any]


def rows() -> Iterator[Row]:
    """Accepted events of each broker that is here, then how soon a deployment starts."""
    os.environ[LIMIT_VARIABLE] = "off"  # it is a limit, and no part of the time
    silence_loggers("aiokafka", "aiormq", "nats")
    for kind in BROKER_CLIENTS:
        if find_program(kind.kind.program):
            with run_broker(kind.kind) as server:
                turns = [asyncio.run(_accept_in_turns(kind(server), kind(server))) for _ in range(_TURNS + 1)]
            row = _row(f"{kind.opener}: accept one of {_EVENTS}", turns[1:])
            yield {**row, "a second": f"{1 / row['ours']:.0f}", "plain client": f"{1 / row['comparison']:.0f}"}
    if find_program(NatsClient.kind.program):
        with run_broker(NatsClient.kind) as server, tempfile.TemporaryDirectory() as folder:
            yield _row("nats: start", asyncio.run(_start_in_turns(NatsClient(server), Path(folder))))


def _row(what: str, times: Sequence[tuple[float, float]]) -> Row:
    ours, comparison = (median(column) for column in zip(*times, strict=True))
    return {"what": what, "ours": ours, "comparison": comparison, "ratio": ours / comparison, "n": len(times)}


async def _accept_in_turns(client: BrokerClient, plain: BrokerClient) -> tuple[float, float]:
    """Return the seconds for each event, of our source and of the plain client."""
    messages: list[Sent] = [(_write_event(number, f"c-{number}"), {}) for number in range(_EVENTS)]
    for each in (client, plain):
        await each.create()
        await each.send(messages)
    with tempfile.TemporaryDirectory() as folder:
        ours = await _accept_all(client, Path(folder))
    began = perf_counter()
    await plain.read(_EVENTS)
    return ours / _EVENTS, (perf_counter() - began) / _EVENTS


async def _accept_all(client: BrokerClient, folder: Path) -> float:
    """Return the seconds from the first message to the last one that was taken."""
    application = Application(folder / "home")
    bus = application.event_bus({}, file=_write_configuration(folder))
    subscriber, stopped = EventSubscriber(bus, application.dead_letters, str), asyncio.Event()
    times: list[float] = []

    async def take(message: ReceivedMessage) -> None:
        times.append(perf_counter())
        await subscriber.take(message)
        if len(times) == _EVENTS:
            times.append(perf_counter())
            stopped.set()

    source = import_module(f"{_PACKAGE}.{client.opener}").open_source("core", client.source_section, None)
    await source.receive(take, stopped)
    return times[-1] - times[0]


def _write_event(number: int, correlation: str) -> bytes:
    payload = {"serviceType": f"api-{number % _STACKS}", "environment": "development"}
    form = {"eventType": "ServiceDeploymentNeeded", "eventId": uuid4().hex, "payload": payload}
    return json.dumps({**form, "metadata": {"correlationId": correlation}}).encode()


def _write_configuration(folder: Path, **sources: Any) -> Path:
    path = folder / "semantest.yaml"
    components = {f"api-{number}": {"type": "rest-api"} for number in range(_STACKS)}
    path.write_text(json.dumps({"components": components, "event_sources": sources}), encoding="utf-8")
    return path


async def _start_in_turns(client: BrokerClient, folder: Path) -> list[tuple[float, float]]:
    """Return the seconds until a deployment has started, by an event and by a command."""
    await client.create()
    section = client.source_section.model_dump(exclude_unset=True) | {"password": "${secrets.broker}"}
    _write_configuration(folder, core=section)
    application, stack = Application(folder / "home"), Stack("api-0", "aws", "development", "us-east-1")
    deployments = application.deployments({})
    times = []
    with _working(folder):
        for turn in range(_STARTS + 1):
            began = perf_counter()
            await client.send([(_write_event(0, f"start-{turn}"), {})])
            by_event = await _wait_for(application.ledger, 2 * turn + 1, _STARTED) - began
            await _wait_for(application.ledger, 2 * turn + 1, _COMPLETED)
            began = perf_counter()
            await deployments.deploy(stack, {"components": {"api-0": {"type": "rest-api"}}}, detach=FIRST_COME)
            by_command = await _wait_for(application.ledger, 2 * turn + 2, _STARTED) - began
            await _wait_for(application.ledger, 2 * turn + 2, _COMPLETED)
            times.append((by_event, by_command))
    return times[1:]


@contextmanager
def _working(folder: Path) -> Iterator[None]:
    variables = {
        "PYTHONPATH": f"{_ROOT}{os.pathsep}{_ROOT / 'events'}",
        "SEMANTEST_HOME": str(folder / "home"),
        "SEMANTEST_SECRET_BROKER": PASSWORD,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "semantest_iac", "worker"],
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as worker:
        try:
            yield
        finally:
            worker.kill()


async def _wait_for(ledger: LedgerReader, count: int, type_: str) -> float:
    """Return when the ledger has so many events of the type."""
    while sum(recorded.type == type_ for recorded in ledger.log()) < count:  # noqa: ASYNC110  # another process's
        await asyncio.sleep(0.002)
    return perf_counter()
