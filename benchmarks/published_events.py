"""The relay from the ledger to targets, beside the bare loop that reads the same rows and hands them over.

The relay reads, selects and renders events, keeps a lease, and saves its position after every hundred messages; the
bare loop reads JSON from the file and publishes it, with no form, no lease and no position. Both publish one message
after the other, each acknowledged: to a target in memory, to a webhook on loopback, which the relay signs, and to NATS
JetStream.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from functools import partial
from itertools import count, islice
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

from semantest_iac.application.deployment.recorder import encode_event
from semantest_iac.application.ports.event_transports import EventTarget, PublishedMessage, PublishMessage
from semantest_iac.application.relay.messages import MessageRenderer, RenderForm, render_cloudevent, render_semantest
from semantest_iac.application.relay.relay import Relay, RelaySettings
from semantest_iac.application.relay.selection import PublishedSelection
from semantest_iac.application.relay.service_outcomes import build_cdevents_renderer
from semantest_iac.domain.environments.event_sections import EventTargetSection
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
from semantest_iac.infrastructure.transports.brokers.nats import open_target as open_nats_target
from semantest_iac.infrastructure.transports.http.webhook_target import open_target as open_webhook_target
from semantest_iac.infrastructure.transports.records.dead_letter_table import DeadLetterTable
from semantest_iac.infrastructure.transports.records.relay_lease_table import RelayLeaseTable
from semantest_iac_events.deployments import DeploymentRequested
from tests.brokers import PASSWORD, USERNAME, NatsServer, run_broker
from tests.webhook_receiver import ScriptedReceiver, serving_receiver

_EVENTS = 100_000
_SENT = 5_000
_SUBJECT = "infrastructure.events"
_SECRET = "benchmark-secret-0123456789"
_NAMES = (f"target-{number}" for number in count())
OpenBare = Callable[[], AbstractAsyncContextManager[Callable[[bytes], Awaitable[object]]]]


def rows() -> list[dict[str, Any]]:
    """Measure the relay of a backlog."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = SqliteLedger(Path(folder, "ledger.db"))
        with closing(ledger), asyncio.Runner() as runner:
            for first in range(0, _EVENTS, 2_000):
                runner.run(ledger.append("rest-api.aws", None, [_event(first + it) for it in range(2_000)]))
            measured = list(_measure(ledger, Path(folder, "ledger.db"), runner))
    return measured


REMARK = """A target in memory costs nothing, so that its rows are the relay's own time for each event; CDEvents has no
word for requests, so that they are skipped. `memory` is what the process grew by while it went through the backlog."""


def _measure(ledger: SqliteLedger, file: Path, runner: asyncio.Runner) -> Iterator[dict[str, Any]]:
    forms: list[tuple[str, RenderForm]] = [
        ("CloudEvents", render_cloudevent),
        ("Semantest's form", render_semantest),
        ("CDEvents, all skipped", build_cdevents_renderer(ledger)),
    ]
    for name, render in forms:
        before = _read_memory()
        ours = runner.run(_time_relay(ledger, partial(_MemoryTarget, next(_NAMES)), render, _EVENTS))
        grown = _read_memory() - before
        bare = runner.run(_time_bare(file, _open_nothing, _EVENTS))
        yield _row(f"target in memory, {name}", ours, bare, _EVENTS) | {"memory": f"{max(0, grown) / 1024:.0f} MB"}
    yield runner.run(_measure_webhook(ledger, file))
    if shutil.which("nats-server") or Path("/usr/sbin/nats-server").exists():
        with run_broker(NatsServer) as server:
            yield runner.run(_measure_nats(ledger, file, server.url))


async def _measure_webhook(ledger: SqliteLedger, file: Path) -> dict[str, Any]:
    import aiohttp

    async with serving_receiver(ScriptedReceiver()) as url:

        @asynccontextmanager
        async def open_bare() -> AsyncIterator[Callable[[bytes], Awaitable[object]]]:
            async with aiohttp.ClientSession() as session:

                async def post(body: bytes) -> None:
                    async with session.post(url, data=body) as response:
                        await response.read()

                yield post

        section = EventTargetSection(type="webhook", url=url, secret=_SECRET)
        ours = await _time_relay(ledger, lambda: open_webhook_target(next(_NAMES), section), render_cloudevent, _SENT)
        return _row("webhook on loopback, CloudEvents", ours, await _time_bare(file, open_bare, _SENT), _SENT)


async def _measure_nats(ledger: SqliteLedger, file: Path, url: str) -> dict[str, Any]:
    import nats

    settings = {"url": url, "username": USERNAME, "password": PASSWORD, "stream": "BENCH", "subject": _SUBJECT}
    section = EventTargetSection.model_validate({"type": "nats", **settings})

    @asynccontextmanager
    async def open_bare() -> AsyncIterator[Callable[[bytes], Awaitable[object]]]:
        client = await nats.connect(url, user=USERNAME, password=PASSWORD)
        yield partial(client.jetstream().publish, _SUBJECT)
        await client.close()

    ours = await _time_relay(ledger, lambda: open_nats_target(next(_NAMES), section), render_cloudevent, _SENT)
    return _row("NATS JetStream, CloudEvents", ours, await _time_bare(file, open_bare, _SENT), _SENT)


async def _time_relay(
    ledger: SqliteLedger, open_target: Callable[[], EventTarget], render: RenderForm, events: int
) -> float:
    """Return the seconds until so many of the first events are published, or skipped, and the position is saved."""
    database, target, stopped = ledger.database, open_target(), asyncio.Event()
    leases = RelayLeaseTable(database)
    first_events = _FirstEvents(ledger, events)
    renderer = MessageRenderer(PublishedSelection(), render)
    relay = Relay(
        target,
        first_events,  # type: ignore[arg-type]  # the relay asks for nothing else
        leases,
        DeadLetterTable(database),
        renderer,
        "benchmark",
        RelaySettings(from_start=True),
    )
    started = perf_counter()
    serving = asyncio.create_task(relay.serve(stopped))
    while leases.read_position(target.name) != str(events):  # noqa: ASYNC110 - nothing sets an event
        await asyncio.sleep(0.01)
    took = perf_counter() - started
    stopped.set()
    await serving
    return took


class _FirstEvents:
    """The ledger without what comes after so many events."""

    def __init__(self, ledger: SqliteLedger, events: int) -> None:
        self._ledger = ledger
        self._events = events
        self.head, self.watch, self.find_events = ledger.head, ledger.watch, ledger.find_events

    def log(self, after: int = 0, limit: int | None = None) -> Iterator[Any]:
        remaining = self._events - after
        return islice(self._ledger.log(after, limit), max(0, min(remaining, limit or remaining)))


class _MemoryTarget:
    """Takes everything at once."""

    def __init__(self, name: str) -> None:
        self.name = name

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[PublishMessage]:
        async def publish(message: PublishedMessage) -> None: ...

        yield publish


async def _time_bare(file: Path, open_bare: OpenBare, events: int) -> float:
    """Return the seconds in which the bodies are read and handed over."""
    started = perf_counter()
    async with open_bare() as publish:
        with closing(sqlite3.connect(file)) as connection:
            for (text,) in connection.execute("select json from events order by position limit ?", (events,)):
                await publish(text.encode())
    return perf_counter() - started


@asynccontextmanager
async def _open_nothing() -> AsyncIterator[Callable[[bytes], Awaitable[object]]]:
    async def take(body: bytes) -> None: ...

    yield take


def _row(what: str, ours: float, bare: float, events: int) -> dict[str, Any]:
    return {
        "what": what,
        "ours": f"{ours / events * 1e6:,.0f} µs",
        "bare": f"{bare / events * 1e6:,.1f} µs",
        "ratio": ours / bare,
        "events/s": f"{events / ours:,.0f}",
        "n": f"{events:,}",
    }


def _event(number: int) -> Any:
    place: dict[str, Any] = {"provider": "aws", "environment": "development", "region": f"region-{number % 20}"}
    configuration: dict[str, Any] = {"components": {"rest-api": {"memory": 512, "environment": {"LEVEL": "info"}}}}
    request = DeploymentRequested(id=UUID(int=number), component="rest-api", **place, configuration=configuration)
    return encode_event(request, str)


def _read_memory() -> int:
    """Return the resident size of this process in KiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS")))


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
