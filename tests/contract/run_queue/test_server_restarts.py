"""A PostgreSQL that crashes and starts again: nothing that was accepted is lost, and nothing stays stuck."""

from __future__ import annotations

import signal
from uuid import uuid4

import pytest

from semantest_iac.domain.errors import LedgerError
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


async def test_names_what_is_wrong_with_the_url(postgresql: PostgresqlServer) -> None:
    fixture = QueueFixture(open_database(postgresql.url.replace("dbname=postgres", "dbname=missing")))

    with pytest.raises(LedgerError, match='PostgreSQL: database "missing" does not exist') as refused:
        await fixture.submit("d1")

    assert (refused.value.error_code, refused.value.retryable) == ("LEDGER_REFUSED", False)
