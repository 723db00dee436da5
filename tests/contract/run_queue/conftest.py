from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from semantest_iac.infrastructure.databases.database import Database
from tests.campaigns.interrupted_home import Target, write_sources
from tests.campaigns.queued_home import QueuedHome
from tests.postgresql_server import PostgresqlServer
from tests.run_queues import open_database


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


@pytest.fixture
def queued_home(location: str, home: Path, tmp_path: Path) -> Iterator[QueuedHome]:
    write_sources(tmp_path / "sources")
    is_file = location.endswith(".db")
    opened = QueuedHome(home, Target("sandbox", "aws", "rest-api"), tmp_path / "sources", "" if is_file else location)
    yield opened
    opened.close()
