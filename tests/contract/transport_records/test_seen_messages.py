"""What is guaranteed of the memory of taken messages, on each database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from semantest_iac.application.ports.event_transports import SeenMessages
from semantest_iac.infrastructure.databases.database import Database
from semantest_iac.infrastructure.transports.records.seen_message_table import SeenMessageTable
from tests.run_queues import open_database


@pytest.fixture
def other(location: str) -> Iterator[SeenMessageTable]:
    """The memory as another worker has it."""
    opened = open_database(location)
    yield SeenMessageTable(opened)
    opened.close()


@pytest.fixture
def seen(database: Database) -> SeenMessages:
    return SeenMessageTable(database)


class TestSeenMessages:
    async def test_are_known_by_each_of_their_keys_to_every_worker(
        self, seen: SeenMessages, other: SeenMessages
    ) -> None:
        await seen.add("hooks", ["id 1", "body a"], None)

        found = [await other.has_any("hooks", keys) for keys in (["id 1"], ["body a"], ["id 2", "body a"], ["id 2"])]

        assert found == [True, True, True, False]

    async def test_of_another_source_are_others(self, seen: SeenMessages) -> None:
        await seen.add("hooks", ["id 1"], None)

        assert not await seen.has_any("github", ["id 1"])

    async def test_may_be_added_again(self, seen: SeenMessages, other: SeenMessages) -> None:
        await asyncio.gather(*((seen, other)[n % 2].add("hooks", ["id 1", f"body {n}"], None) for n in range(10)))

        assert all([await seen.has_any("hooks", [f"body {n}"]) for n in range(10)])

    async def test_are_forgotten_after_their_time(self, seen: SeenMessages) -> None:
        await seen.add("hooks", ["old"], -1.0)
        await seen.add("hooks", ["kept"], 3600.0)
        await seen.add("github", ["for good"], None)

        found = [await seen.has_any("hooks", [key]) for key in ("old", "kept")]

        assert (found, await seen.has_any("github", ["for good"])) == ([False, True], True)

    async def test_may_have_any_key(self, seen: SeenMessages) -> None:
        keys = ["", "a\x00b", "'; drop table runs", "x" * 5000, "ä"]
        await seen.add("hooks", keys, None)

        assert [await seen.has_any("hooks", [key]) for key in keys] == [True] * 5

    async def test_are_asked_for_without_creating_anything(self, database: Database, seen: SeenMessages) -> None:
        assert not await seen.has_any("hooks", ["id 1"])

        with database.read("read") as connection:
            assert connection is None or not connection.has_table("seen_messages")
