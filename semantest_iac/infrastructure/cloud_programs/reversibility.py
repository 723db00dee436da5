"""Marks changes after which going back brings back the configuration, and not all as it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange

_RECREATIONS = frozenset({"replace", "delete"})


@dataclass(frozen=True, slots=True)
class LossyChange:
    """What is different when the resource is as configured again: `gets another address`.

    It holds where the resource is replaced or deleted; with `lowered`, where that property gets a smaller number.
    """

    reason: str
    lowered: str = ""

    def applies_to(self, change: PlannedChange) -> bool:
        """Whether the change is of this kind."""
        if not self.lowered:
            return change.op in _RECREATIONS
        values = next(((it.old, it.new) for it in change.properties if it.path == self.lowered), (None, None))
        return change.op == "update" and _is_less(*values)


LossyChanges = Mapping[str, tuple[LossyChange, ...]]
"""By resource type, what is lossy about its changes."""


def mark_lossy_changes(plan: ChangePlan, lossy: LossyChanges) -> ChangePlan:
    """Return the plan with what is different after going back; what loses data for good is marked already."""
    return replace(plan, resources=tuple(_mark_all(plan.resources, lossy)))


def _mark_all(changes: Iterable[PlannedChange], lossy: LossyChanges) -> Iterator[PlannedChange]:
    for change in changes:
        reasons = [] if change.loses else [it.reason for it in lossy.get(change.type, ()) if it.applies_to(change)]
        yield replace(change, differs="; ".join(reasons)) if reasons else change


def _is_less(old: Any, new: Any) -> bool:
    is_number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (old, new))
    return is_number and new < old
