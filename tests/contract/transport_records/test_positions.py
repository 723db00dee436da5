"""What is guaranteed of positions and of the leases of relays, on each database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from semantest_iac.application.ports.relay_leases import RelayLease
from semantest_iac.infrastructure.databases.database import Database
from semantest_iac.infrastructure.transports.records.position_table import TransportPositionTable
from semantest_iac.infrastructure.transports.records.relay_lease_table import RelayLeaseTable
from tests.run_queues import open_database


@pytest.fixture
def other(location: str) -> Iterator[Database]:
    """The database of another worker."""
    opened = open_database(location)
    yield opened
    opened.close()


@pytest.fixture
def ended() -> set[str]:
    """The holders whose processes have ended."""
    return set()


@pytest.fixture
def leases(database: Database, ended: set[str]) -> RelayLeaseTable:
    return RelayLeaseTable(database, ended.__contains__)


@pytest.fixture
def other_leases(other: Database, ended: set[str]) -> RelayLeaseTable:
    return RelayLeaseTable(other, ended.__contains__)


async def _claim(leases: RelayLeaseTable, holder: str, lease_s: float = 60.0) -> RelayLease:
    lease = await leases.claim("nats", holder, lease_s)
    assert lease is not None
    return lease


class TestPositions:
    async def test_are_remembered(self, database: Database, other: Database) -> None:
        positions = TransportPositionTable(database)
        assert positions.read("core") is None

        await positions.save("core", "7")
        await positions.save("files", '{"events.jsonl": 120}')
        await positions.save("core", "8")

        assert [TransportPositionTable(other).read(name) for name in ("core", "files", "c")] == [
            "8",
            '{"events.jsonl": 120}',
            None,
        ]

    async def test_of_sources_and_targets_with_one_name_differ(
        self, database: Database, leases: RelayLeaseTable
    ) -> None:
        positions = TransportPositionTable(database)
        await positions.save("nats", "source")

        await leases.renew(await _claim(leases, "a"), 60, "target")

        assert (positions.read("nats"), leases.read_position("nats")) == ("source", "target")

    async def test_are_read_without_creating_anything(self, database: Database, leases: RelayLeaseTable) -> None:
        assert (TransportPositionTable(database).read("core"), leases.read_position("nats")) == (None, None)

        with database.read("read") as connection:
            assert connection is None or not connection.has_table("transport_positions")


class TestLeases:
    async def test_are_given_to_one(self, leases: RelayLeaseTable, other_leases: RelayLeaseTable) -> None:
        given = await asyncio.gather(
            *((leases, other_leases)[n % 2].claim("nats", f"worker-{n}", 60) for n in range(20))
        )

        assert len([lease for lease in given if lease]) == 1

    async def test_of_other_targets_are_free(self, leases: RelayLeaseTable) -> None:
        assert await leases.claim("nats", "a", 60) and await leases.claim("kafka", "b", 60)

    async def test_are_taken_over_at_their_end(self, leases: RelayLeaseTable, other_leases: RelayLeaseTable) -> None:
        first = await _claim(leases, "a", lease_s=-1.0)

        second = await _claim(other_leases, "b")

        assert second.fence == first.fence + 1

    async def test_are_taken_over_from_a_process_that_ended(
        self, leases: RelayLeaseTable, other_leases: RelayLeaseTable, ended: set[str]
    ) -> None:
        await _claim(leases, "a")
        assert await other_leases.claim("nats", "b", 60) is None
        ended.add("a")

        assert await other_leases.claim("nats", "b", 60)

    async def test_are_free_once_given_back(self, leases: RelayLeaseTable, other_leases: RelayLeaseTable) -> None:
        lease = await _claim(leases, "a")
        await leases.release(lease)

        assert await other_leases.claim("nats", "b", 60)
        await leases.release(lease)
        assert await leases.claim("nats", "a", 60) is None

    async def test_are_kept_by_renewing(self, leases: RelayLeaseTable, other_leases: RelayLeaseTable) -> None:
        lease = await _claim(leases, "a", lease_s=-1.0)

        assert await leases.renew(lease, 60)

        assert await other_leases.claim("nats", "b", 60) is None

    async def test_that_are_lost_change_nothing(self, leases: RelayLeaseTable, other_leases: RelayLeaseTable) -> None:
        lost = await _claim(leases, "a", lease_s=-1.0)
        held = await _claim(other_leases, "b")
        assert await other_leases.renew(held, 60, "100")

        assert not await leases.renew(lost, 60, "50")

        assert leases.read_position("nats") == "100"
