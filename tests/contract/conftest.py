from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgresql_server import MISSING_REASON, PostgresqlServer, find_postgresql, run_postgresql


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    programs = find_postgresql()
    if programs is None:
        pytest.skip(MISSING_REASON)
    with run_postgresql(programs) as server:
        yield server
