"""Events are found by their ids and correlation ids, in ledgers of earlier versions too."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger
from tests.fakes.memory_ledger import STACK, an_event, event_id

EARLIER_VERSIONS = {
    "made the ledger": "drop table event_links",
    "appended the newest events": "delete from event_links where position > 2",
}


def _edit(file: Path, statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(statements)


def _linked(file: Path) -> list[int]:
    with closing(sqlite3.connect(file)) as connection:
        return [position for (position,) in connection.execute("select position from event_links order by position")]


async def _append(ledger: SqliteLedger, *names: str) -> None:
    for name in names:
        entry = an_event("journal.step.intended", name, correlationid="c1")
        await ledger.append(STACK, None, [an_event("updated", name, correlationid="c1"), entry])


class TestEventLinks:
    @pytest.mark.parametrize("loss", EARLIER_VERSIONS.values(), ids=EARLIER_VERSIONS)
    async def test_are_added_by_the_next_append_if_an_earlier_version(
        self, ledger: SqliteLedger, file: Path, loss: str
    ) -> None:
        await _append(ledger, "d1", "d2", "d3")
        _edit(file, loss)
        found = [row.position for row in ledger.find_correlated("c1")]
        by_id = ledger.find_events({event_id("d3", "updated")})

        await _append(ledger, "d4")

        assert (found, [row.position for row in by_id]) == ([1, 3, 5], [5])
        assert _linked(file) == [1, 3, 5, 7]
        assert [row.position for row in ledger.find_correlated("c1", STACK)] == [1, 3, 5, 7]

    async def test_leave_with_the_events_of_a_log_that_was_cut(self, ledger: SqliteLedger, file: Path) -> None:
        await _append(ledger, "d1", "d2", "d3")
        _edit(file, "delete from events where position > 2")

        await _append(ledger, "d4")

        assert (_linked(file), ledger.find_events({event_id("d2", "updated"), event_id("d3", "updated")})) == (
            [1, 3],
            [],
        )
        assert [row.position for row in ledger.find_events({event_id("d4", "updated")})] == [3]

    async def test_are_made_anew_by_a_rebuild(self, ledger: SqliteLedger, file: Path) -> None:
        await _append(ledger, "d1", "d2")
        _edit(file, "update event_links set event_id = 'wrong'")

        ledger.rebuild()

        assert [row.position for row in ledger.find_events({event_id("d1", "updated"), event_id("d2", "updated")})] == [
            1,
            3,
        ]

    async def test_are_looked_up_by_indexes(self, ledger: SqliteLedger, file: Path) -> None:
        await _append(ledger, "d1")

        with closing(sqlite3.connect(file)) as connection:
            plans = [
                str(connection.execute(f"explain query plan select * from event_links where {condition}").fetchall())
                for condition in (
                    "event_id in ('a', 'b')",
                    "correlation = 'c' order by position desc limit 9",
                    "correlation = 'c' and stream = 's' order by position desc limit 9",
                )
            ]

        assert [("SCAN" in plan, "TEMP B-TREE" in plan) for plan in plans] == [(False, False)] * 3
