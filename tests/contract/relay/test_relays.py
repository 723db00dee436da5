"""Relays of several processes on one ledger, on each database: one publishes, others take over when it is killed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from semantest_iac.application.deployment.recorder import encode_event
from semantest_iac.infrastructure.databases.database import Database
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from semantest_iac.infrastructure.transports.records.relay_lease_table import RelayLeaseTable
from semantest_iac_events.deployments import DeploymentRequested

_LIMIT_S = 120.0
Start = Callable[[str, int], subprocess.Popen[bytes]]


@pytest.fixture
def published(tmp_path: Path) -> Path:
    return tmp_path / "published"


@pytest.fixture
def start(location: str, published: Path) -> Iterator[Start]:
    """Starts a process that relays; all of them are killed at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def run(name: str, count: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.contract.relay.relay_process", location, str(published), name]
        started.append(subprocess.Popen([*command, str(count)]))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait(_LIMIT_S)


async def _record(database: Database, numbers: range) -> None:
    place: dict[str, Any] = {"provider": "aws", "environment": "development", "region": "us-east-1"}
    requests = [DeploymentRequested(id=UUID(int=number), component="rest-api", **place) for number in numbers]
    await SqlLedger(database).append(requests[0].stack, None, [encode_event(request, str) for request in requests])


def _read(published: Path) -> list[tuple[str, int, str]]:
    """Process, number of the event and body of each whole line."""
    text = published.read_text(encoding="utf-8") if published.exists() else ""
    parts = (line.split(" ", 2) for line in text.splitlines(keepends=True) if line.endswith("\n"))
    return [(process, UUID(id_).int, body) for process, id_, body in parts]


def _count(published: Path, process: str) -> int:
    return len([by for by, *_ in _read(published) if by == process])


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_LIMIT_S):
        while not condition():  # noqa: ASYNC110 - other processes set no event
            await asyncio.sleep(0.02)


async def test_nothing_is_lost_when_relays_are_killed(database: Database, start: Start, published: Path) -> None:
    await _record(database, range(1, 301))
    for name, count in (("first", 1), ("second", 70), ("third", 130)):  # positions are saved after 100 messages
        process = start(name, count)
        await _until(lambda name=name, count=count: _count(published, name) == count)  # type: ignore[misc]
        process.kill()
        process.wait(_LIMIT_S)
    start("last", 0)
    await _until(lambda: {number for _, number, _ in _read(published)} == set(range(1, 301)))

    lines = _read(published)
    assert list(dict.fromkeys(number for _, number, _ in lines)) == list(range(1, 301))
    assert len({body for *_, body in lines}) == 300, "the same message each time"
    for name, first, count in (("first", 1, 1), ("second", 1, 70), ("third", 1, 130), ("last", 101, 200)):
        assert [number for by, number, _ in lines if by == name] == list(range(first, first + count)), name


async def test_one_relay_at_a_time_publishes(database: Database, start: Start, published: Path) -> None:
    for name in ("first", "second", "third"):
        start(name, 0)
    for number in range(1, 61):
        await _record(database, range(number, number + 1))
    await _until(lambda: len(_read(published)) >= 60)

    lines = _read(published)
    assert [number for _, number, _ in lines] == list(range(1, 61))
    assert len({by for by, *_ in lines}) == 1


async def test_a_position_is_saved_before_the_relay_rests(database: Database, start: Start, published: Path) -> None:
    leases = RelayLeaseTable(database)
    start("first", 0)
    await _record(database, range(1, 4))

    await _until(lambda: leases.read_position("lines") == "3")

    assert [number for _, number, _ in _read(published)] == [1, 2, 3]
