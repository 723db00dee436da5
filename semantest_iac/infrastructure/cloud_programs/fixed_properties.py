"""Refuses plans that change what a resource keeps for its whole life, before anything is changed.

A provider plans such a change as an update, which the cloud then refuses. Replacing the resource is no way out: its
name stays taken for a while, or what it holds would be lost without anybody having asked for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.errors import Fault, FixedPropertyError

_HINT = "Write the former value, or destroy the stack and deploy it again."


@dataclass(frozen=True, slots=True)
class FixedProperty:
    """A property that an update cannot change, and the key of a configuration that it comes from.

    Values that are `related` can become each other.
    """

    path: str
    setting: str
    reason: str
    hint: str = _HINT
    related: tuple[Any, ...] = ()

    def refuses(self, old: Any, new: Any) -> bool:
        """Whether the cloud refuses to change one value into the other, as far as both are known."""
        return not (old is None or new is None or (old in self.related and new in self.related))


FixedProperties = Mapping[str, tuple[FixedProperty, ...]]
"""By resource type, what an update cannot change."""


def refuse_fixed_changes(plan: ChangePlan, fixed: FixedProperties) -> None:
    """Raise FixedPropertyError with every change of the plan that the cloud would refuse."""
    faults = [fault for change in plan.resources if change.op == "update" for fault in _find_faults(change, fixed)]
    if faults:
        raise FixedPropertyError("Cannot deploy: the cloud refuses to change what was set for good.", faults=faults)


def _find_faults(change: PlannedChange, fixed: FixedProperties) -> Iterator[Fault]:
    for each in fixed.get(change.type, ()):
        for it in change.properties:
            if it.path == each.path and not it.is_computed and each.refuses(it.old, it.new):
                yield Fault(each.setting, f"{change.name}: {it.old} cannot become {it.new}: {each.reason}", each.hint)
