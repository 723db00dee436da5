from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from semantest_iac.infrastructure.databases.database import Database
from tests.postgresql_server import MISSING_REASON, PostgresqlServer, find_postgresql, run_postgresql
from tests.run_queues import open_database


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    programs = find_postgresql()
    if programs is None:
        pytest.skip(MISSING_REASON)
    with run_postgresql(programs) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, home: Path) -> str:
    """Where a database is, as processes are told: the path of a file, or URL and schema of an empty one."""
    if request.param == "sqlite":
        return str(home / "ledger.db")
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return f"{server.url} options=-csearch_path=test_{uuid4().hex}"


@pytest.fixture
def database(location: str) -> Iterator[Database]:
    opened = open_database(location)
    yield opened
    opened.close()
