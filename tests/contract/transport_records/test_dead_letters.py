"""What every store of dead letters guarantees, on each database."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from semantest_iac.application.ports.event_transports import DeadLetter
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.infrastructure.databases.database import Database
from semantest_iac.infrastructure.transports.records import dead_letter_table
from semantest_iac.infrastructure.transports.records.dead_letter_table import DeadLetterTable
from tests.run_queues import open_database

LETTER = DeadLetter(
    id="a1f0",
    direction="received",
    transport="core",
    code="EVENT_UNREADABLE",
    reason="it is no JSON",
    failed_at=1_700_000_000.25,
    body=b"{",
    headers={"content-type": "application/json"},
    place="SEMANTEST:42",
)


@pytest.fixture
def letters(database: Database) -> DeadLetterTable:
    return DeadLetterTable(database)


class TestDeadLetters:
    async def test_are_kept_whole(self, letters: DeadLetterTable, location: str) -> None:
        published = replace(LETTER, id="b2", direction="published", body=bytes(range(256)), is_complete=False)

        await letters.add(LETTER)
        await letters.add(published)

        other = open_database(location)
        assert DeadLetterTable(other).list() == [LETTER, published]
        other.close()

    @pytest.mark.parametrize("text", ["\0", "\ud800", "é\u2028\x1b[2J", "'; drop table dead_letters; --"])
    async def test_may_hold_any_text(self, letters: DeadLetterTable, text: str) -> None:
        hostile = replace(LETTER, reason=text, place=text, headers={text: text}, body=b"")

        await letters.add(hostile)

        assert letters.list() == [hostile]

    async def test_are_listed_oldest_first(self, letters: DeadLetterTable) -> None:
        for id_, failed_at in (("c", 3.0), ("a", 2.0), ("b", 1.0)):
            await letters.add(replace(LETTER, id=id_, failed_at=failed_at))

        assert [letter.id for letter in letters.list()] == ["b", "a", "c"]

    async def test_replace_one_with_the_same_id(self, letters: DeadLetterTable) -> None:
        await letters.add(LETTER)
        again = replace(LETTER, reason="still no JSON", failed_at=LETTER.failed_at + 9)

        await letters.add(again)

        assert letters.list() == [again]

    async def test_of_a_source_are_its_newest_ones(
        self, letters: DeadLetterTable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(dead_letter_table, "MOST_RECEIVED", 2)
        others = [replace(LETTER, id="o", transport="other"), replace(LETTER, id="p", direction="published")]
        for letter in others:
            await letters.add(letter)

        for number in range(4):
            await letters.add(replace(LETTER, id=f"n{number}", failed_at=LETTER.failed_at + 1 + number))

        assert [letter.id for letter in letters.list()] == ["o", "p", "n2", "n3"]

    async def test_of_a_source_have_a_size_together(
        self, letters: DeadLetterTable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(dead_letter_table, "MOST_RECEIVED_BYTES", 25)

        for number in range(4):
            await letters.add(replace(LETTER, id=f"n{number}", failed_at=LETTER.failed_at + number, body=b"x" * 10))

        assert [letter.id for letter in letters.list()] == ["n2", "n3"]

    async def test_are_removed(self, letters: DeadLetterTable) -> None:
        await letters.add(LETTER)

        await letters.remove("a1f0")
        await letters.remove("a1f0")

        assert letters.list() == []

    async def test_of_several_processes_are_all_kept(self, letters: DeadLetterTable, location: str) -> None:
        other = open_database(location)
        tables = (letters, DeadLetterTable(other))

        await asyncio.gather(*(tables[n % 2].add(replace(LETTER, id=f"{n:03}")) for n in range(100)))

        assert [letter.id for letter in letters.list()] == [f"{n:03}" for n in range(100)]
        other.close()


class TestGettingOne:
    async def test_takes_the_start_of_its_id(self, letters: DeadLetterTable) -> None:
        for id_ in ("a1f0", "a1f0-2", "b"):
            await letters.add(replace(LETTER, id=id_))

        assert [letters.get(prefix).id for prefix in ("b", "a1f0-", "a1f0")] == ["b", "a1f0-2", "a1f0"]

    @pytest.mark.parametrize("prefix", ["a1", "", "x", "%", "a_f0", "\0"])
    async def test_refuses_none_and_several(self, letters: DeadLetterTable, prefix: str) -> None:
        for id_ in ("a1f0", "a1f1"):
            await letters.add(replace(LETTER, id=id_))

        with pytest.raises(NotFoundError, match="Cannot find dead letter '") as refused:
            letters.get(prefix)

        assert refused.value.hint == "See: semantest-iac events dead-letters list"


class TestReading:
    async def test_creates_nothing(self, letters: DeadLetterTable, database: Database) -> None:
        assert letters.list() == []
        with pytest.raises(NotFoundError):
            letters.get("a")

        with database.read("read") as connection:
            assert connection is None or not connection.has_table("dead_letters")
