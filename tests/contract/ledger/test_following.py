"""Following every kind of ledger: each event comes once and in order, whatever other processes do."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from semantest_iac.application.ports.ledger import Ledger, NewEvent, RecordedEvent
from semantest_iac.application.queries.following import follow_deployment, follow_log
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from tests.fakes.memory_ledger import STACK, MemoryLedger, a_deploy
from tests.postgresql_server import PostgresqlServer
from tests.run_queues import open_database

OTHER = "websocket.azure.staging.westeurope"
_APPENDER = Path(__file__).with_name("appender.py")


async def take(ledger: Ledger, count: int, after: int = 0) -> list[RecordedEvent]:
    """Follow until so many events have come."""
    found: list[RecordedEvent] = []
    async with aclosing(follow_log(ledger, after)) as batches:
        async for batch in batches:
            found += batch
            if len(found) >= count:
                break
    return found


class FollowingContract:
    """What followers of every ledger rely on; a subclass provides the `ledger`."""

    async def test_yields_what_is_there_and_what_comes(self, ledger: Ledger) -> None:
        await ledger.append("a", 0, [NewEvent("x", "{}"), NewEvent("y", "{}")])
        following = asyncio.create_task(take(ledger, 5))
        for version in range(3):
            await asyncio.sleep(0.01)
            await ledger.append("b", version, [NewEvent(str(version), "{}")])

        assert await following == list(ledger.log())

    async def test_starts_in_the_middle(self, ledger: Ledger) -> None:
        await ledger.append("a", 0, [NewEvent(str(number), "{}") for number in range(1, 6)])

        assert [row.position for row in await take(ledger, 2, after=3)] == [4, 5]

    async def test_waits_for_a_ledger_that_is_not_there_yet(self, ledger: Ledger) -> None:
        following = asyncio.create_task(take(ledger, 1))
        await asyncio.sleep(0.05)
        await ledger.append("a", 0, [NewEvent("x", "{}")])

        assert [row.position for row in await following] == [1]

    async def test_reads_a_log_of_many_pages(self, ledger: Ledger) -> None:
        await ledger.append("a", 0, [NewEvent("x", "{}")] * 1201)

        assert [row.position for row in await take(ledger, 1201)] == list(range(1, 1202))

    async def test_follows_a_deployment_to_its_end(self, ledger: Ledger) -> None:
        events = a_deploy("d1")
        await ledger.append(STACK, 0, events[:1])

        async def follow() -> list[str]:
            return [row.type async for row in follow_deployment(ledger, "d1")]

        following = asyncio.create_task(follow())
        for event in events[1:]:
            await ledger.append(STACK, None, [event])
            await ledger.append(OTHER, None, [NewEvent("x", "{}")])

        assert await following == [event.type for event in events]

    async def test_ends_with_a_deployment_that_has_ended_before(self, ledger: Ledger) -> None:
        await ledger.append(STACK, 0, [*a_deploy("d1"), *a_deploy("d2")])

        assert len([row async for row in follow_deployment(ledger, "d1")]) == len(a_deploy())


class ProcessContract(FollowingContract):
    """What followers of ledgers that processes share rely on; a subclass provides the `location` too."""

    async def test_loses_and_doubles_nothing_while_four_processes_append(self, ledger: Ledger, location: str) -> None:
        following = [asyncio.create_task(take(ledger, 100)) for _ in range(2)]
        async with _appending(location, "abcd", 25):
            found = [await asyncio.wait_for(each, 60) for each in following]

        log = list(ledger.log())
        assert ([len(log), *map(len, found)], found) == ([100, 100, 100], [log, log])


class TestMemoryLedger(FollowingContract):
    @pytest.fixture
    def ledger(self) -> Ledger:
        return MemoryLedger()


class TestSqliteLedger(ProcessContract):
    @pytest.fixture
    def location(self, home: Path) -> str:
        return str(home / "ledger.db")

    @pytest.fixture
    def ledger(self, location: str) -> Iterator[Ledger]:
        yield from _open(location)

    async def test_goes_on_with_a_file_that_was_restored(self, ledger: SqlLedger, home: Path) -> None:
        await ledger.append("a", 0, [NewEvent("x", "{}")])
        ledger.close()
        file, backup = home / "ledger.db", (home / "ledger.db").read_bytes()
        following = asyncio.create_task(take(ledger, 2))
        await asyncio.sleep(0.2)
        file.unlink()
        file.write_bytes(backup)
        await ledger.append("a", 1, [NewEvent("y", "{}")])

        assert [row.type for row in await asyncio.wait_for(following, 30)] == ["x", "y"]


class TestPostgresqlLedger(ProcessContract):
    @pytest.fixture
    def location(self, postgresql: PostgresqlServer) -> str:
        return f"{postgresql.url} options=-csearch_path=test_{uuid4().hex}"

    @pytest.fixture
    def ledger(self, location: str) -> Iterator[Ledger]:
        yield from _open(location)

    async def test_goes_on_when_the_server_comes_back(
        self, ledger: Ledger, location: str, postgresql: PostgresqlServer
    ) -> None:
        following = asyncio.create_task(take(ledger, 60))
        async with _appending(location, "ab", 30):
            await take(ledger, 10)
            postgresql.stop(signal.SIGQUIT)
            await asyncio.sleep(0.5)
            postgresql.start()
            found = await asyncio.wait_for(following, 60)

        assert found == list(ledger.log())

    async def test_is_woken_by_the_commit(self, ledger: Ledger) -> None:
        await ledger.append("a", 0, [NewEvent("x", "{}")])
        async with ledger.watch() as watch:
            await watch.wait(60)  # begins to listen
            waiting = asyncio.create_task(watch.wait(3600))
            await ledger.append("a", 1, [NewEvent("y", "{}")])

            await asyncio.wait_for(waiting, 60)


def _open(location: str) -> Iterator[Ledger]:
    ledger = SqlLedger(open_database(location))
    yield ledger
    ledger.close()


@asynccontextmanager
async def _appending(location: str, streams: str, count: int) -> AsyncIterator[None]:
    """Run one process for each stream, and wait until all have ended well."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, str(_APPENDER), location, stream, str(count), env=environment
        )
        for stream in streams
    ]
    try:
        yield
        assert [await each.wait() for each in processes] == [0] * len(processes)
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                await process.wait()
