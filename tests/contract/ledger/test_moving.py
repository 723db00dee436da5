"""An export moves a ledger from SQLite to PostgreSQL and back, and a home notes what it imported."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from semantest_iac.application.ports.ledger import Ledger
from semantest_iac.application.queries.exported_log import format_exported_event, parse_exported_log
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.databases.postgresql import PostgresqlDatabase
from semantest_iac.infrastructure.home_manifest import HomeManifest
from semantest_iac.infrastructure.ledger.sql_ledger import SqlLedger
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
from tests.fakes.memory_ledger import STACK, a_deploy, a_destroy
from tests.postgresql_server import PostgresqlServer


def _export(ledger: Ledger) -> list[bytes]:
    return [f"{format_exported_event(row)}\n".encode() for row in ledger.log()]


async def test_from_sqlite_to_postgresql_and_back(home: Path, postgresql: PostgresqlServer) -> None:
    first, third = SqliteLedger(home / "ledger.db"), SqliteLedger(home / "other" / "ledger.db")
    second = SqlLedger(PostgresqlDatabase(postgresql.url, f"test_{uuid4().hex}"))
    await first.append(STACK, 0, a_deploy(endpoint="https://é"))

    second.import_log(parse_exported_log(_export(first)))
    await second.append(STACK, 7, a_destroy())
    first.import_log(parse_exported_log(_export(second)))
    third.import_log(parse_exported_log(_export(second)))

    assert _export(first) == _export(second) == _export(third)
    assert {each.verify().head for each in (first, second, third)} == {second.head()}
    assert first.stacks() == second.stacks() == third.stacks()
    for each in (first, second, third):
        each.close()


async def test_a_home_notes_what_it_imported(home: Path) -> None:
    source = SqliteLedger(home / "source.db")
    await source.append(STACK, 0, a_deploy())
    target = SqliteLedger(home / "new" / "ledger.db", manifest=HomeManifest(home / "new"))

    target.import_log(source.log())
    target.close()
    (home / "new" / "ledger.db").unlink()

    with pytest.raises(LedgerError, match="the home has noted 7 events"):
        target.head()
