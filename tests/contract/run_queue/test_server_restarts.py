"""A PostgreSQL that crashes and starts again: nothing that was accepted is lost, and nothing stays stuck."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Sequence
from uuid import uuid4

import pytest

from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.databases.database import DatabaseConnection
from semantest_iac.infrastructure.databases.postgresql import PostgresqlDatabase
from tests.postgresql_server import PostgresqlServer
from tests.run_queues import QueueFixture, open_database


async def test_keeps_what_was_accepted_and_goes_on(postgresql: PostgresqlServer) -> None:
    database = open_database(f"{postgresql.url} options=-csearch_path=test_{uuid4().hex}")
    fixture = QueueFixture(database)
    await fixture.submit("d1")
    lease = await fixture.take()
    postgresql.stop(signal.SIGQUIT)

    with pytest.raises(LedgerError, match="Cannot write to the ledger in PostgreSQL: ") as lost:
        await fixture.submit("d2")
    with pytest.raises(LedgerError):
        fixture.queue.list_runs()
    postgresql.start()

    assert (lost.value.error_code, lost.value.retryable) == ("LEDGER_UNREACHABLE", True)
    assert await fixture.queue.renew(lease, 60) is False
    await fixture.submit("d2")
    assert fixture.log() == ["requested d1", "requested d2"]
    assert [run.state for run in fixture.queue.list_runs()] == ["running", "waiting"]
    database.close()


async def test_notices_a_server_that_is_frozen(postgresql: PostgresqlServer) -> None:
    database = PostgresqlDatabase(postgresql.url, f"test_{uuid4().hex}", answer_timeout_s=1)
    fixture = QueueFixture(database)
    await fixture.submit("d1")
    with postgresql.freeze():
        with pytest.raises(LedgerError, match="the server does not answer") as unread:
            fixture.queue.list_runs()
        with pytest.raises(LedgerError, match="the server does not answer"):
            await fixture.submit("d2")

    assert (unread.value.error_code, unread.value.retryable) == ("LEDGER_UNREACHABLE", True)
    assert [run.deployment for run in fixture.queue.list_runs()][:1] == ["d1"]  # d2 may have been committed
    database.close()


async def test_tries_nothing_again_where_the_connection_is_lost(postgresql: PostgresqlServer) -> None:
    """What shares a transaction fails with it: each change by itself would wait for the same server in turn."""
    database = PostgresqlDatabase(postgresql.url, f"test_{uuid4().hex}")
    begun, go_on, calls = threading.Event(), threading.Event(), list[list[int]]()

    def wait(connection: DatabaseConnection) -> None:
        begun.set()
        assert go_on.wait(60)

    def lose_connection(connection: DatabaseConnection, numbers: Sequence[int]) -> list[int]:
        calls.append(list(numbers))
        connection.execute("select pg_terminate_backend(pg_backend_pid())")
        return list(numbers)

    first = asyncio.ensure_future(database.commit("write to", wait))
    await asyncio.to_thread(begun.wait, 60)
    waiting = [database.commit_together("write to", lose_connection, number) for number in range(3)]
    together = asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.sleep(0)
    go_on.set()
    await first

    assert {getattr(it, "error_code", it) for it in await together} == {"LEDGER_UNREACHABLE"}
    assert calls == [[0, 1, 2]]
    assert await database.commit("write to", lambda connection: connection.execute("select 1")) == [(1,)]
    database.close()


async def test_names_what_is_wrong_with_the_url(postgresql: PostgresqlServer) -> None:
    fixture = QueueFixture(open_database(postgresql.url.replace("dbname=postgres", "dbname=missing")))

    with pytest.raises(LedgerError, match='PostgreSQL: database "missing" does not exist') as refused:
        await fixture.submit("d1")

    assert (refused.value.error_code, refused.value.retryable) == ("LEDGER_REFUSED", False)


async def test_ends_the_transaction_of_a_writer_that_is_paused(postgresql: PostgresqlServer) -> None:
    location = f"{postgresql.url} options=-csearch_path=test_{uuid4().hex}"
    paused, fixture = open_database(location), QueueFixture(open_database(location))
    await fixture.submit("d1")

    with pytest.raises(LedgerError) as lost, paused.change("write to") as connection:
        looking = QueueFixture(open_database(location))
        assert [run.deployment for run in looking.queue.list_runs()] == ["d1"]  # who only reads waits for nobody
        looking.database.close()
        await fixture.submit("d2")  # waits until the server gives up on the other one
        connection.execute("update runs set state = 'ended'")

    assert (lost.value.error_code, lost.value.retryable) == ("LEDGER_UNREACHABLE", True)
    assert [run.state for run in fixture.queue.list_runs()] == ["waiting", "waiting"]
    with paused.change("write to") as connection:
        assert connection.execute("select count(*) from runs") == [(2,)]
    for database in (paused, fixture.database):
        database.close()
