"""Who registered as what: each resource of the last run continues as one of this run at most."""

from __future__ import annotations

from dataclasses import replace

from semantest_iac.infrastructure.sandbox_engine.aliases import former_urns
from semantest_iac.infrastructure.sandbox_engine.goals import Goal
from semantest_iac.infrastructure.sandbox_engine.snapshots import Snapshot
from semantest_iac.infrastructure.sandbox_engine.states import ResourceState


class ClaimError(Exception):
    """Two registrations mean the same resource."""


class Claims:
    """The URNs, present and former, that the registrations of one run stand for."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._renamed: dict[str, str] = {}  # present URN -> the former one under which it was found

    def settle(self, goal: Goal, snapshot: Snapshot) -> tuple[ResourceState | None, Goal]:
        """What the goal was in the last run, and the goal with a note of another name it had then."""
        urn = goal.wanted.urn
        if urn in self._taken:
            raise ClaimError(f"Duplicate resource '{urn}'; try giving it a unique name")
        urns = former_urns(goal.wanted, goal.aliases, self._renamed)
        old = next(filter(None, map(snapshot.old, urns)), None)
        self._taken.add(urn)
        if old is None or old.urn == urn:
            return old, goal
        self._taken.add(old.urn)
        self._renamed[urn] = old.urn
        return old, replace(goal, wanted=replace(goal.wanted, aliases=(old.urn,)))
