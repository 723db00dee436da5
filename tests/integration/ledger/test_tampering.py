from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from semantest_iac.application.ports.ledger import NewEvent
from semantest_iac.domain.errors import LedgerError
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger

FORGED = "insert into events values ({}, 'a', {}, 'x', '{{}}', '" + "0" * 64 + "')"
CHANGES = {
    "a changed event": (3, "update events set json = '{\"number\": 9}' where position = 3"),
    "an event as bytes": (3, "update events set json = cast(json as blob) where position = 3"),
    "a changed type": (3, "update events set type = 'z' where position = 3"),
    "a changed hash": (3, "update events set hash = substr(hash, 2) || '0' where position = 3"),
    "an event moved to another stream": (3, "update events set stream = 'c', version = 1 where position = 3"),
    "a renamed stream": (1, "update events set stream = 'c' where stream = 'a'"),
    "a changed version": (5, "update events set version = 9 where position = 5"),
    "a deleted event": (3, "delete from events where position = 3"),
    "a deleted start": (1, "delete from events where position = 1"),
    "a closed gap": (
        3,
        "delete from events where position = 3; update events set position = position - 1 where position > 3",
    ),
    "two texts swapped": (
        1,
        "update events set json = '{\"number\": ' || (2 - version) || '}' where stream = 'a' and version < 3",
    ),
    "two events swapped": (
        3,
        "update events set position = 99 where position = 3;"
        "update events set position = 3 where position = 4;"
        "update events set position = 4 where position = 99",
    ),
    "an event put before the start": (1, FORGED.format(0, 9)),
    "an event added at the end": (7, FORGED.format(7, 4)),
}


def _edit(file: Path, statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(statements)


class TestVerify:
    @pytest.mark.parametrize(("position", "statements"), CHANGES.values(), ids=CHANGES)
    def test_reports_the_position_of_a_change(
        self, written: SqliteLedger, file: Path, position: int, statements: str
    ) -> None:
        _edit(file, statements)

        with pytest.raises(LedgerError, match=f"at position {position}: expected .*, found ") as found:
            written.verify()

        assert found.value.error_code == "LEDGER_CHANGED"

    def test_detects_a_cut_tail_with_a_noted_head(self, written: SqliteLedger, file: Path) -> None:
        noted = written.head()
        _edit(file, "delete from events where position > 4")

        assert written.verify().events == 4
        with pytest.raises(LedgerError, match=f"at position 6: expected hash {noted.hash}, found the end"):
            written.verify(noted)

    async def test_detects_a_rewritten_tail(self, written: SqliteLedger, file: Path) -> None:
        noted = written.head()
        _edit(file, "delete from events where position > 4")
        await written.append("c", None, [NewEvent("x", "{}")] * 4)

        assert written.verify().events == 8
        with pytest.raises(LedgerError, match=f"at position 6: expected hash {noted.hash}"):
            written.verify(noted)

    def test_detects_an_index_that_hides_an_event(self, written: SqliteLedger, file: Path) -> None:
        _edit(
            file,
            "pragma writable_schema = on; create table spare (a, b, unique (a, b));"
            "update sqlite_master set rootpage = (select rootpage from sqlite_master"
            " where name = 'sqlite_autoindex_spare_1') where name = 'sqlite_autoindex_events_1'",
        )

        with pytest.raises(LedgerError, match="the file is damaged") as found:
            written.verify()

        assert found.value.error_code == "LEDGER_DAMAGED"
