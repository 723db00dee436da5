"""The port of the leases that let one relay at a time publish to a target, among all workers of a ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RelayLease:
    """The right to publish to a target; the fence grows each time that another relay takes it over."""

    target: str
    fence: int


class RelayLeases(Protocol):
    """Gives the leases, and remembers how far each target was published to; in the database of the ledger.

    Every method that changes something raises LedgerError.
    """

    async def claim(self, target: str, holder: str, lease_s: float) -> RelayLease | None:
        """Return the lease of a target; None while another holder has it, whose process may be alive."""
        ...

    async def renew(self, lease: RelayLease, lease_s: float, position: str | None = None) -> bool:
        """Extend the lease from now and, in the same transaction, remember a position; False if it is lost."""
        ...

    async def release(self, lease: RelayLease) -> None:
        """Let the next relay take over at once; nothing happens where the lease is lost."""
        ...

    def read_position(self, target: str) -> str | None:
        """Return the position that was remembered last; None for a target that nothing was published to."""
        ...
