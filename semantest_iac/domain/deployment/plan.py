"""What an engine would do, before it does it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from semantest_iac_events.values import ChangeCounts, ResourceChange


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """Every resource with its operation, in the order in which an engine would take them."""

    resources: tuple[ResourceChange, ...] = ()

    @property
    def changes(self) -> ChangeCounts:
        """How many resources each operation touches."""
        return count(resource.op for resource in self.resources)

    @property
    def is_empty(self) -> bool:
        """Nothing would change."""
        return self.changes.is_empty

    @property
    def verdict(self) -> str:
        """`no_change`, `irreversible` where anything is lost for good, else `safe`."""
        if self.is_empty:
            return "no_change"
        return "irreversible" if any(change.reversible == "irreversible" for change in self.mutations) else "safe"

    @property
    def mutations(self) -> tuple[ResourceChange, ...]:
        """The resources that would change."""
        return tuple(resource for resource in self.resources if resource.op != "same")


def count(operations: Iterable[str]) -> ChangeCounts:
    """Operations by name, counted."""
    counts: dict[str, int] = {}
    for operation in operations:
        counts[operation] = counts.get(operation, 0) + 1
    return ChangeCounts(**counts)
