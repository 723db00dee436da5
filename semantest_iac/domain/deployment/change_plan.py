"""The changes that an engine would make, and what causes each of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from semantest_iac_events.values import ChangeCounts, ResourceChange

PropertyOrigins = Mapping[str, Mapping[str, Collection[str]]]
"""By URN and property, the URNs of the resources that the property's value comes from."""


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """Every resource with its operation, in the order of an engine.

    `lacks_code`: the deployed resources do not run the package yet, and their cloud takes code separately.
    """

    resources: tuple[ResourceChange, ...] = ()
    lacks_code: bool = False

    @property
    def changes(self) -> ChangeCounts:
        """Return the number of resources per operation."""
        return count_operations(resource.op for resource in self.resources)

    @property
    def is_empty(self) -> bool:
        return self.changes.is_empty and not self.lacks_code

    @property
    def verdict(self) -> str:
        """The word of `preview --json`: `no_change`, `irreversible` if anything is lost for good, else `safe`."""
        if self.is_empty:
            return "no_change"
        return "irreversible" if any(change.reversible == "irreversible" for change in self.mutations) else "safe"

    @property
    def mutations(self) -> tuple[ResourceChange, ...]:
        """Return the resources that would change."""
        return tuple(resource for resource in self.resources if resource.op != "same")


def trace_causes(changes: Iterable[ResourceChange], origins: PropertyOrigins) -> ChangePlan:
    """Return the plan with the changing resources that each causing property comes from."""
    changes = tuple(changes)
    changing = {change.urn: change.name for change in changes if change.op != "same"}
    return ChangePlan(tuple(_trace_causes_of(change, origins.get(change.urn, {}), changing) for change in changes))


def _trace_causes_of(
    change: ResourceChange, origins: Mapping[str, Collection[str]], changing: Mapping[str, str]
) -> ResourceChange:
    causes = tuple(_describe_cause(property_, origins, changing) for property_ in change.why)
    return change if causes == change.why else change.model_copy(update={"why": causes})


def _describe_cause(property_: str, origins: Mapping[str, Collection[str]], changing: Mapping[str, str]) -> str:
    """Return such as `role (identity)`; a path such as `vpcConfig.subnetIds[0]` counts as the whole property."""
    sources = origins.get(re.split(r"[.\[]", property_, maxsplit=1)[0], ())
    names = sorted({changing[source] for source in sources if source in changing})
    return f"{property_} ({', '.join(names)})" if names else property_


def combine_plans(first: ChangePlan, second: ChangePlan) -> ChangePlan:
    """Return what two runs did in all; the first operation counts where both changed a resource."""
    before = {change.urn: change for change in first.mutations}
    last = [before.pop(change.urn, change) for change in second.resources]
    return ChangePlan((*last, *before.values()))


def count_operations(operations: Iterable[str]) -> ChangeCounts:
    counts: dict[str, int] = {}
    for operation in operations:
        counts[operation] = counts.get(operation, 0) + 1
    return ChangeCounts(**counts)
