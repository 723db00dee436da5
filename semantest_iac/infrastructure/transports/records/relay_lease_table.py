"""Keeps which relay publishes to a target, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable

from semantest_iac.application.ports.relay_leases import RelayLease
from semantest_iac.infrastructure.databases.database import Database, DatabaseConnection
from semantest_iac.infrastructure.transports.records.position_table import (
    POSITION_TABLE,
    TransportPositionTable,
    write_position,
)
from semantest_iac.infrastructure.transports.records.tables import RecordTables

_LEASE_TABLE = """create table if not exists relay_leases (
    target text primary key, holder text not null, fence bigint not null, lease_end double precision not null
)"""
_POSITION_PREFIX = "target "  # no name of a source has a space


class RelayLeaseTable:
    """The leases in the database of the ledger.

    `has_ended` says of a holder whether its process is gone, so that nobody needs to wait for the end of its lease.
    """

    def __init__(self, database: Database, has_ended: Callable[[str], bool] = lambda holder: False) -> None:
        self._tables = RecordTables(database, _LEASE_TABLE, POSITION_TABLE)
        self._positions = TransportPositionTable(database)
        self._has_ended = has_ended

    async def claim(self, target: str, holder: str, lease_s: float) -> RelayLease | None:
        """Take the lease of a target over where nobody has it any more."""

        def take(connection: DatabaseConnection) -> RelayLease | None:
            now = connection.read_clock()
            for other, lease_end in connection.execute(
                "select holder, lease_end from relay_leases where target = ?", (target,)
            ):
                if lease_end >= now and not self._has_ended(other):
                    return None
            ((fence,),) = connection.execute(
                "insert into relay_leases values (?, ?, 1, ?) on conflict (target) do update set"
                " holder = excluded.holder, fence = relay_leases.fence + 1, lease_end = excluded.lease_end"
                " returning fence",
                (target, holder, now + lease_s),
            )
            return RelayLease(target, int(fence))

        return await self._tables.change(take)

    async def renew(self, lease: RelayLease, lease_s: float, position: str | None = None) -> bool:
        """Extend the lease, if no other relay has taken it over."""

        def extend(connection: DatabaseConnection) -> bool:
            extended = connection.execute(
                "update relay_leases set lease_end = ? where target = ? and fence = ? returning target",
                (connection.read_clock() + lease_s, lease.target, lease.fence),
            )
            if extended and position is not None:
                write_position(connection, _POSITION_PREFIX + lease.target, position)
            return bool(extended)

        return await self._tables.change(extend)

    async def release(self, lease: RelayLease) -> None:
        """End the lease now."""
        await self._tables.change(
            lambda connection: connection.execute(
                "update relay_leases set lease_end = 0 where target = ? and fence = ?", (lease.target, lease.fence)
            )
        )

    def read_position(self, target: str) -> str | None:
        """Return the position that was remembered last."""
        return self._positions.read(_POSITION_PREFIX + target)
