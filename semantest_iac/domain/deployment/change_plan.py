"""The changes that an engine would make, and what causes each of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from semantest_iac_events.values import ChangeCounts, ResourceChange

PropertyOrigins = Mapping[str, Mapping[str, Collection[str]]]
"""By URN and property: the URNs of the resources that the property's value comes from."""


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """Every resource with its operation, in the order in which an engine would take them.

    `lacks_code`: what is deployed does not run the package yet, and its cloud takes that beside the resources.
    """

    resources: tuple[ResourceChange, ...] = ()
    lacks_code: bool = False

    @property
    def changes(self) -> ChangeCounts:
        """How many resources each operation touches."""
        return count_operations(resource.op for resource in self.resources)

    @property
    def is_empty(self) -> bool:
        """Nothing would change."""
        return self.changes.is_empty and not self.lacks_code

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


def trace_causes(changes: Iterable[ResourceChange], origins: PropertyOrigins) -> ChangePlan:
    """The plan with each property that causes a change led back to the changing resources that it comes from."""
    changes = tuple(changes)
    moving = {change.urn: change.name for change in changes if change.op != "same"}
    return ChangePlan(tuple(_trace_causes_of(change, origins.get(change.urn, {}), moving) for change in changes))


def _trace_causes_of(
    change: ResourceChange, origins: Mapping[str, Collection[str]], moving: Mapping[str, str]
) -> ResourceChange:
    why = tuple(_describe_cause(property_, origins, moving) for property_ in change.why)
    return change if why == change.why else change.model_copy(update={"why": why})


def _describe_cause(property_: str, origins: Mapping[str, Collection[str]], moving: Mapping[str, str]) -> str:
    """`role (identity)`; of a path such as `vpcConfig.subnetIds[0]` the dependencies of the whole property count."""
    sources = origins.get(re.split(r"[.\[]", property_, maxsplit=1)[0], ())
    names = sorted({moving[source] for source in sources if source in moving})
    return f"{property_} ({', '.join(names)})" if names else property_


def combine_plans(first: ChangePlan, then: ChangePlan) -> ChangePlan:
    """What two runs did in all; of a resource that both changed it is told what the first did to it."""
    before = {change.urn: change for change in first.mutations}
    last = [before.pop(change.urn, change) for change in then.resources]
    return ChangePlan((*last, *before.values()))


def count_operations(operations: Iterable[str]) -> ChangeCounts:
    """Operations by name, counted."""
    counts: dict[str, int] = {}
    for operation in operations:
        counts[operation] = counts.get(operation, 0) + 1
    return ChangeCounts(**counts)
