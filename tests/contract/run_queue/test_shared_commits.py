"""Changes that are asked for at the same time share a transaction, and end as if each had its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from itertools import cycle

import pytest

from semantest_iac.domain.errors import LedgerError, RefusedError
from semantest_iac.infrastructure.databases.database import Database, DatabaseConnection

_TABLE = "create table if not exists numbers (number integer not null unique)"


_Insert = Callable[[DatabaseConnection, Sequence[int]], list[str]]
Change = Callable[[DatabaseConnection], int]
Groups = list[Sequence[int]]


def _insert(number: int, raised: Exception | None = None) -> Change:
    def change(connection: DatabaseConnection) -> int:
        connection.execute(_TABLE)
        connection.execute("insert into numbers values (?)", (number,))
        if raised is not None:
            raise raised
        return number

    return change


async def _commit(database: Database, *changes: Change, noted: Groups | None = None) -> list[int | BaseException]:
    """Ask for all changes at once and return what each has ended with."""
    on_commit = None if noted is None else noted.append
    committing = [database.commit("write to", change, on_commit) for change in changes]
    return await asyncio.gather(*committing, return_exceptions=True)


def _numbers(database: Database) -> list[int]:
    with database.read("read") as connection:
        assert connection is not None
        return sorted(number for (number,) in connection.execute("select number from numbers"))


class TestChangesAtOnce:
    async def test_all_are_committed_with_their_own_results(self, database: Database) -> None:
        noted: Groups = []

        assert await _commit(database, *map(_insert, range(200)), noted=noted) == list(range(200))
        assert _numbers(database) == sorted(number for group in noted for number in group) == list(range(200))

    async def test_share_a_commit(self, database: Database) -> None:
        noted: Groups = []
        begun, go_on = threading.Event(), threading.Event()

        def wait(connection: DatabaseConnection) -> int:
            begun.set()
            assert go_on.wait(60)
            return -1

        first = asyncio.ensure_future(database.commit("write to", wait, noted.append))
        await asyncio.to_thread(begun.wait, 60)
        others = asyncio.ensure_future(_commit(database, *map(_insert, range(5)), noted=noted))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(first, others)

        assert noted == [[-1], [0, 1, 2, 3, 4]]

    async def test_one_that_raises_leaves_nothing_and_the_others_stay(self, database: Database) -> None:
        refused = RefusedError("Not this one.", "REFUSED")

        results = await _commit(database, _insert(1), _insert(2, refused), _insert(3))

        assert (results, _numbers(database)) == ([1, refused, 3], [1, 3])

    async def test_one_that_the_database_refuses_fails_alone(self, database: Database) -> None:
        await _commit(database, _insert(2))

        one, two, three = await _commit(database, _insert(1), _insert(2), _insert(3))

        assert (one, three, _numbers(database)) == (1, 3, [1, 2, 3])
        assert isinstance(two, LedgerError)

    async def test_a_mistake_in_one_is_raised_to_its_caller(self, database: Database) -> None:
        mistake = KeyError("unknown")

        results = await _commit(database, _insert(1), _insert(2, mistake))

        assert (results, _numbers(database)) == ([1, mistake], [1])

    async def test_one_whose_caller_is_gone_disturbs_nobody(self, database: Database) -> None:
        gone = asyncio.ensure_future(_commit(database, _insert(1)))
        staying = asyncio.ensure_future(_commit(database, _insert(2)))
        await asyncio.sleep(0)
        gone.cancel()

        with pytest.raises(asyncio.CancelledError):
            await gone
        assert await staying == [2]

    def test_serve_several_event_loops(self, database: Database) -> None:
        def run(start: int) -> None:
            for number in range(start, start + 10):
                asyncio.run(_commit(database, _insert(number)))

        threads = [threading.Thread(target=run, args=(start,)) for start in (0, 10, 20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert _numbers(database) == list(range(30))


class Inserting:
    """A change of many numbers, which notes the numbers of each call."""

    def __init__(self, refused: int | None = None) -> None:
        self.calls: list[list[int]] = []
        self._refused = refused

    def insert(self, connection: DatabaseConnection, numbers: Sequence[int]) -> list[str]:
        self.calls.append(list(numbers))
        connection.execute(_TABLE)
        connection.insert("numbers", [(number,) for number in numbers])
        if self._refused in numbers:
            raise RefusedError(f"Not {self._refused}.", "REFUSED")
        return [f"inserted {number}" for number in numbers]


class TestItemsAtOnce:
    async def _submit(self, database: Database, *inserts: _Insert, numbers: Sequence[int]) -> list[str | BaseException]:
        """Ask for all numbers, of the changes in turn, while another change is carried out."""
        begun, go_on = threading.Event(), threading.Event()

        def wait(connection: DatabaseConnection) -> None:
            connection.execute(_TABLE)
            begun.set()
            assert go_on.wait(60)

        first = asyncio.ensure_future(database.commit("write to", wait))
        await asyncio.to_thread(begun.wait, 60)
        committing = [
            asyncio.ensure_future(database.commit_together("write to", insert, number))
            for insert, number in zip(cycle(inserts), numbers, strict=False)
        ]
        await asyncio.sleep(0)
        go_on.set()
        await first
        return await asyncio.gather(*committing, return_exceptions=True)

    async def test_are_one_call_and_get_their_own_results(self, database: Database) -> None:
        inserting = Inserting()

        results = await self._submit(database, inserting.insert, numbers=(3, 1, 2))

        assert (results, inserting.calls) == (["inserted 3", "inserted 1", "inserted 2"], [[3, 1, 2]])
        assert _numbers(database) == [1, 2, 3]

    async def test_are_tried_one_by_one_where_one_is_refused(self, database: Database) -> None:
        inserting = Inserting(refused=2)

        one, two, three = await self._submit(database, inserting.insert, numbers=(1, 2, 3))

        assert (one, three, _numbers(database)) == ("inserted 1", "inserted 3", [1, 3])
        assert isinstance(two, RefusedError)
        assert inserting.calls == [[1, 2, 3], [1], [2], [3]]

    async def test_fail_alone_where_the_database_refuses_one(self, database: Database) -> None:
        await _commit(database, _insert(2))

        one, two, three = await self._submit(database, Inserting().insert, numbers=(1, 2, 3))

        assert (one, three, _numbers(database)) == ("inserted 1", "inserted 3", [1, 2, 3])
        assert isinstance(two, LedgerError)

    async def test_of_several_changes_stay_apart(self, database: Database) -> None:
        first, second = Inserting(), Inserting()

        results = await self._submit(database, first.insert, second.insert, numbers=(1, 2, 3, 4))

        assert results == [f"inserted {number}" for number in range(1, 5)]
        assert (first.calls, second.calls) == ([[1], [3]], [[2], [4]])
