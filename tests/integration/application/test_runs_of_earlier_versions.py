"""A run that commit 8b55ede has begun is gone on with: its worker was killed in the middle of its resources.

A second request of the same command waits behind it. Of PostgreSQL the archive has what pg_dump wrote.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from semantest_iac.application.intake.deployment_specs import build_spec
from semantest_iac.application.queries.history import is_event_of
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.status import TERMINAL_EVENT_TYPES
from semantest_iac.infrastructure.databases.postgresql import PostgresqlDatabase
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from tests.postgresql_server import MISSING_REASON, find_postgresql, run_postgresql

DATA = Path(__file__).parent / "data"
BEGUN, WAITING = "rest-api.aws.development.us-east-1", "websocket.aws.development.us-east-1"
Restore = Callable[[Path], Application]


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def restore(request: pytest.FixtureRequest) -> Iterator[Restore]:
    """Return what unpacks a home into a folder, with its database."""
    is_sqlite = request.param == "SQLite"
    archive = DATA / f"home-with-begun-run{'' if is_sqlite else '-on-postgresql'}.tar.xz"
    with ExitStack() as exits:

        def unpack(folder: Path) -> Application:
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")
            ledger = None if is_sqlite else _restore_dump(exits, folder / "ledger.sql")
            return Application(folder / ".semantest", ledger=ledger)

        yield unpack


def _restore_dump(exits: ExitStack, dump: Path) -> SqlLedger:
    import psycopg

    programs = find_postgresql()
    if programs is None:
        pytest.skip(MISSING_REASON)
    server = exits.enter_context(run_postgresql(programs))
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(dump.read_bytes())
    ledger = SqlLedger(PostgresqlDatabase(server.url))
    exits.callback(ledger.close)
    return ledger


async def test_ends_well(restore: Restore, tmp_path: Path) -> None:
    application = restore(tmp_path)
    ledger = application.ledger
    before = {run.stack: run.deployment for run in application.run_queue.list_runs()}
    existing = [row.event["data"] for row in ledger.stream(BEGUN) if row.type == "infrastructure.function.deployed"]

    await application.worker({}).run_until_idle()

    assert before.keys() == {BEGUN, WAITING}
    for stack, deployment in before.items():
        types = [row.type for row in ledger.stream(stack) if is_event_of(row, deployment)]
        assert [type_ for type_ in types if type_ in TERMINAL_EVENT_TYPES] == ["infrastructure.deployment.completed"]
        assert types.count("infrastructure.journal.run.resumed") == (stack == BEGUN)
        loaded = application.configuration(folder=tmp_path, environ={})
        spec = build_spec(stack.partition(".")[0], loaded, application)
        use_cases = application.deployments({}, engine=spec.engine)
        plan = (await use_cases.preview(spec.stack, spec.configuration, settings=spec.settings, refresh=True)).plan
        assert (plan.mutations, plan.drift) == ((), ())
    names = {it["function_name"] for it in existing}
    assert names <= {ledger.stack(BEGUN).outputs["function_name"]}
    assert ledger.verify().events > 0
